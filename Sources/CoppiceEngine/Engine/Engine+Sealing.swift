internal import CoppiceFormat
internal import CoppicePlatform
internal import Synchronization

// A seal takes four steps: freeze an open layer, build frames and a new root, sync the segments,
// publish. Layers are sealed from the bottom up, each once for all branches that share it. A crash
// before the publish is durable leaves unpublished frames, which opening drops, and the journal's
// records, from which the layer is made again.

extension Engine {
  /// Why a layer is sealed now.
  package enum SealReason: Sendable {
    /// Some limit asks for it: a branch's dirty bytes, the overlay's, the journal's, or a stack
    /// that grew high.
    case limits
    /// Memory or room is short: whatever helps most, even below the limits.
    case pressure
    /// Every layer that holds anything.
    case everything
  }

  /// The lowest layers of a branch, bottom first, and the root they lie on.
  struct SealCandidate {
    var branch: EngineBranch
    var layers: [Layer]
    var root: RootView
    /// All layers laid over one another, to be sealed as one; `nil`: each is sealed by itself.
    var merged: Layer?
  }

  /// A layer, or several as one, built into frames, not published yet.
  struct BuiltSeal {
    var branch: BranchID
    var layers: [Layer]
    var oldRoot: Ref
    var newRoot: Ref
    var counts: SealCounts
    var appender: SegmentAppender
    var epoch: Int
  }

  private static let stackHeightMax = 8
  static let groupByteCountMax = 64 << 20
  private static let attemptCountMax = 3

