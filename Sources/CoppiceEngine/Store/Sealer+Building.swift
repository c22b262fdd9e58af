internal import CoppiceFormat
internal import CoppicePlatform
internal import Synchronization

extension Sealer {
  // MARK: Building and publishing

  func sealContext(_ domain: DomainID) throws(StoreError) -> SealContext {
    core.appenders.note(storedByteCount: core.keeper.storedByteCount)
    let appender = try core.appenders.appender(domain, continuing: newestSegment(of: domain))
    return SealContext(
      frames: core.frames, appender: appender,
      equals: StoredPages(
        frames: core.frames, window: core.window,
        place: { [core] in core.place(of: $0) },
        admitHit: { [core] in core.cycle.admitHit($0) },
        isShareable: { [core] in core.domain(of: $0) == domain }),
      youngFrom: core.hints.collection.withLock { $0.youngFrom })
  }

  /// The segment that may take more frames; `nil` when frames with greater names were there, which
  /// new frames may refer to: names follow the order of appending (I10).
  private func newestSegment(of domain: DomainID) -> SegmentEntry? {
    core.keeper.read { kept in
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
  func build(_ candidate: Candidate, _ built: inout [Built]) throws(StoreError) {
    let context = try sealContext(candidate.branch.domain)
    let epoch = context.appender.epoch
    let id = candidate.branch.id
    let name = core.name(of: id)
    let time = core.clock.wallNanoseconds()
    var root = candidate.root
    for layer in candidate.layers {
      if let damage = core.damageInSight(of: layer) { throw damage }
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
        Built(
          branch: id, layers: layers, oldRoot: root.root, newRoot: newRoot, counts: counts,
          appender: context.appender, epoch: epoch))
      root = RootView(newRoot, frames: core.frames)
    }
  }

  /// Publishes built seals. Every segment with unpublished bytes is synced and named before: a
  /// dedup hit may lie in any of them.
  func publish(_ built: [Built]) throws(StoreError) {
    let ends = try core.appenders.sync()
    for seal in built where seal.appender.epoch != seal.epoch {
      throw StoreError(.unavailable, "a segment was lost while a seal built on it")
    }
    let (last, count) = try core.keeper.change { kept throws(StoreError) in
      try Self.record(&kept, built, ends)
    }
    let published = built.prefix(count)
    try core.journal.flush(through: last)
    core.appenders.markPublished(ends)
    core.keeper.change { kept in
      kept.hasSealedSinceCheckpoint = true
      // The catalogue took the publishes already; who was forked since is on these roots too.
      let heirs = Set(published.map(\.newRoot)).flatMap { kept.catalogue.branches(on: $0) }
        .compactMap { kept.branches[$0] }
      for seal in published {
        let view = RootView(seal.newRoot, frames: core.frames)
        let takers = heirs.filter { branch in
          branch.applyPublish(of: seal.layers, oldRoot: seal.oldRoot, newRoot: view)
        }
        kept.noteAdded(
          seal.counts, newRoot: seal.newRoot, by: takers.map(\.id), core.hints)
        core.pins.applyPublish(of: seal.layers, oldRoot: seal.oldRoot, newRoot: view)
        kept.sealCounts.add(seal.counts)
      }
    }
    for seal in published { noteSealed(seal.counts, by: seal.branch) }
    for branch in core.keeper.read({ kept in built.compactMap { kept.branches[$0.branch] } }) {
      core.lookAtGrowth(of: branch)
    }
    core.relief.note()
  }

  /// Records publishes, as many as the journal takes but at least one: what has a record must reach
  /// RAM too. Returns the last record's LSN and how many there are.
  private static func record(_ kept: inout Kept, _ built: [Built], _ ends: [SegmentEnd])
    throws(StoreError) -> (LSN, Int)
  {
    var last = LSN.zero
    for (index, seal) in built.enumerated() {
      do throws(StoreError) {
        last = try kept.record(
          .publish(
            oldRoot: seal.oldRoot, intervals: Interval.join(seal.layers.map(\.interval)),
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
    core.hints.growth.withLock { $0.add(counts, to: branch, at: core.clock.wallNanoseconds()) }
    core.sampleSpace()
    core.hints.collection.withLock { hints in
      hints.oldDeadByteCount += UInt64(counts.replacedOldByteCount)
      hints.youngDeadByteCount += UInt64(counts.replacedYoungByteCount)
    }
    didSeal()
  }

  /// Makes everything that imports appended durable and known, so that a transaction may adopt it.
  package func publishAppended() throws(StoreError) {
    let ends = try core.appenders.sync()
    guard !ends.isEmpty else { return }
    let lsn = try core.keeper.change { kept throws(StoreError) in
      try kept.record(.publish(oldRoot: .hole, intervals: [], newRoot: .hole, ends: ends))
    }
    try core.journal.flush(through: lsn)
    core.appenders.markPublished(ends)
  }

  /// Appends a note for each entry, about its root or about `root`, which is to take its place.
  func appendNotes(_ entries: [BranchEntry], root: Ref? = nil) throws(StoreError) {
    for entry in entries.sorted(by: { $0.id < $1.id }) {
      try LayerSeal.append(
        NoteFrame(
          branch: entry.id, name: entry.name, lsn: entry.noteLSN, root: root ?? entry.root,
          time: core.clock.wallNanoseconds()),
        sealContext(entry.domain))
    }
  }
}

extension BranchEntry {
  /// For a note about the entry's root: above all that the root has, and not above the end of any
  /// layer that is still to be sealed, whose note has to count more.
  fileprivate var noteLSN: LSN { (intervals.first?.from ?? .zero).next }
}
