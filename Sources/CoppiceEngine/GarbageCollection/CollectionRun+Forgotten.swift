internal import CoppiceFormat
internal import CoppicePlatform
internal import Synchronization

extension CollectionRun {
  private static let runCountMax = 1 << 14
  private static let sharedFrameCountMax = 1 << 12
  private static let sharedNodeCountMax = 32
  /// Of all samples together.
  private static let sampledRunCountMax = 1 << 14
  private static let sampledRunCountMin = 8

  /// Finds the frames that nothing but forgotten branches kept, and readers and imports that end
  /// before they become entries, so that it can be verified later that they are gone. Takes time in
  /// proportion to them, and a look at the directories.
  func examineForgotten() throws(StoreError) {
    if options.isDryRun || forgotten.isEmpty { return }
    let ids = Set(forgotten.map(\.entry.id))
    // Of a collection that a crash ended.
    let earlier = core.hints.collection.withLock { hints in
      Dictionary(
        hints.forgotten.filter { ids.contains($0.id) }.map { ($0.id, $0) },
        uniquingKeysWith: { $1 })
    }
    let sets = try forgotten.map { gone throws(StoreError) in
      try deadFrames(of: gone, known: earlier[gone.entry.id])
    }
    let departing = departures.map(DepartingFrames.init)
    for (number, gone) in forgotten.enumerated() {
      sets[number].departing = departing.first { $0.departure === gone.departure }
    }
    try findDead(sets)
    for frames in departing { core.keeper.change { _ in frames.finish() } }
    var branches: [ForgottenBranch] = []
    for (gone, set) in zip(forgotten, sets) where earlier[gone.entry.id] == nil {
      // What an unreadable node may refer to was kept, and may be the entry's.
      var isWhole = set.isWhole && report.unreadable.isEmpty
      if isWhole, options.isYoung { isWhole = try isYoung(gone) }
      var branch = note(gone, set, isWhole: isWhole)
      branch.noteShared(
        with: gone.heirs, frames: sample(set.shared), runCountMax: sampleRunCount)
      branches.append(branch)
    }
    // What is known now holds whatever becomes of this collection.
    let waiting = core.keeper.read { $0.catalogue.endedByThemselves }
    core.hints.collection.withLock { $0.remember(branches, keeping: waiting) }
    // What is to be gone for good is examined until it is.
    core.keeper.change { kept in
      kept.unexamined.removeAll { ids.contains($0.entry.id) && $0.departure == nil }
    }
  }

  /// Fills the sets with what is placed in some segment, of the frames that their entries reach and
  /// no entry shows, and of what these build on.
  private func findDead(_ sets: [DeadFrames]) throws(StoreError) {
    // Bases first: one may lie anywhere before what builds on it.
    var reachedNear = DeadFramesIndex(sets) { $0.frames.chunkKeys }
    try forEachUnshown { dead in
      guard dead.frame.base != .none else { return }
      for set in reachedNear.sets(near: dead.name) where set.frames.contains(dead.name) {
        set.bases.insert(dead.frame.base)
      }
    }
    var near = DeadFramesIndex(sets) { $0.frames.chunkKeys + $0.bases.chunkKeys }
    try forEachUnshown { dead in
      for set in near.sets(near: dead.name)
      where set.frames.contains(dead.name) || !dead.isNeeded && set.bases.contains(dead.name) {
        set.add(dead)
        set.departing?.add(dead, borrower: borrower(of: dead))
      }
    }
  }

  /// Visits the frames that no entry shows. A node that others build on has no content.
  private func forEachUnshown(_ visit: (DeadFrame) -> Void) throws(StoreError) {
    let retired = core.keeper.catalogue.retired
    for entry in candidates {
      try forEachBundle(entry, retired) { bundle in
        let (isUnshown, isUnneeded) = core.cycle.withLive { live in
          let isUnneeded = bundle.names.map { !live.keepsBesidesLoans($0, entry.domain) }
          let isUnshown = bundle.frames.indices.map { index in
            isUnneeded[index]
              || bundle.frames[index].form.kind == .page
                && !live.keepsAllBelow(bundle.names[index], entry.domain)
          }
          return (isUnshown, isUnneeded)
        }
        for index in bundle.frames.indices where isUnshown[index] && bundle.isPlaced[index] {
          visit(
            DeadFrame(
              name: bundle.names[index], frame: bundle.frames[index], segment: entry.id,
              isNeeded: !isUnneeded[index]))
        }
      }
    }
  }

  private func borrower(of dead: DeadFrame) -> Borrower? {
    loans.first { $0.frames.contains(dead.name) }?.borrower
  }

  private func note(_ gone: ForgottenEntry, _ set: DeadFrames, isWhole: Bool) -> ForgottenBranch {
    let entry = gone.entry
    var branch = ForgottenBranch(
      id: entry.id, name: entry.name, deletedAt: entry.deletedAt,
      forgottenAt: core.clock.wallNanoseconds(), cycleNumber: report.cycleNumber,
      pageCount: gone.unsealedPageCount + set.pageCount,
      byteCount: gone.unsealedPageCount * UInt64(core.pageByteCount) + set.byteCount,
      isComplete: isWhole)
    branch.isPartial = !isWhole
    set.dead.forEach { name in
      if !branch.runs.add(name, countMax: Self.runCountMax) { branch.isComplete = false }
    }
    return branch
  }

