package import CoppiceFormat
internal import CoppicePlatform
internal import Synchronization

extension StagingImport {
  /// Takes out of the layer what finished volumes have replaced. The caller holds `folding`.
  func dropHidden() {
    state.withLock { state in
      for volume in state.hidden { state.layer.forget(volume) }
      state.hidden = []
    }
  }

  /// Puts the layer and the finished volumes into the root. The caller holds `folding`.
  func fold() throws(StoreError) {
    dropHidden()
    try core.latch.withShared { () throws(StoreError) in try foldHoldingLatch() }
  }

  private func foldHoldingLatch() throws(StoreError) {
    let (layer, root, finished) = state.withLock { ($0.layer, $0.root, $0.finished) }
    guard !layer.isEmpty || !finished.isEmpty else { return }
    var counts = SealCounts()
    let newRoot = try LayerSeal(
      context: context, workers: sealer.workers, layer: layer, root: root, newTops: finished
    ).run(note: { _ in nil }, counts: &counts)
    let view = RootView(newRoot, frames: core.frames)
    state.withLock { state in
      state.root = view
      state.layer = Layer(writer: BranchID(0), from: .zero, meter: core.meter)
      state.hidden = []
      for volume in finished.sortedKeys() where state.finished[volume] == finished[volume] {
        state.finished.remove(volume)
      }
      state.counts.add(counts)
    }
  }

  // MARK: Ending

  /// Gives the import up. What it stored is garbage.
  package func cancel() {
    state.withLock { $0.isEnded = true }
    core.stagings.remove(self)
  }

  /// Makes the state a new branch, with these annotations. Durable on return.
  package func publish(
    creating name: String, annotations: [FieldChange] = []
  ) throws(StoreError) -> EngineBranch {
    let root = try finishRoot()
    let id = try core.keeper.change { kept throws(StoreError) in
      try kept.checkFree(name)
      return kept.catalogue.takeBranchID()
    }
    claim(id)
    try core.latch.withShared { () throws(StoreError) in
      try appendNote(of: id, name, root, from: core.journal.lastLSN.next)
    }
    return try end { ends throws(StoreError) in
      let (branch, lsn) = try core.keeper.change { kept throws(StoreError) in
        let (branch, lsn) = try branches.create(
          &kept, name, domain, as: id, root: root, ends: ends, annotations)
        kept.noteAdded(counts, byImportInto: id, core.hints)
        return (branch, lsn)
      }
      return (branch, lsn)
    }
  }

  /// Makes the state the content of the branch that the import began with, and changes its
  /// annotations. Throws `conflict`, and changes nothing, when the branch was written to or reset
  /// since. Durable on return.
  ///
  /// - Parameter isWhole: whether the import is of all that the branch has, so that it begins anew;
  ///   else what was imported is something that it added.
  package func publishReplacing(
    annotations: [FieldChange] = [], isWhole: Bool = false
  ) throws(StoreError) {
    guard let target else {
      throw StoreError(.invalid, "the import did not begin with a branch")
    }
    let root = try finishRoot()
    let noteLSN = try core.latch.withShared { () throws(StoreError) in
      try target.writer.withLockFirst { () throws(StoreError) in
        try appendNote(replacing: target, root)
      }
    }
    var isRecorded = false
    do throws(StoreError) {
      _ = try end { ends throws(StoreError) in
        let lsn = try target.writer.withLockFirst { () throws(StoreError) in
          try replace(target, root, ends, annotations, isWhole: isWhole)
        }
        isRecorded = true
        return (target, lsn)
      }
    } catch {
      if let noteLSN, !isRecorded { correctNote(of: target, from: noteLSN) }
      throw error
    }
  }

  /// The caller holds the target's `writer`.
  private func replace(
    _ target: EngineBranch, _ root: Ref, _ ends: [SegmentEnd], _ annotations: [FieldChange],
    isWhole: Bool
  ) throws(StoreError) -> LSN {
    try core.keeper.change { kept throws(StoreError) in
      try checkUnchanged(target, kept)
      try kept.checkReplaceable(target, annotations, at: core.clock.wallNanoseconds())
      let lsns = try kept.record(
        .replace(root: root, ends: ends, isWhole: isWhole), of: target.id,
        annotating: target.id, annotations)
      target.replace(
        SealedState(root: RootView(root, frames: core.frames), frozen: .empty), from: lsns.first)
      target.noteControl(lsns.last)
      kept.noteAdded(counts, byImportInto: target.id, core.hints)
      return lsns.last
    }
  }

