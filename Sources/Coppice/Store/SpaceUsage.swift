internal import CoppiceEngine
internal import CoppiceFormat

/// Who holds the bytes of a store's segments at one moment. The parts add up:
/// `storedByteCount` is the sum of the exclusive, shared, garbage and metadata bytes.
public struct SpaceUsage: Hashable, Sendable, Codable {
  /// What holds bytes.
  public enum Holder: String, Hashable, Sendable, CaseIterable, Codable {
    case branch, snapshot
    /// Deleted, and can still be restored.
    case deleted
    /// An export, a comparison or another reader that takes long.
    case reader
    /// An import that is under way.
    case `import`
    /// Two or more of the above.
    case several
    /// A segment in which too little is dead to make it worth emptying.
    case segment
    /// Files of the journal: what records held that count no more stays in them until they are used
    /// again, or erased.
    case journal
    /// Nothing: the next garbage collection reclaims it.
    case nothing
  }

  /// Stored bytes of pages and nodes, and what alone holds them.
  public struct Part: Hashable, Sendable, Codable {
    public var holder: Holder
    /// Of a branch or snapshot.
    public var name: String?
    /// Of a segment.
    public var segment: UInt64?
    public var byteCount: UInt64
  }

  /// When this was found.
  public var countedAt: Timestamp
  /// Bytes of all segments on disk.
  public var storedByteCount: UInt64
  /// What a single branch, snapshot, reader or import holds.
  public var exclusiveByteCount: UInt64
  /// What two or more of them hold.
  public var sharedByteCount: UInt64
  /// What none of them does.
  public var garbageByteCount: UInt64
  /// Headers, directories, and notes for repair.
  public var metadataByteCount: UInt64
  /// Bytes of changes that are in memory and in the journal only: no part of the above.
  public var unsealedByteCount: UInt64
  /// Of the exclusive and shared bytes: pages and nodes that are there only because differences to
  /// them are stored.
  public var baseByteCount: UInt64
  /// The exclusive bytes by holder, then the garbage by what keeps it on disk.
  public var parts: [Part]
}

/// What became of the bytes that deleted branches of one name alone held.
public struct ReclaimVerification: Hashable, Sendable, Codable {
  /// One of these branches.
  public struct Entry: Hashable, Sendable, Codable {
    /// Of no other branch of the store, whatever its name.
    public var id: UInt64
    public var deletedAt: Timestamp
    public var forgottenAt: Timestamp?
    public var isReclaimed: Bool
  }

  public var name: String
  /// The branches that it is about, in order of their deletion: all that cannot be restored, and
  /// one that can be if it was deleted last. What follows is of them together.
  public var entries: [Entry]
  /// Of the last of them.
  public var deletedAt: Timestamp
  /// When a garbage collection forgot the last of them; `nil` as long as one can be restored, or no
  /// collection has come to it yet.
  public var forgottenAt: Timestamp?
  /// That collection's number.
  public var collectionNumber: UInt64?
  /// Pages that only these branches held; like the two amounts that follow `nil` when a crash came
  /// before a collection found how much that was: the next one finds what is there.
  public var uniquePageCount: UInt64?
  /// Stored bytes of pages and nodes that only this branch held, and bytes of its pages that were
  /// in memory and in the journal only.
  public var uniqueByteCount: UInt64?
  /// Of these, what is surely gone from disk.
  public var reclaimedByteCount: UInt64?
  /// Of these, what is still there, and what holds it; of the journal, what its files take that may
  /// have records of the branch still. `deleteForGood` and a full collection erase them.
  public var held: [SpaceUsage.Part]
  /// Of what is still there: pages that nothing shows any more and that stay because their holders
  /// show differences which build on them, and their bytes.
  public var basePageCount: UInt64
  public var baseByteCount: UInt64
  /// Whether pages may stay for that reason that are not among the above: the branch was forgotten
  /// by a collection of the young, which did not look what else it held.
  public var mayHaveBases: Bool
  /// False when the collection that forgot the branch looked at new segments only and the branch
  /// may have held more in older ones, or could not read all of it. A later full collection that
  /// leaves no garbage makes it true.
  public var isComplete: Bool
  /// Whether the branch cannot be restored any more and its removal is not through: it is under
  /// way, a reader or an import holds some of it, or a crash or a failure interrupted it. Opening
  /// the store for writing goes on with it, and so does a collection.
  public var isPending: Bool
  /// Whether nothing is left.
  public var isReclaimed: Bool
  /// Others that keep some of what the branch shared with them: that is not among its unique bytes,
  /// and stays. Once the branch is forgotten these are found by a sample of what it shared.
  public var sharers: [SpaceSharer]
  /// The stored bytes that others keep; `nil` once the branch is forgotten.
  public var sharedByteCount: UInt64?
  /// Folders of the store in which repairs left copies of its files: they may have bytes of the
  /// branch, and nothing looks. As long as there are any it does not count as reclaimed.
  public var repairFolders: [String]
}