  /// Whether all that nothing but the entry kept is young, so that a young collection knows all of
  /// it. Takes time in proportion to what the entry does not share with others.
  private func isYoung(_ gone: ForgottenEntry) throws(StoreError) -> Bool {
    var divergent = DivergentFrames(frames: core.frames)
    do throws(StoreError) {
      try divergent.add(gone.refs, staying: roots) { () throws(StoreError) in
        try pace.visitNode()
      }
      try divergent.addBases(core, try StoreMoment(core))
    } catch {
      guard error.kind == .corrupt else { throw error }
      return false
    }
    return divergent.smallest.map { $0.segment >= youngFrom } ?? true
  }

  /// How much is noted of what others go on with. Samples of very many would take the place of
  /// notes.
  private var sampleRunCount: Int {
    let share = Self.sampledRunCountMax / forgotten.count
    return share < Self.sampledRunCountMin ? 0 : min(share, ForgottenBranch.sharedRunCountMax)
  }

  /// Frames that stay and the first of what they lead to, level by level: what one keeps as a
  /// whole, another may keep a part of.
  private func sample(_ shared: [Ref]) -> [FrameName] {
    var names: [FrameName] = []
    var nodeCount = 0
    var level = shared
    while !level.isEmpty {
      var next: [Ref] = []
      for ref in level where !ref.isHole && names.count < Self.sharedFrameCountMax {
        if ref.locator.form.kind != .page, nodeCount < Self.sharedNodeCountMax {
          nodeCount += 1
          let count = next.count
          // It is a sample: what cannot be read is left out.
          if let node = try? core.frames.node(ref) {
            node.appendEffectiveRefs(to: &next)
            // Equal empty nodes are everywhere, and nobody's content.
            if next[count...].allSatisfy(\.isHole) { continue }
          }
        }
        names.append(ref.locator.name)
      }
      level = next
    }
    return names
  }

  private func deadFrames(of gone: ForgottenEntry) throws(StoreError) -> DeadFrames {
    let found = DeadFrames()
    found.isWhole = gone.hasAllRefs
    var shared: [Ref] = []
    let cycle = core.cycle
    let domain = gone.entry.domain
    let sharedCountMax = sampleRunCount > 0 ? Self.sharedFrameCountMax : 0
    try FrameWalk(frames: core.frames).walk(
      gone.refs,
      enter: { [frames = found.frames] met in
        // What stays as a base only is walked: what is below may have died with the entry.
        cycle.withLive { live in
          met.removeAll {
            guard live.keepsAllBelow($0.locator.name, domain) else { return false }
            if shared.count < sharedCountMax { shared.append($0) }
            return true
          }
        }
        met.removeAll { !frames.insert($0.locator.name) }
      },
      visited: { () throws(StoreError) in try pace.visitNode() },
      // What it refers to cannot be told from other garbage.
      unreadable: { _, _ in found.isWhole = false })
    found.shared = shared
    return found
  }

  /// - Parameter known: what is noted of the entry; some of its nodes may be gone by now.
  private func deadFrames(
    of gone: ForgottenEntry, known: ForgottenBranch?
  ) throws(StoreError) -> DeadFrames {
    guard let known else { return try deadFrames(of: gone) }
    let found = known.isComplete ? DeadFrames() : try deadFrames(of: gone)
    for run in known.runs { run.forEachFrame { found.frames.insert($0) } }
    return found
  }
}

extension ForgottenBranch.Run {
  func forEachFrame(_ visit: (FrameName) -> Void) {
    for index in 0..<UInt64(frameCount) { visit(FrameName(rawValue: first.rawValue + index)) }
  }
}

extension [ForgottenBranch.Run] {
  /// Adds a frame with a greater name than all before; false when that would be too many runs.
  fileprivate mutating func add(_ name: FrameName, countMax: Int) -> Bool {
    if let last, last.first.rawValue + UInt64(last.frameCount) == name.rawValue,
      last.first.segment == name.segment
    {
      self[count - 1].frameCount += 1
    } else if count < countMax {
      append(ForgottenBranch.Run(first: name, frameCount: 1))
    } else {
      return false
    }
    return true
  }
}

extension ForgottenBranch {
  private static let heirCountMax = 64
  fileprivate static let sharedRunCountMax = 128

  /// Remembers some of what others go on with, enough to find them again.
  fileprivate mutating func noteShared(
    with heirs: [BranchID], frames: [FrameName], runCountMax: Int
  ) {
    self.heirs = Array(heirs.prefix(Self.heirCountMax))
    // A sample: what is too much is left out.
    for name in Set(frames).sorted() {
      _ = sharedRuns.add(name, countMax: runCountMax)
    }
  }
}
