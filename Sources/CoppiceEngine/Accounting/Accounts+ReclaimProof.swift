package import CoppiceFormat
internal import CoppicePlatform
internal import Synchronization

extension Accounts {
  /// Proves what became of the bytes of the branches that were deleted under a name, by looking for
  /// each of their frames.
  ///
  /// - Throws: `conflict` when there is such a branch; `notFound` when none of that name was
  ///   deleted, or so many were since that it is no longer known.
  package func reclaimProof(ofDeleted name: String) throws(StoreError) -> ReclaimProof {
    let deletions = try deletions(named: name) { $1.hasBytes(of: name) }
    var proofs = try proofs(ofUnexamined: deletions)
    proofs += try self.proofs(of: deletions.known, pending: deletions.pending)
    if let last = deletions.entries.max(by: { ($0.deletedAt, $0.id) < ($1.deletedAt, $1.id) }),
      proofs.allSatisfy({ ($0.deletedAt, $0.entries[0].branch) < (last.deletedAt, last.id) })
    {
      proofs.append(try proof(ofRestorable: last))
    }
    guard !proofs.isEmpty else { throw nothingKnown(of: name) }
    return try whole(proofs)
  }

  /// As the other, of entries that were deleted together and are not to be restored.
  ///
  /// - Parameter name: what errors call them.
  /// - Throws: `conflict` when one of them is there or can be restored; `notFound` when not all of
  ///   them are known.
  package func reclaimProof(
    ofDeleted ids: Set<BranchID>, named name: String
  ) throws(StoreError) -> ReclaimProof {
    let deletions = try deletions(named: name) { id, _ in ids.contains(id) }
    guard deletions.entries.isEmpty else {
      throw StoreError(
        .conflict, "can still be restored", object: name,
        remedy: "\(step: .collect) forgets it, or wait")
    }
    var proofs = try proofs(ofUnexamined: deletions)
    if let group = ForgottenBranch(of: deletions.known) {
      // What several of them kept is looked for once.
      var proof = try self.proofs(of: [group], pending: [])[0]
      proof.isPending = !deletions.pending.isDisjoint(with: deletions.known.map(\.id))
      proof.areAmountsKnown = deletions.known.count == 1
      proof.entries = deletions.known.map {
        ReclaimProof.Entry(branch: $0.id, deletedAt: $0.deletedAt, forgottenAt: $0.forgottenAt)
      }
      proofs.append(proof)
    }
    guard Set(proofs.flatMap { $0.entries.map(\.branch) }) == ids else {
      throw nothingKnown(of: name)
    }
    return try whole(proofs)
  }

  private struct Deletions {
    /// In the catalogue.
    var entries: [BranchEntry]
    var condemned: [BranchEntry]
    /// Those that a collection has looked at.
    var known: [ForgottenBranch]
    var pending: Set<BranchID> { Set(condemned.map(\.id)) }
  }

  /// Throws `conflict` when one of the entries is there.
  private func deletions(
    named name: String, where isMeant: (BranchID, String) -> Bool
  ) throws(StoreError) -> Deletions {
    try core.gate.checkOpen()
    let (entries, condemned) = core.keeper.read { kept in
      (
        kept.catalogue.branches.values.filter { isMeant($0.id, $0.name) },
        kept.catalogue.condemned.values.filter { isMeant($0.id, $0.name) }
      )
    }
    guard entries.allSatisfy({ $0.flags.contains(.deleted) }) else {
      throw StoreError(
        .conflict, "there is such a branch", object: name, remedy: "delete it first")
    }
    let known = core.hints.collection.withLock {
      $0.forgotten.filter { isMeant($0.id, $0.name) }
    }
    return Deletions(entries: entries, condemned: condemned, known: known)
  }

  private func proofs(ofUnexamined deletions: Deletions) throws(StoreError) -> [ReclaimProof] {
    var proofs: [ReclaimProof] = []
    for entry in deletions.condemned
    where !deletions.known.contains(where: { $0.id == entry.id }) {
      proofs.append(try proof(ofCondemned: entry))
    }
    return proofs
  }

  private func whole(_ proofs: [ReclaimProof]) throws(StoreError) -> ReclaimProof {
    let folders = try core.repairFolders()
    var proofs = proofs
    for index in proofs.indices { proofs[index].repairFolders = folders }
    return ReclaimProof(of: proofs)
  }

  private func nothingKnown(of name: String) -> StoreError {
    if isRecordLost {
      return StoreError(
        .notFound,
        "the record of past deletions was lost: of that name nothing is known",
        object: name,
        remedy: "a full collection leaves nothing of what was deleted, whatever its name")
    }
    return StoreError(
      .notFound, "no branch of that name was deleted, as far as is known", object: name)
  }

  /// Whether opening found nothing of what collections had noted, though there had been some: they
  /// alone make hosts and take segments away.
  private var isRecordLost: Bool {
    switch core.hints.foundCollection {
    case .whole: false
    case .damaged: true
    case .missing:
      core.keeper.read { kept in
        let catalogue = kept.catalogue
        return !catalogue.retired.isEmpty || !catalogue.reclaimed.isEmpty
          || UInt64(catalogue.segments.count) + 1 < catalogue.nextSegment
      }
    }
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
    let hasAllRefs = known?.hasAllRefs ?? !entry.flags.contains(.hadRefs)
    var isReadable = true
    do throws(StoreError) {
      estimate = try deletionEstimate(
        of: DoomedState(refs: known?.refs ?? [entry.root]), moment)
    } catch {
      // Damage, or a collection that has looked at it by now and is reclaiming it.
      guard error.kind == .corrupt else { throw error }
      isReadable = false
    }
    var held = [SpaceReport.Part(holder: .nothing, byteCount: estimate.freed.byteCount)]
    if core.journal.heldByteCount > 0 {
      held.append(SpaceReport.Part(holder: .journal, byteCount: core.journal.heldByteCount))
    }
    estimate.freed.pageCount += entry.unsealedPageCount
    estimate.freed.byteCount += entry.unsealedPageCount * UInt64(core.pageByteCount)
    var proof = proof(of: entry, estimate, held: held)
    proof.isPending = true
    proof.isComplete = hasAllRefs && isReadable
    proof.areAmountsKnown = proof.isComplete
    return proof
  }

