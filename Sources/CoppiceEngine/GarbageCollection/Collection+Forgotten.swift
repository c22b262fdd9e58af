internal import CoppiceFormat
internal import CoppicePlatform

extension Collection {
  private static let runCountMax = 1 << 14

  /// Finds the frames that nothing but forgotten branches kept, so that it can be verified later that
  /// they are gone. Takes time in proportion to them, and a look at the directories.
  func examineForgotten() throws(StoreError) {
    if options.isDryRun || forgotten.isEmpty { return }
    let sets = try forgotten.map { entry throws(StoreError) in try deadFrames(of: entry) }
    let retired = engine.control.withLock { engine.catalogue.retired }
    var found = [[DeadFrame]](repeating: [], count: sets.count)
    // Bases first: one may lie anywhere before the pages that build on it.
    for isLast in [false, true] {
      for entry in candidates {
        try forEachBundle(entry, retired) { bundle in
          let isDead = engine.cycle.withLive { live in
            bundle.names.map { !live.keeps($0, entry.domain) }
          }
          for index in bundle.frames.indices where isDead[index] && bundle.isPlaced[index] {
            let frame = bundle.frames[index]
            for (number, set) in sets.enumerated() where set.contains(bundle.names[index]) {
              if isLast {
                found[number].append(DeadFrame(name: bundle.names[index], frame: frame))
              } else if frame.form.kind == .page, frame.base != .none {
                set.insert(frame.base)
              }
            }
          }
        }
      }
    }
    for (entry, frames) in zip(forgotten, found) { forgottenBranches.append(note(entry, frames)) }
  }

  private struct DeadFrame {
    var name: FrameName
    var frame: BundleDirectoryEntry
  }

  private func note(_ entry: BranchEntry, _ frames: [DeadFrame]) -> ForgottenBranch {
    var branch = ForgottenBranch(
      id: entry.id, name: entry.name, deletedAt: entry.deletedAt,
      forgottenAt: engine.clock.wallNanoseconds(), cycleNumber: report.cycleNumber,
      isComplete: !options.isYoung)
    for dead in frames.sorted(by: { $0.name < $1.name }) {
      if dead.frame.form.kind == .page { branch.pageCount += 1 }
      branch.byteCount += UInt64(dead.frame.storedByteCount)
      branch.add(dead.name, runCountMax: Self.runCountMax)
    }
    return branch
  }

  private func deadFrames(of entry: BranchEntry) throws(StoreError) -> FrameSet {
    let found = FrameSet()
    let cycle = engine.cycle
    try FrameWalk(frames: engine.frames).walk(
      [entry.root],
      enter: { met in
        cycle.withLive { live in
          met.removeAll { live.keeps($0.locator.name, entry.domain) }
        }
        met.removeAll { !found.insert($0.locator.name) }
      },
      visited: { () throws(StoreError) in try pace.visitNode() },
      // What it refers to cannot be told from other garbage.
      unreadable: { _, _ in })
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

  /// Remembers what became of branches; the oldest go when there are too many.
  mutating func remember(_ branches: [ForgottenBranch]) {
    forgotten += branches
    var runCount = forgotten.reduce(0) { $0 + $1.runs.count }
    while forgotten.count > Self.forgottenCountMax || runCount > Self.runCountMax {
      runCount -= forgotten.removeFirst().runs.count
    }
  }
}
