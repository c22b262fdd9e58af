package import CoppiceFormat
internal import CoppicePlatform

/// Another that keeps what an entry refers to.
package struct Sharer: Hashable, Sendable {
  package var holder: SpaceHolder
  /// Of one that is deleted: when its restore window ends, in nanoseconds since 1970. It keeps what
  /// it refers to until a collection after that, or one on request or for lack of space before.
  package var restorableUntil: Int64?
}

/// What deleting entries would free, and what not.
package struct DeletionEstimate: Hashable, Sendable {
  package var freed = FreedSpace()
  /// Of what they refer to, the stored bytes that stay, and the bytes of pages that are not sealed.
  package var sharedByteCount: UInt64 = 0
  /// Who keeps these.
  package var sharers: [Sharer] = []
}

/// What entries refer to that are to go, or have gone.
struct DoomedState {
  /// Those of them that are there.
  var branches: Set<BranchID> = []
  var refs: [Ref] = []
  var unsealed = UnsealedPages()

  init(of branches: Set<BranchID>, _ moment: StoreMoment) {
    self.branches = branches
    for entry in moment.entries where branches.contains(entry.entry.id) {
      refs += entry.refs
      unsealed.formUnion(entry.unsealed)
    }
  }

  init(refs: [Ref]) { self.refs = refs }
}

extension Accounts {
  /// What deleting these entries together would free: the same number as `spaceFreed` tells and a
  /// deletion for good frees. What else they refer to is named with those that keep it. Takes time
  /// in proportion to the nodes of the store.
  ///
  /// - Throws: `corrupt` when a node of these entries cannot be read.
  package func deletionEstimate(of branches: Set<BranchID>) throws(StoreError) -> DeletionEstimate {
    let moment = try StoreMoment(core)
    return try deletionEstimate(of: DoomedState(of: branches, moment), moment)
  }

  func deletionEstimate(of doomed: DoomedState, _ moment: StoreMoment) throws(StoreError)
    -> DeletionEstimate
  {
    var estimate = DeletionEstimate()
    estimate.freed = try UsageCount(core: core, moment: moment).spaceFreed(by: doomed)
    var shared = SharedFrames()
    try FrameWalk(frames: core.frames).walk(doomed.refs) { shared.insert($0.name) }
    try shared.addBases(core, moment)
    var byteCount = doomed.unsealed.byteCount(core.pageByteCount)
    try core.listing.forEachFrame(of: shared.segments(of: moment)) { name, frame in
      if frame.form.kind != .note, shared.frames.contains(name) || shared.nodeBases.contains(name) {
        byteCount += UInt64(frame.storedByteCount)
      }
    }
    estimate.sharedByteCount = byteCount - min(byteCount, estimate.freed.byteCount)
    guard estimate.sharedByteCount > 0 else { return estimate }
    shared.layers = Set(doomed.unsealed.counts.keys)
    estimate.sharers = sharers(of: shared, moment, besides: doomed.branches)
    return estimate
  }

  /// Who keeps any of these. What lies below a node that cannot be read is not known.
  func sharers(
    of shared: SharedFrames, _ moment: StoreMoment, besides branches: Set<BranchID> = []
  ) -> [Sharer] {
    var search = SharerSearch(frames: core.frames, shared: shared)
    var found: [Sharer] = []
    for entry in moment.entries where !branches.contains(entry.entry.id) {
      let hasLayer = !shared.layers.isDisjoint(with: entry.unsealed.counts.keys)
      if hasLayer || shared.heirs.contains(entry.entry.id)
        || search.reaches(entry.refs)
      {
        found.append(sharer(entry.entry))
      }
    }
    if search.reaches(moment.pinnedRoots)
      || !shared.layers.isDisjoint(with: moment.pinnedPages.counts.keys)
    {
      found.append(Sharer(holder: .reader))
    }
    if search.reaches(moment.importedRefs) { found.append(Sharer(holder: .imports)) }
    return found
  }

  private func sharer(_ entry: BranchEntry) -> Sharer {
    var sharer = Sharer(holder: SpaceHolder(entry))
    if entry.flags.contains(.deleted) {
      sharer.restorableUntil = RestoreWindow.end(
        core.options.collection.restoreWindow, of: entry)
    }
    return sharer
  }
}

/// Frames and layers that others are looked for that have them.
struct SharedFrames {
  let frames = FrameSet()
  /// Nodes that these build on: they have no content, and whoever shows one or builds on one too
  /// shares nothing by that.
  let nodeBases = FrameSet()
  /// Pages that build on these: whoever keeps one keeps its base.
  let derived = FrameSet()
  /// No frame of either set has a smaller name.
  private(set) var smallest: FrameName?
  var layers: Set<ObjectIdentifier> = []
  /// Branches that are known to have some of it in layers, or had.
  var heirs: Set<BranchID> = []

  @discardableResult
  mutating func insert(_ name: FrameName) -> Bool {
    smallest = min(smallest ?? name, name)
    return frames.insert(name)
  }

  /// Adds the frames that these build on, and notes who else builds on any of them.
  mutating func addBases(_ core: StoreCore, _ moment: StoreMoment) throws(StoreError) {
    let (found, nodeBases, also) = (frames, nodeBases, derived)
    var smallest = smallest
    try core.listing.forEachFrame(of: segments(of: moment)) { derived, frame in
      guard frame.base != .none, found.contains(derived) else { return }
      let bases = frame.form.kind == .page ? found : nodeBases
      guard bases.insert(frame.base) else { return }
      smallest = smallest.map { min($0, frame.base) }
    }
    self.smallest = smallest
    try core.listing.forEachFrame(of: segments(of: moment)) { derived, frame in
      if frame.form.kind == .page, found.contains(frame.base) { also.insert(derived) }
    }
  }

  /// The segments that hold these frames, those that build on them, and perhaps others.
  func segments(of moment: StoreMoment) -> [SegmentEntry] {
    smallest.map { moment.segments(holdingFrom: $0.segment) } ?? []
  }

  func contains(_ name: FrameName) -> Bool { frames.contains(name) || derived.contains(name) }
}

/// Looks for states that reach any of some frames. Each ends at the first it meets; nodes that led
/// to none are not looked at again.
private struct SharerSearch {
  let frames: FrameReader
  let shared: SharedFrames
  private let clear = FrameSet()

  init(frames: FrameReader, shared: SharedFrames) {
    self.frames = frames
    self.shared = shared
  }

  mutating func reaches(_ roots: [Ref]) -> Bool {
    guard let smallest = shared.smallest else { return false }
    let seen = FrameSet()
    var visited: [FrameName] = []
    var level = roots.filter { !$0.isHole }
    while !level.isEmpty {
      var next: [Ref] = []
      for ref in level {
        let name = ref.locator.name
        if shared.contains(name) { return true }
        // What it refers to has smaller names (I10).
        guard name >= smallest, ref.locator.form.kind != .page, !clear.contains(name),
          seen.insert(name)
        else { continue }
        visited.append(name)
        // What damage hides is not found.
        if let node = try? frames.node(ref) { node.appendEffectiveRefs(to: &next) }
      }
      level = next.filter { !$0.isHole }
    }
    for name in visited { clear.insert(name) }
    return false
  }
}