  /// The caller holds the target's `writer`.
  private func checkUnchanged(_ target: EngineBranch, _ kept: borrowing Kept) throws(StoreError) {
    let isUnchanged = target.state.withLock {
      $0.sealed.root.root == start.root && $0.sealed.frozen.isEmpty && $0.open.isEmpty
    }
    guard isUnchanged, !target.isDeleted else {
      throw StoreError(
        .conflict, "the branch changed while the import ran; it was left as it is",
        object: kept.name(of: target.id),
        remedy: "import again while nobody writes to it")
    }
  }

  /// The state's root, with everything in it.
  private func finishRoot() throws(StoreError) -> Ref {
    try checkUsable()
    try folding.withLock { () throws(StoreError) in try fold() }
    return state.withLock { $0.root.root }
  }

  /// Makes everything that was appended durable, then the record that names it.
  ///
  /// - Parameter record: returns the branch that the import is now, and the record's LSN.
  private func end(
    _ record: ([SegmentEnd]) throws(StoreError) -> (EngineBranch, LSN)
  ) throws(StoreError) -> EngineBranch {
    // Much may be left to sync: a collection does not wait for that.
    _ = try core.appenders.sync()
    let (branch, lsn, ends) = try core.latch.withShared { () throws(StoreError) in
      // A segment that a collection took meanwhile must not be named again.
      let ends = try core.appenders.sync()
      try checkUsable()
      state.withLock { $0.isEnded = true }
      let (branch, lsn) = try record(ends)
      return (branch, lsn, ends)
    }
    core.stagings.remove(self)
    try core.journal.flush(through: lsn)
    core.appenders.markPublished(ends)
    sealer.noteSealed(counts, by: branch.id)
    return branch
  }

  // MARK: Notes

  // The note is synced with the frames below its root, so it is durable when the record is: a
  // branch that nobody writes to afterwards is found when a lost catalogue is put together. Its LSN
  // is the smallest that the record may get: above every seal of the branch before, not above any
  // after it. A note without its record, for the import failed or the power did, thus counts only
  // until the next seal of its branch.

  /// Returns the note's LSN; `nil` when the branch has this root already. The caller holds the seal
  /// latch, and the target's `writer`: seals of later writes append their notes behind this one.
  private func appendNote(replacing target: EngineBranch, _ root: Ref) throws(StoreError) -> LSN? {
    let (name, lsn) = try core.keeper.read { kept throws(StoreError) in
      try checkUnchanged(target, kept)
      return (kept.name(of: target.id), kept.lastLSN.next)
    }
    if root == start.root { return nil }
    try appendNote(of: target.id, name, root, from: lsn)
    return lsn
  }

  /// Says what the branch has instead of the import. Where a seal is to come, its note will.
  private func correctNote(of target: EngineBranch, from lsn: LSN) {
    core.latch.withShared {
      target.writer.withLockFirst {
        guard target.state.withLock({ $0.sealed.frozen.isEmpty }),
          let entry = core.keeper.read({ $0.catalogue.branches[target.id] })
        else { return }
        // Only a store whose catalogue is lost would miss it.
        try? appendNote(of: entry.id, entry.name, entry.root, from: lsn)
      }
    }
  }

  /// The caller holds the seal latch: a segment that is begun while a collection takes stock would
  /// be taken for one that is complete, and what seals put into it for dead.
  private func appendNote(of id: BranchID, _ name: String, _ root: Ref, from lsn: LSN)
    throws(StoreError)
  {
    try LayerSeal.append(
      NoteFrame(
        branch: id, name: name, lsn: lsn, root: root, time: core.clock.wallNanoseconds()),
      context)
  }
}

extension Imports {
  /// Begins an import that makes a new branch.
  package func begin(domain: DomainID) throws(StoreError) -> StagingImport {
    try core.gate.checkWritable()
    return try StagingImport.begin(self, domain: domain, replacing: nil)
  }

  /// Begins an import that starts from a branch's state and replaces it. The branch is sealed
  /// first.
  package func begin(replacing branch: EngineBranch) throws(StoreError) -> StagingImport {
    try sealer.seal(branch)
    return try StagingImport.begin(self, domain: branch.domain, replacing: branch)
  }
}
