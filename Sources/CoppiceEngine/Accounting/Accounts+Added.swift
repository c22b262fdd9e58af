package import CoppiceFormat
internal import CoppicePlatform
internal import Synchronization

extension Accounts {
  /// As last measured, with what came since. Looks at nothing that is stored. `nil` when nothing is
  /// known, after a crash or a reset say, until the branch is measured; and for a snapshot, whose
  /// bytes count as its branch's.
  package func added(by branch: BranchID) -> AddedBytes? {
    core.keeper.read { $0.added(by: branch, core) }
  }

  /// As above, of all branches of which anything is known.
  package func added() -> [BranchID: AddedBytes] {
    core.keeper.read { kept in
      var all: [BranchID: AddedBytes] = [:]
      for id in kept.catalogue.branches.keys { all[id] = kept.added(by: id, core) }
      return all
    }
  }

  /// Measures the branch, which is exact for what is sealed: walks what it and its snapshots refer
  /// to, but nothing that is as old as the state it began with. Takes time in proportion to what
  /// was added, and to the directories of the segments that this lies in. What comes meanwhile is
  /// counted on top.
  ///
  /// - Throws: `notFound` for a snapshot and when there is no such branch, `corrupt` when a node
  ///   cannot be read.
  package func measureAdded(by branch: BranchID) throws(StoreError) -> AddedBytes {
    while true {
      try core.gate.checkOpen()
      let moment = try AddedMoment(of: branch, core)
      let byteCount = try moment.storedByteCount()
      let time = core.clock.wallNanoseconds()
      let known = core.keeper.read { kept -> AddedBytes? in
        guard
          let known = core.hints.added.withLock({
            $0.note(byteCount, of: branch, since: moment.beginning, at: time)
          })
        else { return nil }
        let unsealed = kept.unsealedAddedByteCount(of: branch, pageByteCount: core.pageByteCount)
        return AddedBytes(known, unsealedByteCount: unsealed ?? 0)
      }
      // Otherwise the branch has another state now.
      if let known { return known }
    }
  }
}

extension Accounts {
  /// As `measureAdded`, once all that the branch wrote is sealed: then it is exact altogether.
  package func settleAdded(by branch: EngineBranch) throws(StoreError) -> AddedBytes {
    try branch.pressure.sealer.seal(branch)
    return try measureAdded(by: branch.id)
  }

  /// Measures one of the branches that came nearer to their limits, and tells of it if it is so.
  /// Returns whether there was one. What the store's own thread does when there is nothing to seal,
  /// and the owner of a store without threads may.
  @discardableResult
  package func measureDue() -> Bool {
    guard let id = core.hints.added.withLock({ $0.takeDue() }) else { return false }
    guard let branch = core.keeper.read({ $0.branches[id] }), let limit = branch.growth.limit,
      // A branch that cannot be read is near to nothing that anybody could tell.
      let added = try? measureAdded(by: id)
    else { return true }
    let state = limit.state(ofAdded: added.byteCount)
    _ = branch.growth.note(state)
    if state > .free {
      core.options.noticed(
        GrowthNotice(
          branch: branch, limit: limit, state: state, addedByteCount: added.byteCount))
    }
    return true
  }
}

/// A branch and its snapshots at one moment. What they refer to stays until it is released.
private final class AddedMoment {
  let beginning: AddedCounts.Beginning
  private let start: FrameName
  private let roots: [Ref]
  private let core: StoreCore
  private let pins: [UInt64]

  init(of branch: BranchID, _ core: StoreCore) throws(StoreError) {
    self.core = core
    var pins: [UInt64] = []
    var roots: [Ref] = []
    let (beginning, start) = try core.keeper.read { kept throws(StoreError) in
      guard let entry = kept.catalogue.branches[branch], !entry.flags.contains(.readOnly) else {
        throw StoreError(
          .notFound, "there is no such branch", object: kept.name(of: branch))
      }
      for member in kept.catalogue.family(of: branch) {
        guard let state = kept.branches[member]?.state else { continue }
        let (sealed, open) = state.withLock { state in
          (state.sealed, state.open.adoptedRefs)
        }
        pins.append(core.pins.insert(sealed, refs: open))
        // Shared pages of layers count as pages that are not sealed.
        roots += [sealed.root.root] + open + sealed.frozen.layers.flatMap(\.adoptedRefs)
      }
      return (
        core.hints.added.withLock { $0.beginning(of: branch) }, entry.effectiveStart
      )
    }
    self.pins = pins
    self.roots = roots
    self.beginning = beginning
    self.start = start
  }

  deinit { for pin in pins { core.pins.remove(pin) } }

  func storedByteCount() throws(StoreError) -> UInt64 {
    let (found, start) = (FrameSet(), start)
    var byteCount: UInt64 = 0
    var derivedHomes: Set<SegmentID> = []
    var met = roots
    var pending: [Ref] = []
    while true {
      for ref in met where ref.locator.name > start && found.insert(ref.locator.name) {
        byteCount += UInt64(ref.locator.storedByteCount)
        if ref.locator.form.isDerived { derivedHomes.insert(ref.locator.name.segment) }
        if ref.locator.form.kind != .page { pending.append(ref) }
      }
      // What is not greater than that refers to nothing that is (I10).
      guard let next = pending.popLast() else { break }
      met.removeAll(keepingCapacity: true)
      try core.frames.appendRefs(of: next, youngerThan: start, to: &met)
    }
    return byteCount + (try basesByteCount(of: found, in: derivedHomes))
  }

  /// Bytes of what found frames build on and nothing shows.
  private func basesByteCount(
    of found: FrameSet, in homes: Set<SegmentID>
  ) throws(StoreError) -> UInt64 {
    guard !homes.isEmpty else { return 0 }
    let segments = core.keeper.read { kept in
      var places = homes
      for home in homes { places.formUnion(kept.catalogue.retired[home]?.hosts ?? []) }
      return places.compactMap { kept.catalogue.segments[$0] }
    }
    var bases: [FrameName] = []
    try core.listing.forEachBase(of: segments) { derived, base in
      if base > start, found.contains(derived), !found.contains(base) { bases.append(base) }
    }
    let counted = FrameSet()
    return bases.reduce(0) { sum, base in
      guard counted.insert(base) else { return sum }
      let place = core.place(of: base)
      return sum + UInt64(place?.storedByteCount ?? NodeCodec.storedByteCountMax)
    }
  }
}

extension Layer {
  /// Volumes' top nodes that take the place of what is below.
  fileprivate var adoptedRefs: [Ref] {
    guard adopts else { return [] }
    var refs: [Ref] = []
    volumes.forEach { _, part in if let adopted = part.adopted { refs.append(adopted) } }
    return refs
  }
}