/// What a branch has stored up to one moment, since it was made.
public struct GrowthSample: Hashable, Sendable, Codable {
  /// When changes were written to segments.
  public var sealedAt: Timestamp
  /// Bytes of pages and nodes that its changes added to the store.
  public var storedByteCount: UInt64
  /// Pages stored by themselves.
  public var newPageCount: UInt64
  /// Pages stored as differences.
  public var deltaPageCount: UInt64
  /// Pages that were stored already.
  public var duplicatePageCount: UInt64
}

extension Store {
  /// Tells for every stored byte what holds it. Takes time in proportion to the store's manifests;
  /// nothing waits for it.
  public func spaceUsage() throws(StoreError) -> SpaceUsage {
    let report = try engine.accounts.spaceReport()
    return SpaceUsage(
      countedAt: Timestamp(nanoseconds: report.time), storedByteCount: report.storedByteCount,
      exclusiveByteCount: report.exclusiveByteCount, sharedByteCount: report.sharedByteCount,
      garbageByteCount: report.deadByteCount, metadataByteCount: report.metadataByteCount,
      unsealedByteCount: report.unsealedByteCount,
      baseByteCount: report.baseByteCount,
      parts: (report.exclusive + report.dead).map(SpaceUsage.Part.init))
  }

  /// Looks for every page and node that the branches deleted under that name alone held, and tells
  /// whether the journal may have records of it. Throws `conflict` when there is such a
  /// branch, `notFound` when nothing is known of its deletion.
  public func verifyReclaim(of name: String) throws(StoreError) -> ReclaimVerification {
    let proof = try engine.accounts.reclaimProof(ofDeleted: name)
    return ReclaimVerification(
      name: proof.name, entries: proof.entries.map(ReclaimVerification.Entry.init),
      deletedAt: Timestamp(nanoseconds: proof.deletedAt),
      forgottenAt: proof.forgottenAt.map { Timestamp(nanoseconds: $0) },
      collectionNumber: proof.cycleNumber,
      uniquePageCount: proof.areAmountsKnown ? proof.uniquePageCount : nil,
      uniqueByteCount: proof.areAmountsKnown ? proof.uniqueByteCount : nil,
      reclaimedByteCount: proof.areAmountsKnown ? proof.reclaimedByteCount : nil,
      held: proof.held.map(SpaceUsage.Part.init), basePageCount: proof.basePageCount,
      baseByteCount: proof.baseByteCount, mayHaveBases: proof.mayHaveBases,
      isComplete: proof.isComplete,
      isPending: proof.isPending, isReclaimed: proof.isReclaimed,
      sharers: proof.sharers.map(SpaceSharer.init), sharedByteCount: proof.sharedByteCount,
      repairFolders: proof.repairFolders)
  }

  /// What a branch stored over time, oldest first: one sample for every time its changes were
  /// written to segments, with fewer the longer ago. Empty for a branch that stored nothing. Throws
  /// `notFound`.
  public func growth(of name: String) throws(StoreError) -> [GrowthSample] {
    engine.accounts.growth(of: try engineBranch(name).id).map {
      GrowthSample(
        sealedAt: Timestamp(nanoseconds: $0.time), storedByteCount: $0.storedByteCount,
        newPageCount: $0.newPageCount, deltaPageCount: $0.deltaPageCount,
        duplicatePageCount: $0.duplicatePageCount)
    }
  }
}

extension ReclaimVerification.Entry {
  fileprivate init(_ entry: ReclaimProof.Entry) {
    self.init(
      id: entry.branch.rawValue, deletedAt: Timestamp(nanoseconds: entry.deletedAt),
      forgottenAt: entry.forgottenAt.map { Timestamp(nanoseconds: $0) },
      isReclaimed: entry.isReclaimed)
  }
}

extension SpaceUsage.Part {
  init(_ part: SpaceReport.Part) {
    let (holder, name) = SpaceUsage.Holder.named(part.holder)
    self.init(holder: holder, name: name, byteCount: part.byteCount)
    if case .segment(let id) = part.holder { segment = id.rawValue }
  }
}

extension SpaceUsage.Holder {
  static func named(_ holder: SpaceHolder) -> (Self, name: String?) {
    switch holder {
    case .branch(let name): (.branch, name)
    case .snapshot(let name): (.snapshot, name)
    case .deleted(let name): (.deleted, name)
    case .reader: (.reader, nil)
    case .imports: (.import, nil)
    case .several: (.several, nil)
    case .segment: (.segment, nil)
    case .journal: (.journal, nil)
    case .nothing: (.nothing, nil)
    }
  }
}
