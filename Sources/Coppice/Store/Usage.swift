public import CoppiceEngine
internal import CoppiceFormat
internal import CoppicePlatform

/// What a branch or snapshot takes.
public struct Usage: Hashable, Sendable {
  public var name: String
  /// Bytes of all files as their readers see them, holes included.
  public var logicalByteCount: UInt64
  /// Stored bytes that other branches or snapshots refer to as well.
  public var sharedByteCount: UInt64
  /// Stored bytes that only this one refers to: what deleting it frees.
  public var exclusiveByteCount: UInt64
  /// Files with content.
  public var fileCount: Int
}

extension Store {
  /// What entries take, in the order of the names; without names all, sorted. Changes that are not
  /// in segments yet do not count as stored. Reads all manifests that are in use. Throws `notFound`.
  public func usage(_ names: [String]? = nil) throws(StoreError) -> [Usage] {
    var wanted = names ?? []
    if names == nil { wanted = try entries().map(\.name) }
    var ids: [BranchID] = []
    for name in wanted { ids.append(try engineBranch(name).id) }
    let counted = try engine.usage(of: ids)
    return zip(wanted, counted).map { name, branch in
      Usage(
        name: name, logicalByteCount: branch.logicalByteCount,
        sharedByteCount: branch.sharedByteCount, exclusiveByteCount: branch.exclusiveByteCount,
        fileCount: branch.volumeCount)
    }
  }

  /// The stored bytes that a garbage collection can reclaim once all these entries, and no others,
  /// are deleted and forgotten. Throws `notFound`.
  public func freedByteCount(deleting names: [String]) throws(StoreError) -> UInt64 {
    var ids: Set<BranchID> = []
    for name in names { ids.insert(try engineBranch(name).id) }
    return try engine.byteCountFreed(byForgetting: ids)
  }
}
