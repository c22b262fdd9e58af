internal import CoppiceFormat
internal import CoppicePlatform

extension Sealer {
  // MARK: Choosing

  func sealCandidates(_ reason: Reason) -> [Candidate] {
    var all = core.keeper.branches.sorted { $0.id < $1.id }
    if reason != .everything, !core.unsealable.isEmpty { all.removeAll { $0.sealFailure != nil } }
    var chosen: [EngineBranch]
    switch reason {
    case .everything: chosen = all
    case .limits, .pressure:
      chosen = all.filter { $0.wantsSeal(core.options, heightMax: Self.stackHeightMax) }
      if chosen.isEmpty, isJournalLong, let oldest = oldestDirtyBranch(all) { chosen = [oldest] }
      if chosen.isEmpty,
        reason == .pressure || core.meter.byteCount > core.options.overlayByteCountMax / 2
      {
        chosen = dirtiestBranches(all)
      }
    }
    var seen: Set<ObjectIdentifier> = []
    var candidates: [Candidate] = []
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

  private var isJournalLong: Bool {
    core.journal.usedByteCount > core.options.journalByteCountMax / 2
  }

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
    _ branch: EngineBranch, byteCountMax: Int = Sealer.groupByteCountMax, withOpen: Bool = false
  ) -> Candidate? {
    branch.writer.withLockFirst {
      let isDue = branch.state.withLock { state in
        !state.open.isEmpty && (withOpen || state.sealed.frozen.isEmpty)
      }
      if isDue { branch.freezeOpenLayer(through: core.journal.lastLSN) }
      return branch.state.withLock { state in
        let layers = Self.lowest(of: state.sealed.frozen.layers, byteCountMax: byteCountMax)
        if layers.isEmpty { return nil }
        return Candidate(branch: branch, layers: layers, root: state.sealed.root, merged: nil)
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
