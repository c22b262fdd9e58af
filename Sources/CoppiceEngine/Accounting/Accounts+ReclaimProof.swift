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
      proof.areAmountsKnown = proof.areAmountsKnown && deletions.known.count == 1
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

  /// As the others, of many groups of entries that ended by themselves, with one look for all;
  /// `nil` for a group of which nothing is known any more. Sharers are not named.
  package func reclaimProofs(
    ofEnds groups: [[BranchID]]
  ) throws(StoreError) -> [ReclaimProof?] {
    try core.gate.checkOpen()
    let meant = Set(groups.joined())
    let (known, waiting) = (
      core.hints.collection.withLock { hints in
        Dictionary(
          hints.forgotten.filter { meant.contains($0.id) }.map { ($0.id, $0) },
          uniquingKeysWith: { $1 })
      },
      Set(core.keeper.read { $0.examined }.map(\.id))
    )
    let notes = groups.map { group -> ForgottenBranch? in
      let notes = group.compactMap { waiting.contains($0) ? known[$0] : nil }
      return notes.count == group.count ? ForgottenBranch(of: notes) : nil
    }
    var found =
      try proofs(
        of: notes.compactMap(\.self), pending: [], namesSharers: false
      ).reversed() as [ReclaimProof]
    let folders = try core.repairFolders()
    return zip(groups, notes).map { group, note in
      guard note != nil, var proof = found.popLast() else { return nil }
      proof.areAmountsKnown = proof.areAmountsKnown && group.count == 1
      proof.entries = group.compactMap { known[$0] }.map {
        ReclaimProof.Entry(branch: $0.id, deletedAt: $0.deletedAt, forgottenAt: $0.forgottenAt)
      }
      proof.repairFolders = folders
      return ReclaimProof(of: [proof])
    }
  }

  private struct Deletions {
    /// In the catalogue.
    var entries: [BranchEntry]
    var condemned: [BranchEntry]
    /// Of these, those whose removal is not through.
    var pending: Set<BranchID>
    /// Those that a collection has looked at.
    var known: [ForgottenBranch]
  }

  /// Throws `conflict` when one of the entries is there.
  private func deletions(
    named name: String, where isMeant: (BranchID, String) -> Bool
  ) throws(StoreError) -> Deletions {
    try core.gate.checkOpen()
    let (entries, condemned, waiting) = core.keeper.read { kept in
      (
        kept.catalogue.branches.values.filter { isMeant($0.id, $0.name) },
        kept.catalogue.condemned.values.filter { isMeant($0.id, $0.name) },
        // They are on record for their proof's sake.
        Set(kept.examined.filter(\.endedByItself).map(\.id))
      )
    }
    guard entries.allSatisfy({ $0.flags.contains(.deleted) }) else {
      throw StoreError(
        .conflict, "there is such a branch", object: name, remedy: "delete it first")
    }
    let known = core.hints.collection.withLock {
      $0.forgotten.filter { isMeant($0.id, $0.name) }
    }
    return Deletions(
      entries: entries, condemned: condemned,
      pending: Set(condemned.map(\.id)).subtracting(waiting), known: known)
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

  /// - Parameters:
  ///   - pending: those whose removal is not through.
  ///   - namesSharers: whether to look who keeps what they shared.
  private func proofs(
    of branches: [ForgottenBranch], pending: Set<BranchID>, namesSharers: Bool = true
  ) throws(StoreError) -> [ReclaimProof] {
    if branches.isEmpty { return [] }
    let moment = try StoreMoment(core)
    let held = try heldFrames(of: branches, moment)
    var proofs: [ReclaimProof] = []
    for (branch, held) in zip(branches, held) {
      var proof = proof(of: branch, held)
      proof.isPending = pending.contains(branch.id)
      proofs.append(proof)
    }
    // Whoever shares with one of them is named once.
    if namesSharers {
      proofs[0].sharers = sharers(of: try sharedFrames(of: branches, moment), moment)
    }
    return proofs
  }

  private func proof(of branch: ForgottenBranch, _ found: HeldFrames) -> ReclaimProof {
    var proof = ReclaimProof(branch.name, branch.id, deletedAt: branch.deletedAt)
    proof.forgottenAt = branch.forgottenAt
    proof.cycleNumber = branch.cycleNumber
    proof.uniquePageCount = branch.pageCount
    proof.uniqueByteCount = branch.byteCount
    proof.isComplete = branch.isComplete
    // Nothing else says by now that they are too low.
    proof.areAmountsKnown = !(branch.isPartial && branch.isComplete)
    proof.mayHaveBases = branch.mayHaveBases
    proof.basePageCount = found.basePageCount
    proof.baseByteCount = found.baseByteCount
    var held = found.byteCounts
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
}
