package import CoppiceFormat
internal import CoppicePlatform
internal import Synchronization

// A seal takes four steps: freeze an open layer, build frames and a new root, sync the segments,
// publish. Layers are sealed from the bottom up, each once for all branches that share it. A crash
// before the publish is durable leaves unpublished frames, which opening drops, and the journal's
// records, from which the layer is made again.

/// Seals layers: builds frames and nodes of them, and publishes the new roots.
package final class Sealer: Sendable {
  /// Why a layer is sealed now.
  package enum Reason: Sendable {
    /// Some limit asks for it: a branch's dirty bytes, the overlay's, the journal's, or a stack
    /// that grew high.
    case limits
    /// Memory or room is short: whatever helps most, even below the limits.
    case pressure
    /// Every layer that holds anything.
    case everything
  }

  /// The lowest layers of a branch, bottom first, and the root they lie on.
  struct Candidate {
    var branch: EngineBranch
    var layers: [Layer]
    var root: RootView
    /// All layers laid over one another, to be sealed as one; `nil`: each is sealed by itself.
    var merged: Layer?
  }

  /// A layer, or several as one, built into frames, not published yet.
  struct Built {
    var branch: BranchID
    var layers: [Layer]
    var oldRoot: Ref
    var newRoot: Ref
    var counts: SealCounts
    var appender: SegmentAppender
    var epoch: Int
  }

  let core: StoreCore
  let checkpointer: Checkpointer
  let workers: WorkerPool
  let didSeal: @Sendable () -> Void
  /// One group of layers is sealed at a time.
  let sealing = Monitor()
  private let hasRemovalsFlag = Atomic<Bool>(false)

  /// - Parameter didSeal: called when what was sealed may have left something dead.
  init(
    _ core: StoreCore, _ checkpointer: Checkpointer, didSeal: @escaping @Sendable () -> Void
  ) throws(StoreError) {
    self.core = core
    self.checkpointer = checkpointer
    self.didSeal = didSeal
    let count = core.options.usesThreads ? core.options.workerCount : 0
    do throws(SystemError) { workers = try WorkerPool(threadCount: count) } catch {
      throw StoreError(error, while: "starting worker threads")
    }
  }

  /// Whether something was removed since the last seal of everything.
  var hasRemovals: Bool { hasRemovalsFlag.load(ordering: .relaxed) }
  func forgetRemovals() { hasRemovalsFlag.store(false, ordering: .relaxed) }
  /// Returns whether nothing was before.
  func noteRemoval() -> Bool { !hasRemovalsFlag.exchange(true, ordering: .relaxed) }

  static let stackHeightMax = 8
  /// Nodes of the tables that lead to volumes, and headers of segments and bundles.
  static let overheadByteCount = 128 << 10
  static let groupByteCountMax = 64 << 20
  private static let attemptCountMax = 3

  /// Seals what the reason asks for, in one group: many layers, one segment sync, one journal sync.
  /// Returns whether anything was sealed.
  ///
  /// A layer that needs something damaged keeps no other from its seal. Only a seal of everything
  /// throws for it, once the others of its group are sealed.
  @discardableResult
  package func sealStep(_ reason: Reason) throws(StoreError) -> Bool {
    try core.gate.checkWritable()
    return try sealing.withLock { () throws(StoreError) in
      while true {
        let candidates = sealCandidates(reason)
        guard !candidates.isEmpty else { return false }
        let outcome = try seal(candidates)
        if reason == .everything, let damage = outcome.damage { throw damage }
        if outcome.layerCount > 0 { return true }
      }
    }
  }

  /// Seals until nothing is left that the reason asks for.
  package func sealAll(_ reason: Reason = .everything) throws(StoreError) {
    while try sealStep(reason) {}
  }

  /// Seals everything but layers that need something damaged: those stay in the journal.
  func sealWhatCanBe() throws(StoreError) {
    do throws(StoreError) { try sealAll(.everything) } catch {
      guard error.kind == .corrupt else { throw error }
      try sealAll(.pressure)
    }
  }

  /// Seals one branch's layers.
  package func seal(_ branch: EngineBranch) throws(StoreError) {
    try core.gate.checkWritable()
    try sealing.withLock { () throws(StoreError) in
      while isKnown(branch), let candidate = freeze(branch) {
        if let damage = try seal([candidate]).damage { throw damage }
      }
    }
  }

  /// Seals what one branch holds when the call begins, whatever is written to it meanwhile.
  func sealPresent(_ branch: EngineBranch) throws(StoreError) {
    try core.gate.checkWritable()
    let last = branch.writer.withLockFirst {
      if branch.state.withLock({ !$0.open.isEmpty }) {
        branch.freezeOpenLayer(through: core.journal.lastLSN)
      }
      return branch.state.withLock { $0.sealed.frozen.layers.last }
    }
    guard let last else { return }
    try sealing.withLock { () throws(StoreError) in
      while isKnown(branch),
        branch.state.withLock({ $0.sealed.frozen.layers.contains { $0 === last } }),
        let candidate = freeze(branch)
      {
        if let damage = try seal([candidate]).damage { throw damage }
      }
    }
  }

  /// Seals what can be of all branches but these, so that it is known what they replaced: before
  /// something is said of what only these keep.
  package func sealAll(besides ids: Set<BranchID>) throws(StoreError) {
    for branch in core.keeper.branches where !ids.contains(branch.id) {
      do throws(StoreError) { try seal(branch) } catch {
        guard error.kind == .corrupt || error.kind == .full else { throw error }
      }
    }
  }

  /// What came of an attempt.
  struct Outcome {
    var layerCount = 0
    /// Of a layer that was left unsealed.
    var damage: StoreError?
  }

  private func seal(_ candidates: [Candidate]) throws(StoreError) -> Outcome {
    try core.room.admitSeal()
    do throws(StoreError) { return try sealWithoutAsking(candidates) } catch {
      guard error.kind == .full else { throw error }
    }
    // What was admitted has its room: in journal files that hold nothing, and in the reserve's
    // part.
    try checkpointer.write()
    return try core.room.withReserve(.seal) { () throws(StoreError) in
      try sealWithoutAsking(candidates)
    }
  }

  /// Uses what room there is, the reserve's too.
  func sealWithoutAsking(_ candidates: [Candidate]) throws(StoreError) -> Outcome {
    try core.latch.withShared { () throws(StoreError) in
      // A collection may have come between choosing and the latch, and have given back what a root
      // that no branch is on any more refers to.
      try sealHoldingLatch(candidates.filter(isCurrent))
    }
  }

  private func isKnown(_ branch: EngineBranch) -> Bool {
    core.keeper.read { $0.branches[branch.id] === branch }
  }

  private func isCurrent(_ candidate: Candidate) -> Bool {
    guard isKnown(candidate.branch) else { return false }
    return candidate.branch.state.withLock { state in
      state.sealed.frozen.bottom === candidate.layers.first
        && state.sealed.root.root == candidate.root.root
    }
  }

  private func sealHoldingLatch(_ candidates: [Candidate]) throws(StoreError) -> Outcome {
    var attempt = 1
    while true {
      do throws(StoreError) {
        return try buildAndPublish(candidates)
      } catch {
        // A lost segment loses no acknowledged byte: what was in flight is built again.
        guard error.kind == .unavailable, attempt < Self.attemptCountMax,
          !core.journal.isPoisoned
        else { throw error }
        attempt += 1
      }
    }
  }

  /// A layer over damaged nodes stays in RAM and in the journal, and keeps no other from its seal.
  private func buildAndPublish(_ candidates: [Candidate]) throws(StoreError) -> Outcome {
    var built: [Built] = []
    var outcome = Outcome()
    for candidate in candidates {
      let count = built.count
      let isHealable = candidate.layers.first.map { core.damageInSight(of: $0) != nil } ?? false
      do throws(StoreError) { try build(candidate, &built) } catch {
        guard error.kind == .corrupt else { throw error }
        outcome.damage = outcome.damage ?? error
        if built.count == count, let layer = candidate.layers.first {
          core.unsealable.note(layer, on: candidate.root.root, error, isHealable: isHealable)
        }
      }
    }
    if !built.isEmpty { try publish(built) }
    outcome.layerCount = built.count
    return outcome
  }
}
