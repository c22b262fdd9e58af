internal import CoppiceFormat
internal import CoppicePlatform

extension CollectionRun {
  /// Takes the roots at one moment at which no seal or import is between finding a frame and making
  /// it reachable.
  func begin() throws(StoreError) {
    let lsn = try engine.latch.withExclusive { () throws(StoreError) in
      engine.appenders.closeAll()
      // The bases of live derived frames are found in directories: none may be left out.
      try engine.publishAppended()
      firstBorn = engine.appenders.nextSegmentID
      return try engine.control.withLock { () throws(StoreError) in
        // What is to be gone at once may be old: a young collection must not take it over.
        if engine.departures.contains(where: \.isActive) { lookAtAll() }
        engine.cycle.begin(youngFrom: youngFrom, firstBorn: firstBorn)
        return try takeRoots()
      }
    }
    try engine.journal.flush(through: lsn)
  }

  /// Returns the LSN of the record that condemns. The caller holds `control`.
  private func takeRoots() throws(StoreError) -> LSN {
    let entries = engine.catalogue.branches.values
    let forgettable = entries.filter(isForgettable).sorted { $0.id < $1.id }
    // A young collection ends none: what they held may be old.
    departures = options.isYoung ? [] : engine.departures
    report.forgottenBranchCount = forgettable.count
    var lsn = LSN.zero
    let ids = forgettable.map(\.id)
    keptBranches = Set(entries.map(\.id)).subtracting(ids)
      .union(engine.stagings.all.compactMap(\.claimedBranch))
    roots = rootRefs()
    if options.isDryRun { return lsn }
    report.forgottenBranchCount += engine.unexamined.count
    if !ids.isEmpty {
      let staying = engine.layersStaying(without: Set(ids))
      let gone = forgettable.map { engine.forgottenEntry($0, staying: staying) }
      lsn = try engine.record(Engine.condemnations(of: gone, isForGood: false))
      for id in ids { engine.branches[id] = nil }
      engine.unexamined += gone
    }
    forgotten = engine.unexamined
    return lsn
  }

  private func rootRefs() -> [Ref] {
    var refs = engine.catalogue.branches.values.filter { keptBranches.contains($0.id) }.map(\.root)
    var layers: [ObjectIdentifier: Layer] = [:]
    func take(_ state: SealedState) {
      refs.append(state.root.root)
      for layer in state.frozen.layers { layers[ObjectIdentifier(layer)] = layer }
    }
    for branch in engine.branches.values where keptBranches.contains(branch.id) {
      branch.state.withLock { state in
        take(state.sealed)
        refs += state.open.storedRefs
      }
    }
    for pin in engine.pins.all {
      if let state = pin.state { take(state) }
      refs += pin.refs
    }
    for layer in layers.values { refs += layer.storedRefs }
    for staging in engine.stagings.all { refs += staging.storedRefs }
    return refs
  }
}

extension Layer {
  /// Frames that the layer's volumes refer to.
  var storedRefs: [Ref] {
    var refs: [Ref] = []
    volumes.forEach { _, part in
      if let adopted = part.adopted { refs.append(adopted) }
      part.pages.forEach { _, page in
        if case .shared(let ref) = page { refs.append(ref) }
      }
    }
    return refs
  }
}
