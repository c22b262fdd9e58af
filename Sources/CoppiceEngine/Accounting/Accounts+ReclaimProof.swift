internal import CoppiceFormat
internal import CoppicePlatform
internal import Synchronization

/// What became of a deleted branch's own bytes.
package struct ReclaimProof: Hashable, Sendable {
  package var name: String
  /// Nanoseconds since 1970.
  package var deletedAt: Int64
  /// When a collection forgot it, and which; `nil`: it can still be restored, or none has looked
  /// yet.
  package var forgottenAt: Int64?
  package var cycleNumber: UInt64?
  /// Whether it cannot be restored any more and its removal is not through: a crash or a failure
  /// interrupted it, or it is under way.
  package var isPending = false
  /// Pages, and stored bytes of pages and nodes, that nothing else kept when it was forgotten; with
  /// the pages that were in memory and in the journal only.
  package var uniquePageCount: UInt64
  package var uniqueByteCount: UInt64
  /// Of these, what is no longer on disk.
  package var reclaimedByteCount: UInt64
  /// Of these, what is, and why. The journal's part is what its files take: whether records of the
  /// branch are among theirs is not looked up.
  package var held: [SpaceReport.Part]
  /// Of what is still there: pages, and bytes of pages and nodes, that nothing shows any more and
  /// that stay because differences build on them which their holders show.
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

extension Accounts {
  /// Proves what became of the bytes of the branch that was last deleted under a name, by looking
  /// for each of its frames.
  ///
  /// - Throws: `conflict` when there is such a branch; `notFound` when none of that name was
  ///   deleted, or so many were since that it is no longer known.
  package func reclaimProof(ofDeleted name: String) throws(StoreError) -> ReclaimProof {
    try core.gate.checkOpen()
    var proof = try proof(ofDeleted: name)
    proof.repairFolders = try core.repairFolders()
    return proof
  }

  private func proof(ofDeleted name: String) throws(StoreError) -> ReclaimProof {
    let (entries, condemned) = core.keeper.read { kept in
      (
        kept.catalogue.branches.values.filter { $0.name.hasBytes(of: name) },
        kept.catalogue.condemned.values.filter { $0.name.hasBytes(of: name) }
      )
    }
    guard entries.allSatisfy({ $0.flags.contains(.deleted) }) else {
      throw StoreError(
        .conflict, "there is such a branch", object: name, remedy: "delete it first")
    }
    let known = core.hints.collection.withLock {
      $0.forgotten.filter { $0.name.hasBytes(of: name) }
    }
    let unnoted = condemned.filter { entry in !known.contains { $0.id == entry.id } }
    let last = (entries + unnoted).max { ($0.deletedAt, $0.id) < ($1.deletedAt, $1.id) }
    if let last, known.allSatisfy({ ($0.deletedAt, $0.id) < (last.deletedAt, last.id) }) {
      return last.flags.contains(.condemned)
        ? try proof(ofCondemned: last) : try proof(ofRestorable: last)
    }
    guard let note = known.max(by: { ($0.deletedAt, $0.id) < ($1.deletedAt, $1.id) }) else {
      throw StoreError(
        .notFound, "no branch of that name was deleted, as far as is known", object: name)
    }
    var proof = try proof(of: note)
    proof.isPending = condemned.contains { $0.id == note.id }
    return proof
  }

  private func proof(ofRestorable entry: BranchEntry) throws(StoreError) -> ReclaimProof {
    let estimate = try deletionEstimate(of: [entry.id])
    return proof(
      of: entry, estimate,
      held: [
        SpaceReport.Part(
          holder: .deleted(name: entry.name), byteCount: estimate.freed.byteCount)
      ])
  }

  /// Of an entry that no collection has looked at yet. None of what it kept was reclaimed before.
  private func proof(ofCondemned entry: BranchEntry) throws(StoreError) -> ReclaimProof {
    let known = core.keeper.read { kept in kept.unexamined.first { $0.entry.id == entry.id } }
    let moment = try StoreMoment(core)
    var estimate = DeletionEstimate()
    var isComplete = known?.hasAllRefs ?? !entry.flags.contains(.hadRefs)
    do throws(StoreError) {
      estimate = try deletionEstimate(
        of: DoomedState(refs: known?.refs ?? [entry.root]), moment)
    } catch {
      // Damage, or a collection that has looked at it by now and is reclaiming it.
      guard error.kind == .corrupt else { throw error }
      isComplete = false
    }
    var held = [SpaceReport.Part(holder: .nothing, byteCount: estimate.freed.byteCount)]
    if core.journal.heldByteCount > 0 {
      held.append(SpaceReport.Part(holder: .journal, byteCount: core.journal.heldByteCount))
    }
    estimate.freed.pageCount += entry.unsealedPageCount
    estimate.freed.byteCount += entry.unsealedPageCount * UInt64(core.pageByteCount)
    var proof = proof(of: entry, estimate, held: held)
    proof.isPending = true
    proof.isComplete = isComplete
    return proof
  }

  private func proof(
    of entry: BranchEntry, _ estimate: DeletionEstimate, held: [SpaceReport.Part]
  ) -> ReclaimProof {
    ReclaimProof(
      name: entry.name, deletedAt: entry.deletedAt, uniquePageCount: estimate.freed.pageCount,
      uniqueByteCount: estimate.freed.byteCount, reclaimedByteCount: 0,
      held: held.filter { $0.byteCount > 0 }, isComplete: true, sharers: estimate.sharers,
      sharedByteCount: estimate.sharedByteCount)
  }

  private func proof(of branch: ForgottenBranch) throws(StoreError) -> ReclaimProof {
    var proof = ReclaimProof(
      name: branch.name, deletedAt: branch.deletedAt, forgottenAt: branch.forgottenAt,
      cycleNumber: branch.cycleNumber, uniquePageCount: branch.pageCount,
      uniqueByteCount: branch.byteCount, reclaimedByteCount: branch.byteCount, held: [],
      isComplete: branch.isComplete)
    proof.mayHaveBases = branch.mayHaveBases
    let moment = try StoreMoment(core)
    let present = try presentFrames(of: branch, moment)
    var held: [SpaceHolder: UInt64] = [:]
    if !present.isEmpty {
      let owners = try FrameOwners(core, moment)
      for frame in present {
        // What was found by hash again has a new owner.
        let holder = owners.holder(of: frame.name) ?? .segment(frame.segment)
        held[holder, default: 0] += UInt64(frame.byteCount)
        if owners.isMereBase(frame.name) {
          if frame.isPage { proof.basePageCount += 1 }
          proof.baseByteCount += UInt64(frame.byteCount)
        }
      }
    }
    let journalByteCount = branch.isErased ? 0 : core.journal.heldByteCount
    if journalByteCount > 0 { held[.journal] = journalByteCount }
    proof.held = held.map { SpaceReport.Part(holder: $0.key, byteCount: $0.value) }
      .sorted { $0.byteCount > $1.byteCount }
    proof.reclaimedByteCount -= min(proof.heldByteCount, proof.reclaimedByteCount)
    proof.sharers = sharers(of: try sharedFrames(of: branch, moment), moment)
    return proof
  }

  /// What others went on with when the branch was forgotten, as far as it was noted.
  private func sharedFrames(
    of branch: ForgottenBranch, _ moment: StoreMoment
  ) throws(StoreError) -> SharedFrames {
    var shared = SharedFrames()
    for run in branch.sharedRuns { run.forEachFrame { shared.insert($0) } }
    if shared.smallest != nil { try shared.addBases(core, moment) }
    shared.heirs = Set(branch.heirs)
    return shared
  }

  private struct PresentFrame {
    var name: FrameName
    var segment: SegmentID
    var byteCount: Int
    var isPage: Bool
  }

  /// The branch's frames that still lie in some segment, wherever they are now.
  private func presentFrames(of branch: ForgottenBranch, _ moment: StoreMoment)
    throws(StoreError) -> [PresentFrame]
  {
    let runs = Dictionary(grouping: branch.runs, by: \.first.segment)
    var present: [PresentFrame] = []
    try core.listing.forEachPlacedFrame(of: moment.segments(holding: Set(runs.keys))) {
      name, frame, segment in
      let isOwn = runs[name.segment]?.contains { run in
        name >= run.first && name.rawValue < run.first.rawValue + UInt64(run.frameCount)
      }
      if isOwn ?? false {
        present.append(
          PresentFrame(
            name: name, segment: segment.id, byteCount: frame.storedByteCount,
            isPage: frame.form.kind == .page))
      }
    }
    return present
  }
}
