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
    try engine.latch.withShared { () throws(StoreError) in try foldHoldingLatch() }
  }

  private func foldHoldingLatch() throws(StoreError) {
    let (layer, root, finished) = state.withLock { ($0.layer, $0.root, $0.finished) }
    guard !layer.isEmpty || !finished.isEmpty else { return }
    var counts = SealCounts()
    let newRoot = try LayerSeal(
      context: context, workers: engine.workers, layer: layer, root: root, newTops: finished
    ).run(note: { _ in nil }, counts: &counts)
    let view = RootView(newRoot, frames: engine.frames)
    state.withLock { state in
      state.root = view
      state.layer = Layer(writer: BranchID(0), from: .zero, meter: engine.meter)
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
    engine.stagings.remove(self)
  }

  /// Makes the state a new branch. Durable on return.
  package func publish(creating name: String) throws(StoreError) -> EngineBranch {
    let (root, ends) = try end()
    let (branch, lsn) = try engine.control.withLock { () throws(StoreError) in
      try engine.create(name, domain, root: root, ends: ends)
    }
    engine.stagings.remove(self)
    try engine.journal.flush(through: lsn)
    engine.appenders.markPublished(ends)
    engine.noteSealed(counts, by: branch.id)
    return branch
  }

  /// Makes the state the content of the branch that the import began with. Throws `conflict`, and
  /// changes nothing, when the branch was written to or reset since. Durable on return.
  package func publishReplacing() throws(StoreError) {
    guard let target else {
      throw StoreError(.invalid, "the import did not begin with a branch")
    }
    let (root, ends) = try end()
    let lsn = try target.writer.withLockFirst { () throws(StoreError) in
      try engine.control.withLock { () throws(StoreError) in
        let isUnchanged = target.state.withLock {
          $0.sealed.root.root == start.root && $0.sealed.frozen.isEmpty && $0.open.isEmpty
        }
        guard isUnchanged, !target.isDeleted else {
          throw StoreError(
            .conflict, "the branch changed while the import ran; it was left as it is",
            object: engine.catalogue.branches[target.id]?.name ?? "",
            remedy: "import again while nobody writes to it")
        }
        let lsn = try engine.record(.replace(root: root, ends: ends), branch: target.id)
        target.replace(
          SealedState(root: RootView(root, frames: engine.frames), frozen: .empty), from: lsn)
        return lsn
      }
    }
    engine.stagings.remove(self)
    try engine.journal.flush(through: lsn)
    engine.appenders.markPublished(ends)
    engine.noteSealed(counts, by: target.id)
  }

  private func end() throws(StoreError) -> (root: Ref, ends: [SegmentEnd]) {
    try checkUsable()
    try folding.withLock { () throws(StoreError) in try fold() }
    let ends = try engine.appenders.sync()
    try checkUsable()
    let root = state.withLock { state in
      state.isEnded = true
      return state.root.root
    }
    return (root, ends)
  }
}

extension Engine {
  /// Begins an import that makes a new branch.
  package func beginImport(domain: DomainID) throws(StoreError) -> StagingImport {
    try checkWritable()
    return try StagingImport(self, domain: domain, replacing: nil)
  }

  /// Begins an import that starts from a branch's state and replaces it. The branch is sealed
  /// first.
  package func beginImport(replacing branch: EngineBranch) throws(StoreError) -> StagingImport {
    try seal(branch)
    return try StagingImport(self, domain: branch.domain, replacing: branch)
  }

  /// Makes everything that imports appended durable and known, so that a transaction may adopt it.
  package func publishAppended() throws(StoreError) {
    let ends = try appenders.sync()
    guard !ends.isEmpty else { return }
    let lsn = try control.withLock { () throws(StoreError) in
      try record(
        .publish(oldRoot: .hole, intervals: [], newRoot: .hole, ends: ends), branch: BranchID(0))
    }
    try journal.flush(through: lsn)
    appenders.markPublished(ends)
  }
}