  private func proof(
    of entry: BranchEntry, _ estimate: DeletionEstimate, held: [SpaceReport.Part]
  ) -> ReclaimProof {
    var proof = ReclaimProof(entry.name, entry.id, deletedAt: entry.deletedAt)
    proof.uniquePageCount = estimate.freed.pageCount
    proof.uniqueByteCount = estimate.freed.byteCount
    proof.held = held.filter { $0.byteCount > 0 }
    proof.sharers = estimate.sharers
    proof.sharedByteCount = estimate.sharedByteCount
    return proof
  }

  /// - Parameter pending: those that are still on record.
  private func proofs(
    of branches: [ForgottenBranch], pending: Set<BranchID>
  ) throws(StoreError) -> [ReclaimProof] {
    if branches.isEmpty { return [] }
    let moment = try StoreMoment(core)
    let present = try presentFrames(of: branches, moment)
    let owners = present.contains { !$0.isEmpty } ? try FrameOwners(core, moment) : nil
    var proofs: [ReclaimProof] = []
    for (branch, frames) in zip(branches, present) {
      var proof = proof(of: branch, frames, owners)
      proof.isPending = pending.contains(branch.id)
      proofs.append(proof)
    }
    // Whoever shares with one of them is named once.
    proofs[0].sharers = sharers(of: try sharedFrames(of: branches, moment), moment)
    return proofs
  }

  private func proof(
    of branch: ForgottenBranch, _ present: [PresentFrame], _ owners: FrameOwners?
  ) -> ReclaimProof {
    var proof = ReclaimProof(branch.name, branch.id, deletedAt: branch.deletedAt)
    proof.forgottenAt = branch.forgottenAt
    proof.cycleNumber = branch.cycleNumber
    proof.uniquePageCount = branch.pageCount
    proof.uniqueByteCount = branch.byteCount
    proof.isComplete = branch.isComplete
    proof.mayHaveBases = branch.mayHaveBases
    var held: [SpaceHolder: UInt64] = [:]
    for frame in present {
      // What was found by hash again has a new owner. A segment that is only to be unlinked waits
      // for the next opening or collection.
      let holder =
        frame.isReclaimed
        ? .nothing : owners?.holder(of: frame.name) ?? .segment(frame.segment)
      held[holder, default: 0] += UInt64(frame.byteCount)
      if frame.isPage, !frame.isReclaimed, owners?.isMereBase(frame.name) ?? false {
        proof.basePageCount += 1
        proof.baseByteCount += UInt64(frame.byteCount)
      }
    }
    let journalByteCount = branch.isErased ? 0 : core.journal.heldByteCount
    if journalByteCount > 0 { held[.journal] = journalByteCount }
    proof.held = held.map { SpaceReport.Part(holder: $0.key, byteCount: $0.value) }
      .sorted { $0.byteCount > $1.byteCount }
    proof.reclaimedByteCount = branch.byteCount - min(proof.heldByteCount, branch.byteCount)
    return proof
  }

  /// What others went on with when the branches were forgotten, as far as it was noted.
  private func sharedFrames(
    of branches: [ForgottenBranch], _ moment: StoreMoment
  ) throws(StoreError) -> SharedFrames {
    var shared = SharedFrames()
    for branch in branches {
      for run in branch.sharedRuns { run.forEachFrame { shared.insert($0) } }
      shared.heirs.formUnion(branch.heirs)
    }
    if shared.smallest != nil { try shared.addBases(core, moment) }
    return shared
  }

  private struct PresentFrame {
    var name: FrameName
    var segment: SegmentID
    var byteCount: Int
    var isPage: Bool
    /// Whether it lies in a segment that counts no more and is still on disk.
    var isReclaimed: Bool
  }

  /// Of each branch the frames that still lie in some segment, wherever they are now.
  private func presentFrames(
    of branches: [ForgottenBranch], _ moment: StoreMoment
  ) throws(StoreError) -> [[PresentFrame]] {
    var runs: [SegmentID: [(run: ForgottenBranch.Run, owner: Int)]] = [:]
    for (owner, branch) in branches.enumerated() {
      for run in branch.runs { runs[run.first.segment, default: []].append((run, owner)) }
    }
    var present = [[PresentFrame]](repeating: [], count: branches.count)
    let met = FrameSet()
    func look(in segments: [SegmentEntry], isReclaimed: Bool) throws(StoreError) {
      try core.listing.forEachPlacedFrame(of: segments) { name, frame, segment in
        guard segment.flags.contains(.reclaimed) == isReclaimed, let near = runs[name.segment],
          met.insert(name)
        else { return }
        for (run, owner) in near
        where name >= run.first && name.rawValue < run.first.rawValue + UInt64(run.frameCount)
          && present[owner].last?.name != name
        {
          present[owner].append(
            PresentFrame(
              name: name, segment: segment.id, byteCount: frame.storedByteCount,
              isPage: frame.form.kind == .page, isReclaimed: isReclaimed))
        }
      }
    }
    try look(in: moment.segments(holding: Set(runs.keys)), isReclaimed: false)
    let reclaimed = core.keeper.catalogue.reclaimed
    try look(in: reclaimed.values.sorted { $0.id < $1.id }, isReclaimed: true)
    return present
  }
}
