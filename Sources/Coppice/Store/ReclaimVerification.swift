internal import CoppiceEngine
internal import CoppiceFormat

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

extension ReclaimVerification {
  /// Bytes that are still there.
  public var heldByteCount: UInt64 { held.reduce(0) { $0 + $1.byteCount } }
}

extension Store {
  /// Looks for every page and node that the branches deleted under that name alone held, and tells
  /// whether the journal may have records of it. Throws `conflict` when there is such a
  /// branch, `notFound` when nothing is known of its deletion.
  public func verifyReclaim(of name: String) throws(StoreError) -> ReclaimVerification {
    ReclaimVerification(try engine.accounts.reclaimProof(ofDeleted: name))
  }

  /// As the other, of entries that were deleted for good or forgotten, by their numbers; together,
  /// as if they were one. The amounts of several are `nil`: `deleteForGood` tells them.
  ///
  /// Throws `conflict` also when one can be restored, `notFound` also when one of several is not
  /// known.
  /// - Parameter name: what errors call them.
  public func verifyReclaim(
    ofEntries ids: Set<UInt64>, named name: String
  ) throws(StoreError) -> ReclaimVerification {
    ReclaimVerification(
      try engine.accounts.reclaimProof(ofDeleted: Set(ids.map(BranchID.init)), named: name))
  }

  /// Goes on with deletions for good as far as that goes. Returns whether readers and imports that
  /// are under way alone keep these entries from being gone: they end by themselves.
  /// Throws what `deleteForGood` does.
  public func isWaitingForReaders(
    ofDeleted ids: Set<UInt64>
  ) throws(StoreError) -> Bool {
    try engine.collector.isWaiting(forDeletionOf: Set(ids.map(BranchID.init)))
  }

  /// The hash of the top node of what is stored of an entry, in 32 hexadecimal digits; zeros when
  /// nothing is. Changes that are in memory and in the journal only are not part of it. It is made
  /// with a secret of the store: equal ones mean equal content, and nobody else can tell of what.
  /// Throws `notFound`.
  public func rootHash(of name: String) throws(StoreError) -> String {
    provenState(ofEntry: try engineBranch(name).id.rawValue).rootHash
  }

  /// What a proof says of an entry, which may be deleted: its `rootHash`, and the annotation that
  /// tells what its content came from.
  package func provenState(ofEntry id: UInt64) -> (rootHash: String, origin: [UInt8]?) {
    let entry = engine.branches.entry(BranchID(id))
    return ((entry?.root.hash ?? .hole).digits, entry?.annotations[.origin])
  }
}

extension PageHash {
  /// 32 hexadecimal ones.
  var digits: String {
    [high, low].map { half in
      let digits = String(half, radix: 16)
      return String(repeating: "0", count: 16 - digits.count) + digits
    }.joined()
  }
}

extension ReclaimVerification {
  init(_ proof: ReclaimProof) {
    self.init(
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
}

extension ReclaimVerification.Entry {
  fileprivate init(_ entry: ReclaimProof.Entry) {
    self.init(
      id: entry.branch.rawValue, deletedAt: Timestamp(nanoseconds: entry.deletedAt),
      forgottenAt: entry.forgottenAt.map { Timestamp(nanoseconds: $0) },
      isReclaimed: entry.isReclaimed)
  }
}
