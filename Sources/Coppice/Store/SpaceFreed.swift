internal import CoppiceEngine
internal import CoppiceFormat

/// Another that keeps stored bytes which an entry refers to as well.
public struct SpaceSharer: Hashable, Sendable, Codable {
  /// A branch, a snapshot, one that is deleted, a reader, or an import.
  public var holder: SpaceUsage.Holder
  /// Of a branch or snapshot.
  public var name: String?
  /// Of one that is deleted: until when it can surely be restored while there is space. Unless it
  /// is deleted for good before, it keeps what it refers to until a collection after that, or one
  /// that somebody asks for.
  public var restoreWindowEndsAt: Timestamp?

  init(_ sharer: Sharer) {
    (holder, name) = SpaceUsage.Holder.named(sharer.holder)
    restoreWindowEndsAt = sharer.restorableUntil.map { Timestamp(nanoseconds: $0) }
  }
}

/// What deleting entries together frees, and what not.
public struct SpaceFreed: Hashable, Sendable, Codable {
  /// Stored bytes of pages and nodes that nothing else keeps, and bytes of pages that are in memory
  /// and in the journal only.
  public var freedByteCount: UInt64
  /// What they refer to besides.
  public var sharedByteCount: UInt64
  /// All who keep that.
  public var sharers: [SpaceSharer]

  init(_ estimate: DeletionEstimate) {
    freedByteCount = estimate.freed.byteCount
    sharedByteCount = estimate.sharedByteCount
    sharers = estimate.sharers.map(SpaceSharer.init)
  }
}

extension Store {
  /// What `deleteForGood` of all these entries frees, and who keeps the rest of what they refer to:
  /// entries that were deleted before are among those as long as they can be restored. Takes time
  /// in proportion to the manifests of the store. What others changed is sealed first, where the
  /// store is not opened for reading only: what they replaced would seem to be theirs still.
  /// Throws `notFound`.
  public func spaceFreed(deleting names: [String]) throws(StoreError) -> SpaceFreed {
    var ids: Set<UInt64> = []
    for name in names { ids.insert(try engineBranch(name).id.rawValue) }
    return try spaceFreed(deletingEntries: ids)
  }

  /// As the other, of entries by their numbers, deleted ones too.
  package func spaceFreed(deletingEntries ids: Set<UInt64>) throws(StoreError) -> SpaceFreed {
    let ids = Set(ids.map(BranchID.init))
    if !isReadOnly { try engine.sealer.sealAll(besides: ids) }
    return SpaceFreed(try engine.accounts.deletionEstimate(of: ids))
  }
}
