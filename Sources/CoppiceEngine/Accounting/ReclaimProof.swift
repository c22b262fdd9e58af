package import CoppiceFormat

/// What became of the own bytes of deleted branches of one name.
package struct ReclaimProof: Hashable, Sendable {
  /// One of these branches.
  package struct Entry: Hashable, Sendable {
    package var branch: BranchID
    /// Nanoseconds since 1970.
    package var deletedAt: Int64
    package var forgottenAt: Int64?
    package var isReclaimed = false
  }

  package var name: String
  /// The branches that it is about, in order of their deletion: those that cannot be restored, and
  /// one that can be if it was deleted last.
  package var entries: [Entry]
  /// Of the last: nanoseconds since 1970.
  package var deletedAt: Int64
  /// When a collection forgot it, and which; `nil`: it or another can still be restored, or none
  /// has looked yet.
  package var forgottenAt: Int64?
  package var cycleNumber: UInt64?
  /// Whether it cannot be restored any more and its removal is not through: a crash or a failure
  /// interrupted it, or it is under way.
  package var isPending = false
  /// Whether the amounts that follow are; else those are 0 that only the collection to come finds.
  package var areAmountsKnown = true
  /// Pages, and stored bytes of pages and nodes, that nothing else kept when it was forgotten; with
  /// the pages that were in memory and in the journal only.
  package var uniquePageCount: UInt64
  package var uniqueByteCount: UInt64
  /// Of these, what is no longer on disk.
  package var reclaimedByteCount: UInt64
  /// Of these, what is, and why. The journal's part is what its files take: whether records of the
  /// branch are among theirs is not looked up.
  package var held: [SpaceReport.Part]
  /// Of what is still there: pages that nothing shows any more and that stay because differences
  /// build on them which their holders show, and their bytes.
  package var basePageCount: UInt64 = 0
  package var baseByteCount: UInt64 = 0
  /// Whether there may be such pages of it that are not known.
  package var mayHaveBases = false
  /// False when older segments, which may hold more of it, were not looked at, or when not all of
  /// it could be read, and no collection has left nothing dead since.
  package var isComplete: Bool
  /// Who keeps what it shared with others: none of that is among its unique bytes.
  package var sharers: [Sharer] = []
  /// The stored bytes of that; `nil` once the branch is forgotten.
  package var sharedByteCount: UInt64?
  /// Folders that repairs left, which may have bytes of it: what is in them is not looked at.
  package var repairFolders: [String] = []

  package var heldByteCount: UInt64 { held.reduce(0) { $0 + $1.byteCount } }
  package var isReclaimed: Bool {
    isComplete && held.isEmpty && forgottenAt != nil && !isPending && repairFolders.isEmpty
  }
}

extension ReclaimProof {
  /// Of one branch; what is known of it is filled in.
  init(_ name: String, _ branch: BranchID, deletedAt: Int64) {
    self.init(
      name: name, entries: [Entry(branch: branch, deletedAt: deletedAt)], deletedAt: deletedAt,
      uniquePageCount: 0, uniqueByteCount: 0, reclaimedByteCount: 0, held: [], isComplete: true)
  }

  /// The proofs of one branch each together: what is to be said against one counts against all.
  ///
  /// - Parameter proofs: not empty.
  init(of proofs: [ReclaimProof]) {
    let sorted = proofs.sorted {
      ($0.deletedAt, $0.entries[0].branch) < ($1.deletedAt, $1.entries[0].branch)
    }
    self = sorted[sorted.count - 1]
    for proof in sorted.dropLast().reversed() { merge(proof) }
    entries = sorted.flatMap { proof in
      proof.entries.map { entry in
        Entry(
          branch: entry.branch, deletedAt: entry.deletedAt,
          forgottenAt: entry.forgottenAt ?? proof.forgottenAt, isReclaimed: proof.isReclaimed)
      }
    }
    held.sort { $0.byteCount > $1.byteCount }
  }

  private mutating func merge(_ other: ReclaimProof) {
    if other.forgottenAt == nil { (forgottenAt, cycleNumber) = (nil, nil) }
    isPending = isPending || other.isPending
    isComplete = isComplete && other.isComplete
    areAmountsKnown = areAmountsKnown && other.areAmountsKnown
    uniquePageCount += other.uniquePageCount
    uniqueByteCount += other.uniqueByteCount
    reclaimedByteCount += other.reclaimedByteCount
    basePageCount += other.basePageCount
    baseByteCount += other.baseByteCount
    mayHaveBases = mayHaveBases || other.mayHaveBases
    for part in other.held {
      if let index = held.firstIndex(where: { $0.holder == part.holder }) {
        // The same files of the journal may have records of all.
        if part.holder != .journal { held[index].byteCount += part.byteCount }
      } else {
        held.append(part)
      }
    }
    sharers += other.sharers.filter { !sharers.contains($0) }
    sharedByteCount = sharedByteCount.flatMap { mine in other.sharedByteCount.map { mine + $0 } }
  }
}

extension ForgottenBranch {
  /// All that is known of branches that were deleted together, as if they were one; `nil` for none.
  /// A frame that several of them kept counts for each in the amounts.
  init?(of branches: [ForgottenBranch]) {
    guard var group = branches.last else { return nil }
    for other in branches.dropLast() {
      group.pageCount += other.pageCount
      group.byteCount += other.byteCount
      group.isComplete = group.isComplete && other.isComplete
      group.isErased = group.isErased && other.isErased
      group.isPartial = group.isPartial || other.isPartial
      group.mayHaveBases = group.mayHaveBases || other.mayHaveBases
      group.forgottenAt = max(group.forgottenAt, other.forgottenAt)
      group.cycleNumber = max(group.cycleNumber, other.cycleNumber)
      group.runs += other.runs
      group.heirs += other.heirs.filter { !group.heirs.contains($0) }
      group.sharedRuns += other.sharedRuns
    }
    self = group
  }
}
