internal import CoppiceFormat
internal import CoppicePlatform
internal import Synchronization

extension Collection {
  private static let runCountMax = 1 << 14

  /// Finds the frames that nothing but forgotten branches kept, so that it can be verified later that
  /// they are gone. Takes time in proportion to them, and a look at the directories.
  func examineForgotten() throws(StoreError) {
    if options.isDryRun || forgotten.isEmpty { return }
    let sets = try forgotten.map { entry throws(StoreError) in try deadFrames(of: entry) }
    let retired = engine.control.withLock { engine.catalogue.retired }
    var found = [[DeadFrame]](repeating: [], count: sets.count)
    // Bases first: one may lie anywhere before what builds on it.
    for isLast in [false, true] {
      for entry in candidates {
        try forEachBundle(entry, retired) { bundle in
          let isDead = engine.cycle.withLive { live in
            bundle.names.map { !live.keeps($0, entry.domain) }
          }
          for index in bundle.frames.indices where isDead[index] && bundle.isPlaced[index] {
            let frame = bundle.frames[index]
            for (number, set) in sets.enumerated() where set.frames.contains(bundle.names[index]) {
              if isLast {
                found[number].append(
                  DeadFrame(name: bundle.names[index], frame: frame, segment: entry.id))
              } else if frame.base != .none {
                set.frames.insert(frame.base)
              }
            }
          }
        }
      }
    }
    noteDepartures(found)
    var branches: [ForgottenBranch] = []
    for (index, gone) in forgotten.enumerated() {
      // What an unreadable node may refer to was kept, and may be the entry's.
      var isWhole = sets[index].isWhole && report.unreadable.isEmpty
      if isWhole, options.isYoung { isWhole = try isYoung(gone) }
      branches.append(note(gone, found[index], isWhole: isWhole))
    }
    // What is known now holds whatever becomes of this collection.
    engine.hints.collection.withLock { $0.remember(branches) }
    let ids = Set(branches.map(\.id))
    engine.control.withLock { engine.unexamined.removeAll { ids.contains($0.entry.id) } }
  }

  /// Tells deletions which segments hold what died with them; a frame that several of their entries
  /// kept counts once.
  private func noteDepartures(_ found: [[DeadFrame]]) {
    for departure in departures where departure.deadByteCounts == nil {
      var byteCounts: [SegmentID: Int] = [:]
      let seen = FrameSet()
      for (gone, frames) in zip(forgotten, found) where gone.departure === departure {
        for dead in frames where seen.insert(dead.name) {
          byteCounts[dead.segment, default: 0] += dead.frame.storedByteCount
        }
      }
      departure.deadByteCounts = byteCounts
    }
  }

  private struct DeadFrame {
    var name: FrameName
    var frame: BundleDirectoryEntry
    var segment: SegmentID
  }

  private struct DeadFrames {
    var frames = FrameSet()
    /// False when a node could not be read, so that what it refers to is not known.
    var isWhole = true
  }

  private func note(_ gone: ForgottenEntry, _ frames: [DeadFrame], isWhole: Bool)
    -> ForgottenBranch
  {
    let entry = gone.entry
    var branch = ForgottenBranch(
      id: entry.id, name: entry.name, deletedAt: entry.deletedAt,
      forgottenAt: engine.clock.wallNanoseconds(), cycleNumber: report.cycleNumber,
      pageCount: gone.unsealed.count, byteCount: gone.unsealed.byteCount(engine.pageByteCount),
      isComplete: isWhole)
    for dead in frames.sorted(by: { $0.name < $1.name }) {
      if dead.frame.form.kind == .page { branch.pageCount += 1 }
      branch.byteCount += UInt64(dead.frame.storedByteCount)
      branch.add(dead.name, runCountMax: Self.runCountMax)
    }
    return branch
  }

  /// Whether all that nothing but the entry kept is young, so that a young collection knows all of it.
  /// Takes time in proportion to what the entry does not share with others.
  private func isYoung(_ gone: ForgottenEntry) throws(StoreError) -> Bool {
    var divergent = DivergentFrames(frames: engine.frames)
    do throws(StoreError) {
      try divergent.add(gone.refs, staying: roots) { () throws(StoreError) in
        try pace.visitNode()
      }
      try engine.addBases(to: &divergent, try StoreMoment(engine))
    } catch {
      guard error.kind == .corrupt else { throw error }
      return false
    }
    return divergent.smallest.map { $0.segment >= youngFrom } ?? true
  }

  private func deadFrames(of gone: ForgottenEntry) throws(StoreError) -> DeadFrames {
    var found = DeadFrames()
    let cycle = engine.cycle
    let domain = gone.entry.domain
    try FrameWalk(frames: engine.frames).walk(
      gone.refs,
      enter: { [frames = found.frames] met in
        // What stays as a base only is walked: what is below may have died with the entry.
        cycle.withLive { live in
          met.removeAll { live.keepsAllBelow($0.locator.name, domain) }
        }
        met.removeAll { !frames.insert($0.locator.name) }
      },
      visited: { () throws(StoreError) in try pace.visitNode() },
      // What it refers to cannot be told from other garbage.
      unreadable: { _, _ in found.isWhole = false })
    return found
  }
}

extension ForgottenBranch {
  /// Adds a frame with a greater name than all before.
  mutating func add(_ name: FrameName, runCountMax: Int) {
    if let last = runs.last, last.first.rawValue + UInt64(last.frameCount) == name.rawValue,
      last.first.segment == name.segment
    {
      runs[runs.count - 1].frameCount += 1
    } else if runs.count < runCountMax {
      runs.append(Run(first: name, frameCount: 1))
    } else {
      isComplete = false
    }
  }
}

extension CollectionHints {
  private static let forgottenCountMax = 256
  private static let runCountMax = 1 << 16

  /// No dead frame is left: of branches of which not all frames are known, none are there either.
  mutating func noteAllGone() {
    for index in forgotten.indices { forgotten[index].isComplete = true }
  }

  /// The journal holds no record of these branches any more.
  mutating func noteErased(_ branches: Set<BranchID>) {
    for index in forgotten.indices where branches.contains(forgotten[index].id) {
      forgotten[index].isErased = true
    }
  }

  /// Remembers what became of branches; the oldest go when there are too many.
  mutating func remember(_ branches: [ForgottenBranch]) {
    forgotten += branches
    var runCount = forgotten.reduce(0) { $0 + $1.runs.count }
    while forgotten.count > Self.forgottenCountMax || runCount > Self.runCountMax {
      runCount -= forgotten.removeFirst().runs.count
    }
  }
}
