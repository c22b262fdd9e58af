package import Coppice

/// What became of the bytes that a deleted branch alone held, with the snapshots that were deleted
/// with it. What is not known is null, and does not count as reclaimed.
package struct ReclaimPredicate: Hashable, Sendable, Codable {
  /// The form of what follows.
  package static let schema = 1

  package var schema = Self.schema
  /// The store's identifier.
  package var store: String
  package var branch: DeletedBranch
  /// The snapshots that were deleted with the branch.
  package var snapshots: [DeletedSnapshot]
  package var deletedAt: Timestamp
  /// Who deleted it; `nil` where that is not known, and where nobody did.
  package var deletedBy: String?
  /// How it ended when it did by itself; `nil` when somebody deleted it.
  package var ending: EntryEnding?
  /// When a garbage collection forgot it, and which.
  package var forgottenAt: Timestamp?
  package var cycleNumber: UInt64?
  /// Pages that nothing but the branch held; stored bytes of these and of nodes, and bytes of its
  /// pages that were in memory and in the journal only.
  package var uniquePageCount: UInt64?
  package var uniqueByteCount: UInt64?
  /// Of these bytes, what is surely gone from disk.
  package var reclaimedByteCount: UInt64?
  /// What is not, and what holds it.
  package var heldByteCount: UInt64
  package var held: [HeldBytes]
  /// Whether the removal is not through.
  package var isPending: Bool
  /// Whether every page and node that it alone held is known.
  package var isComplete: Bool
  /// Whether nothing is left.
  package var isReclaimed: Bool
  /// Folders of the store in which repairs left copies of its files.
  package var repairFolders: [String]
  /// What is known to have left the store.
  package var exports: [ExportedCopy]
  /// The last hash of the log of what was done.
  package var auditHead: String?
  /// What the proof says nothing about, in sentences.
  package var notCovered: [String]
  /// When each page and node was looked for.
  package var provedAt: Timestamp
  /// Of the program that looked.
  package var version: String

  /// What was found of a deletion.
  ///
  /// - Parameter covers: what it says something about that such proofs else do not.
  package init(
    store: String, branch: DeletedBranch, snapshots: [DeletedSnapshot], deletedBy: String?,
    ending: EntryEnding? = nil, _ found: ReclaimVerification, provedAt: Timestamp,
    covers: Coverage = []
  ) {
    self.init(
      store: store, branch: branch, snapshots: snapshots, deletedBy: deletedBy,
      deletedAt: found.deletedAt)
    self.ending = ending
    forgottenAt = found.forgottenAt
    cycleNumber = found.collectionNumber
    uniquePageCount = found.uniquePageCount
    uniqueByteCount = found.uniqueByteCount
    reclaimedByteCount = found.reclaimedByteCount
    held = found.held.map(HeldBytes.init)
    heldByteCount = found.heldByteCount
    isPending = found.isPending
    isComplete = found.isComplete
    isReclaimed = found.isReclaimed
    repairFolders = found.repairFolders
    notCovered = Coverage.missing(found, covers)
    self.provedAt = provedAt
  }

  /// What can be said of a deletion when nobody has looked for anything: that nothing is known.
  init(
    store: String, branch: DeletedBranch, snapshots: [DeletedSnapshot], deletedBy: String?,
    deletedAt: Timestamp
  ) {
    self.store = store
    self.branch = branch
    self.snapshots = snapshots
    self.deletedAt = deletedAt
    self.deletedBy = deletedBy
    heldByteCount = 0
    held = []
    isPending = true
    isComplete = false
    isReclaimed = false
    repairFolders = []
    exports = []
    notCovered = Coverage.missingUnlooked
    provedAt = deletedAt
    version = Store.version
  }

  /// Whether nothing is left, by all that it says.
  package var saysReclaimed: Bool {
    isReclaimed && isComplete && !isPending && held.isEmpty && heldByteCount == 0
      && forgottenAt != nil && repairFolders.isEmpty
  }

  private enum CodingKeys: String, CodingKey {
    case schema, store, branch, snapshots, deletedAt, deletedBy, ending, forgottenAt
    case cycleNumber
    case uniquePageCount, uniqueByteCount, reclaimedByteCount, heldByteCount, held, isPending
    case isComplete, isReclaimed, repairFolders, exports, auditHead, notCovered, provedAt, version
  }

  /// What is missing is null, so that the keys are always the same.
  package func encode(to encoder: any Encoder) throws {
    var fields = encoder.container(keyedBy: CodingKeys.self)
    try fields.encode(schema, forKey: .schema)
    try fields.encode(store, forKey: .store)
    try fields.encode(branch, forKey: .branch)
    try fields.encode(snapshots, forKey: .snapshots)
    try fields.encode(deletedAt, forKey: .deletedAt)
    try fields.encode(deletedBy, forKey: .deletedBy)
    try fields.encode(ending, forKey: .ending)
    try fields.encode(forgottenAt, forKey: .forgottenAt)
    try fields.encode(cycleNumber, forKey: .cycleNumber)
    try fields.encode(uniquePageCount, forKey: .uniquePageCount)
    try fields.encode(uniqueByteCount, forKey: .uniqueByteCount)
    try fields.encode(reclaimedByteCount, forKey: .reclaimedByteCount)
    try fields.encode(heldByteCount, forKey: .heldByteCount)
    try fields.encode(held, forKey: .held)
    try fields.encode(isPending, forKey: .isPending)
    try fields.encode(isComplete, forKey: .isComplete)
    try fields.encode(isReclaimed, forKey: .isReclaimed)
    try fields.encode(repairFolders, forKey: .repairFolders)
    try fields.encode(exports, forKey: .exports)
    try fields.encode(auditHead, forKey: .auditHead)
    try fields.encode(notCovered, forKey: .notCovered)
    try fields.encode(provedAt, forKey: .provedAt)
    try fields.encode(version, forKey: .version)
  }
}
