internal import CoppiceFormat
internal import CoppicePlatform

extension CollectionRun {
  /// Takes the roots at one moment at which no seal or import is between finding a frame and making
  /// it reachable.
  func begin() throws(StoreError) {
    let lsn = try core.latch.withExclusive { () throws(StoreError) in
      core.appenders.closeAll()
      // The bases of live derived frames are found in directories: none may be left out.
      try sealer.publishAppended()
      firstBorn = core.appenders.nextSegmentID
      return try core.keeper.change { kept throws(StoreError) in
        // What is to be gone at once may be old: a young collection must not take it over.
        if kept.departures.contains(where: \.isActive) { lookAtAll() }
        core.cycle.begin(youngFrom: youngFrom, firstBorn: firstBorn)
        return try takeRoots(&kept)
      }
    }
    try core.journal.flush(through: lsn)
  }

  /// Returns the LSN of the record that condemns.
  private func takeRoots(_ kept: inout Kept) throws(StoreError) -> LSN {
    let entries = kept.catalogue.branches.values
    var forgettable: [BranchEntry] = []
    for entry in entries where isForgettable(entry, kept.branches[entry.id]) {
      forgettable.append(entry)
    }
    forgettable.sort { $0.id < $1.id }
    // A young collection ends none: what they held may be old.
    departures = options.isYoung ? [] : kept.departures
    report.forgottenBranchCount = forgettable.count
    var lsn = LSN.zero
    let ids = forgettable.map(\.id)
    keptBranches = Set(entries.map(\.id)).subtracting(ids)
      .union(core.stagings.all.compactMap(\.claimedBranch))
    roots = rootRefs(kept)
    loans = loanRefs()
    if options.isDryRun { return lsn }
    if !ids.isEmpty {
      let staying = kept.layersStaying(without: Set(ids))
      var gone: [ForgottenEntry] = []
      for entry in forgettable { gone.append(kept.forgottenEntry(entry, staying: staying)) }
      lsn = try kept.record(GarbageCollector.condemnations(of: gone, isForGood: false))
      for id in ids { kept.branches[id] = nil }
      kept.unexamined += gone
    }
    forgotten = kept.unexamined.filter { gone in
      !options.isYoung || !gone.entry.endedByItself
    }
    report.forgottenBranchCount = forgotten.count
    return lsn
  }

  private func rootRefs(_ kept: borrowing Kept) -> [Ref] {
    var refs = kept.catalogue.branches.values.filter { keptBranches.contains($0.id) }.map(\.root)
    var layers: [ObjectIdentifier: Layer] = [:]
    func take(_ state: SealedState) {
      refs.append(state.root.root)
      for layer in state.frozen.layers { layers[ObjectIdentifier(layer)] = layer }
    }
    for branch in kept.branches.values where keptBranches.contains(branch.id) {
      branch.state.withLock { state in
        take(state.sealed)
        refs += state.open.storedRefs
      }
    }
    for layer in layers.values { refs += layer.storedRefs }
    for staging in core.stagings.all where staging.claimedBranch != nil {
      refs += staging.storedRefs
    }
    return refs
  }

  /// What readers and imports refer to, those first that came first.
  private func loanRefs() -> [Loan] {
    var loans: [Loan] = []
    for pin in core.pins.all.sorted(by: { $0.key < $1.key }) {
      var refs = pin.refs
      if let state = pin.state {
        refs.append(state.root.root)
        for layer in state.frozen.layers { refs += layer.storedRefs }
      }
      loans.append(Loan(borrower: .reader(pin.key), refs: refs))
    }
    for (number, staging) in core.stagings.numbered {
      loans.append(Loan(borrower: .staging(number), refs: staging.storedRefs))
    }
    return loans
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