  /// Seals what the reason asks for, in one group: many layers, one segment sync, one journal sync.
  /// Returns whether anything was sealed.
  ///
  /// A layer that needs something damaged keeps no other from its seal. Only a seal of everything
  /// throws for it, once the others of its group are sealed.
  @discardableResult
  package func sealStep(_ reason: SealReason) throws(StoreError) -> Bool {
    try gate.checkWritable()
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
  package func sealAll(_ reason: SealReason = .everything) throws(StoreError) {
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
    try gate.checkWritable()
    try sealing.withLock { () throws(StoreError) in
      while isKnown(branch), let candidate = freeze(branch) {
        if let damage = try seal([candidate]).damage { throw damage }
      }
    }
  }

  /// What came of an attempt.
  struct SealOutcome {
    var layerCount = 0
    /// Of a layer that was left unsealed.
    var damage: StoreError?
  }

  private func seal(_ candidates: [SealCandidate]) throws(StoreError) -> SealOutcome {
    try room.admitSeal()
    do throws(StoreError) { return try sealWithoutAsking(candidates) } catch {
      guard error.kind == .full else { throw error }
    }
    // What was admitted has its room: in journal files that hold nothing, and in the reserve's
    // part.
    try checkpointer.write()
    return try room.withReserve(.seal) { () throws(StoreError) in try sealWithoutAsking(candidates)
    }
  }

  /// Uses what room there is, the reserve's too.
  func sealWithoutAsking(_ candidates: [SealCandidate]) throws(StoreError) -> SealOutcome {
    try latch.withShared { () throws(StoreError) in
      // A collection may have come between choosing and the latch, and have given back what a root
      // that no branch is on any more refers to.
      try sealHoldingLatch(candidates.filter(isCurrent))
    }
  }

  private func isKnown(_ branch: EngineBranch) -> Bool {
    keeper.read { $0.branches[branch.id] === branch }
  }

  private func isCurrent(_ candidate: SealCandidate) -> Bool {
    guard isKnown(candidate.branch) else { return false }
    return candidate.branch.state.withLock { state in
      state.sealed.frozen.bottom === candidate.layers.first
        && state.sealed.root.root == candidate.root.root
    }
  }

  private func sealHoldingLatch(_ candidates: [SealCandidate]) throws(StoreError) -> SealOutcome {
    var attempt = 1
    while true {
      do throws(StoreError) {
        return try buildAndPublish(candidates)
      } catch {
        // A lost segment loses no acknowledged byte: what was in flight is built again.
        guard error.kind == .unavailable, attempt < Self.attemptCountMax,
          !journal.isPoisoned
        else { throw error }
        attempt += 1
      }
    }
  }

  /// A layer over damaged nodes stays in RAM and in the journal, and keeps no other from its seal.
  private func buildAndPublish(_ candidates: [SealCandidate]) throws(StoreError) -> SealOutcome {
    var built: [BuiltSeal] = []
    var outcome = SealOutcome()
    for candidate in candidates {
      let count = built.count
      let isHealable = candidate.layers.first.map { damageInSight(of: $0) != nil } ?? false
      do throws(StoreError) { try build(candidate, &built) } catch {
        guard error.kind == .corrupt else { throw error }
        outcome.damage = outcome.damage ?? error
        if built.count == count, let layer = candidate.layers.first {
          unsealable.note(layer, on: candidate.root.root, error, isHealable: isHealable)
        }
      }
    }
    if !built.isEmpty { try publish(built) }
    outcome.layerCount = built.count
    return outcome
  }

  // MARK: Choosing

  private func sealCandidates(_ reason: SealReason) -> [SealCandidate] {
    var all = keeper.branches.sorted { $0.id < $1.id }
    if reason != .everything, !unsealable.isEmpty { all.removeAll { $0.sealFailure != nil } }
    var chosen: [EngineBranch]
    switch reason {
    case .everything: chosen = all
    case .limits, .pressure:
      chosen = all.filter { $0.wantsSeal(options, heightMax: Self.stackHeightMax) }
      if chosen.isEmpty, isJournalLong, let oldest = oldestDirtyBranch(all) { chosen = [oldest] }
      if chosen.isEmpty, reason == .pressure || meter.byteCount > options.overlayByteCountMax / 2 {
        chosen = dirtiestBranches(all)
      }
    }
    var seen: Set<ObjectIdentifier> = []
    var candidates: [SealCandidate] = []
    var byteCount = 0
    for branch in chosen where byteCount < Self.groupByteCountMax {
      guard let candidate = freeze(branch, byteCountMax: Self.groupByteCountMax - byteCount),
        seen.isDisjoint(with: candidate.layers.map(ObjectIdentifier.init))
      else { continue }
      seen.formUnion(candidate.layers.map(ObjectIdentifier.init))
      byteCount += candidate.layers.reduce(0) { $0 + $1.byteCount }
      candidates.append(candidate)
    }
    return candidates
  }

  private var isJournalLong: Bool { journal.usedByteCount > options.journalByteCountMax / 2 }

  /// The branch whose bottom layer holds the oldest records: sealing it lets journal files go.
  private func oldestDirtyBranch(_ all: [EngineBranch]) -> EngineBranch? {
    all.compactMap { branch in branch.firstDirtyLSN.map { (branch, $0) } }
      .min { $0.1 < $1.1 }?.0
  }

  private func dirtiestBranches(_ all: [EngineBranch]) -> [EngineBranch] {
    let dirty = all.map { ($0, $0.dirtyByteCount) }.filter { $0.1 > 0 }
    return dirty.sorted { $0.1 > $1.1 }.map(\.0)
  }

  /// The branch's lowest layers, as many as that many bytes allow but at least one; the open layer
  /// is frozen for the purpose if there is no other. `nil` when the branch has nothing to seal.
  ///
  /// - Parameter withOpen: whether the open layer is frozen though there are others.
  func freeze(
    _ branch: EngineBranch, byteCountMax: Int = Engine.groupByteCountMax, withOpen: Bool = false
  ) -> SealCandidate? {
    branch.writer.withLockFirst {
      let isDue = branch.state.withLock { state in
        !state.open.isEmpty && (withOpen || state.sealed.frozen.isEmpty)
      }
      if isDue { branch.freezeOpenLayer(through: journal.lastLSN) }
      return branch.state.withLock { state in
        let layers = Self.lowest(of: state.sealed.frozen.layers, byteCountMax: byteCountMax)
        if layers.isEmpty { return nil }
        return SealCandidate(branch: branch, layers: layers, root: state.sealed.root, merged: nil)
      }
    }
  }

  private static func lowest(of layers: [Layer], byteCountMax: Int) -> [Layer] {
    var byteCount = 0
    var count = 0
    for layer in layers {
      byteCount += layer.byteCount
      if count > 0, byteCount > byteCountMax { break }
      count += 1
    }
    return Array(layers.prefix(count))
  }

  // MARK: Building and publishing

  func sealContext(_ domain: DomainID) throws(StoreError) -> SealContext {
    appenders.note(storedByteCount: keeper.read { $0.catalogue.storedByteCount })
    let appender = try appenders.appender(domain, continuing: newestSegment(of: domain))
    return SealContext(
      frames: frames, appender: appender, window: window,
      place: { [unowned self] in place(of: $0) },
      admitHit: { [cycle] in cycle.admitHit($0) },
      isShareable: { [unowned self] in self.domain(of: $0) == domain },
      youngFrom: hints.collection.withLock { $0.youngFrom })
  }

  /// The segment that may take more frames; `nil` when frames with greater names were there, which
  /// new frames may refer to: names follow the order of appending (I10).
  private func newestSegment(of domain: DomainID) -> SegmentEntry? {
    keeper.read { kept in
      let newest = kept.catalogue.segments.values
        .filter { $0.domain == domain && !$0.flags.contains(.closed) }
        .max { $0.id < $1.id }
      guard let newest else { return nil }
      let isNewer = { (id: SegmentID) in id > newest.id }
      if kept.catalogue.retired.keys.contains(where: isNewer) { return nil }
      return kept.catalogue.reclaimed.keys.contains(where: isNewer) ? nil : newest
    }
  }

  /// Builds the candidate's layers, each on the root that the one below it came to.
  private func build(_ candidate: SealCandidate, _ built: inout [BuiltSeal]) throws(StoreError) {
    let context = try sealContext(candidate.branch.domain)
    let epoch = context.appender.epoch
    let id = candidate.branch.id
    let name = self.name(of: id)
    let time = clock.wallNanoseconds()
    var root = candidate.root
    for layer in candidate.layers {
      if let damage = damageInSight(of: layer) { throw damage }
      if candidate.merged != nil, layer !== candidate.layers.last { continue }
      let layers = candidate.merged == nil ? [layer] : candidate.layers
      let layer = candidate.merged ?? layer
      var counts = SealCounts()
      let through = layer.through
      let newRoot = try LayerSeal(
        context: context, workers: workers, layer: layer, root: root
      ).run(
        note: { NoteFrame(branch: id, name: name, lsn: through, root: $0, time: time) },
        counts: &counts)
      built.append(
        BuiltSeal(
          branch: id, layers: layers, oldRoot: root.root, newRoot: newRoot, counts: counts,
          appender: context.appender, epoch: epoch))
      root = RootView(newRoot, frames: frames)
    }
  }

  /// Publishes built seals. Every segment with unpublished bytes is synced and named before: a
  /// dedup hit may lie in any of them.
  private func publish(_ built: [BuiltSeal]) throws(StoreError) {
    let ends = try appenders.sync()
    for seal in built where seal.appender.epoch != seal.epoch {
      throw StoreError(.unavailable, "a segment was lost while a seal built on it")
    }
    let (last, count) = try keeper.change { kept throws(StoreError) in
      try Self.record(&kept, built, ends)
    }
    let published = built.prefix(count)
    try journal.flush(through: last)
    appenders.markPublished(ends)
    keeper.change { kept in
      kept.hasSealedSinceCheckpoint = true
      // The catalogue took the publishes already; who was forked since is on these roots too.
      let heirs = Set(published.map(\.newRoot)).flatMap { kept.catalogue.branches(on: $0) }
        .compactMap { kept.branches[$0] }
      for seal in published {
        let view = RootView(seal.newRoot, frames: frames)
        for branch in heirs {
          branch.applyPublish(of: seal.layers, oldRoot: seal.oldRoot, newRoot: view)
        }
        pins.applyPublish(of: seal.layers, oldRoot: seal.oldRoot, newRoot: view)
        kept.sealCounts.add(seal.counts)
      }
    }
    for seal in published { noteSealed(seal.counts, by: seal.branch) }
    relief.note()
  }

  /// Records publishes, as many as the journal takes but at least one: what has a record must reach
  /// RAM too. Returns the last record's LSN and how many there are.
  private static func record(_ kept: inout Kept, _ built: [BuiltSeal], _ ends: [SegmentEnd])
    throws(StoreError) -> (LSN, Int)
  {
    var last = LSN.zero
    for (index, seal) in built.enumerated() {
      do throws(StoreError) {
        last = try kept.record(
          .publish(
            oldRoot: seal.oldRoot, intervals: join(seal.layers.map(\.interval)),
            newRoot: seal.newRoot, ends: index == 0 ? ends : []),
          of: seal.branch)
      } catch {
        guard index > 0, error.kind == .full else { throw error }
        return (last, index)
      }
    }
    return (last, built.count)
  }

  /// Called after a publish: what it replaced is dead, unless another branch keeps it.
  func noteSealed(_ counts: SealCounts, by branch: BranchID) {
    hints.growth.withLock { $0.add(counts, to: branch, at: clock.wallNanoseconds()) }
    hints.collection.withLock { hints in
      hints.oldDeadByteCount += UInt64(counts.replacedOldByteCount)
      hints.youngDeadByteCount += UInt64(counts.replacedYoungByteCount)
    }
    collector.wake()
  }

  /// Makes everything that imports appended durable and known, so that a transaction may adopt it.
  package func publishAppended() throws(StoreError) {
    let ends = try appenders.sync()
    guard !ends.isEmpty else { return }
    let lsn = try keeper.change { kept throws(StoreError) in
      try kept.record(.publish(oldRoot: .hole, intervals: [], newRoot: .hole, ends: ends))
    }
    try journal.flush(through: lsn)
    appenders.markPublished(ends)
  }
}

extension EngineBranch {
  /// Whether the branch by itself is over a limit.
  func wantsSeal(_ options: EngineOptions, heightMax: Int) -> Bool {
    state.withLock { state in
      let frozen = state.sealed.frozen
      return frozen.layers.count > heightMax
        || state.open.byteCount + frozen.byteCount >= options.sealByteCount
    }
  }

  var dirtyByteCount: Int {
    state.withLock { $0.open.byteCount + $0.sealed.frozen.byteCount }
  }

  /// The LSN above which the branch's unsealed writes begin.
  var firstDirtyLSN: LSN? {
    state.withLock { state in
      state.sealed.frozen.bottom?.from ?? (state.open.isEmpty ? nil : state.open.from)
    }
  }
}
