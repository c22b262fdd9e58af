internal import CoppiceFormat
internal import CoppicePlatform
internal import Synchronization

/// What became of a deleted branch's own bytes.
package struct ReclaimProof: Hashable, Sendable {
  package var name: String
  /// Nanoseconds since 1970.
  package var deletedAt: Int64
  /// When a collection forgot it, and which; `nil`: it can still be restored.
  package var forgottenAt: Int64?
  package var cycleNumber: UInt64?
  /// Pages, and stored bytes of pages and nodes, that nothing else kept when it was forgotten; with
  /// the pages that were in memory and in the journal only.
  package var uniquePageCount: UInt64
  package var uniqueByteCount: UInt64
  /// Of these, what is no longer on disk.
  package var reclaimedByteCount: UInt64
  /// Of these, what is, and why. The journal's part is what its files take: whether records of the
  /// branch are among theirs is not looked up.
  package var held: [SpaceReport.Part]
  /// False when older segments, which may hold more of it, were not looked at, or when not all of it
  /// could be read, and no collection has left nothing dead since.
  package var isComplete: Bool

  package var heldByteCount: UInt64 { held.reduce(0) { $0 + $1.byteCount } }
  package var isReclaimed: Bool { isComplete && held.isEmpty && forgottenAt != nil }
}

extension Engine {
  /// Proves what became of the bytes of the branch that was last deleted under a name, by looking for
  /// each of its frames.
  ///
  /// - Throws: `conflict` when there is such a branch; `notFound` when none of that name was deleted, or
  ///   so many were since that it is no longer known.
  package func reclaimProof(ofDeleted name: String) throws(StoreError) -> ReclaimProof {
    try checkOpen()
    let entries = branchEntries().filter { $0.name.hasBytes(of: name) }
    guard entries.allSatisfy({ $0.flags.contains(.deleted) }) else {
      throw StoreError(
        .conflict, "there is such a branch", object: name, remedy: "delete it first")
    }
    if let entry = entries.max(by: { $0.deletedAt < $1.deletedAt }) {
      return try proof(ofRestorable: entry)
    }
    let known = hints.collection.withLock { $0.forgotten.last { $0.name.hasBytes(of: name) } }
    guard let known else {
      throw StoreError(
        .notFound, "no branch of that name was deleted, as far as is known", object: name)
    }
    return try proof(of: known)
  }

  private func proof(ofRestorable entry: BranchEntry) throws(StoreError) -> ReclaimProof {
    let freed = try spaceFreed(byForgetting: [entry.id])
    return ReclaimProof(
      name: entry.name, deletedAt: entry.deletedAt, uniquePageCount: freed.pageCount,
      uniqueByteCount: freed.byteCount, reclaimedByteCount: 0,
      held: [SpaceReport.Part(holder: .deleted(name: entry.name), byteCount: freed.byteCount)],
      isComplete: true)
  }

  private func proof(of branch: ForgottenBranch) throws(StoreError) -> ReclaimProof {
    var proof = ReclaimProof(
      name: branch.name, deletedAt: branch.deletedAt, forgottenAt: branch.forgottenAt,
      cycleNumber: branch.cycleNumber, uniquePageCount: branch.pageCount,
      uniqueByteCount: branch.byteCount, reclaimedByteCount: branch.byteCount, held: [],
      isComplete: branch.isComplete)
    let moment = try StoreMoment(self)
    let present = try presentFrames(of: branch, moment)
    var held: [SpaceHolder: UInt64] = [:]
    if !present.isEmpty {
      let owners = try FrameOwners(self, moment)
      for frame in present {
        // What was found by hash again has a new owner.
        let holder = owners.holder(of: frame.name) ?? .segment(frame.segment)
        held[holder, default: 0] += UInt64(frame.byteCount)
      }
    }
    let journalByteCount = branch.isErased ? 0 : journal.heldByteCount
    if journalByteCount > 0 { held[.journal] = journalByteCount }
    proof.held = held.map { SpaceReport.Part(holder: $0.key, byteCount: $0.value) }
      .sorted { $0.byteCount > $1.byteCount }
    proof.reclaimedByteCount -= min(proof.heldByteCount, proof.reclaimedByteCount)
    return proof
  }

  private struct PresentFrame {
    var name: FrameName
    var segment: SegmentID
    var byteCount: Int
  }

  /// The branch's frames that still lie in some segment, wherever they are now.
  private func presentFrames(of branch: ForgottenBranch, _ moment: StoreMoment)
    throws(StoreError) -> [PresentFrame]
  {
    let runs = Dictionary(grouping: branch.runs, by: \.first.segment)
    var present: [PresentFrame] = []
    try forEachPlacedFrame(of: moment.segments(holding: Set(runs.keys))) { name, frame, segment in
      let isOwn = runs[name.segment]?.contains { run in
        name >= run.first && name.rawValue < run.first.rawValue + UInt64(run.frameCount)
      }
      if isOwn ?? false {
        present.append(
          PresentFrame(name: name, segment: segment.id, byteCount: frame.storedByteCount))
      }
    }
    return present
  }
}
