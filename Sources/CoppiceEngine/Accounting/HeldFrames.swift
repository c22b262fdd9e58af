internal import CoppiceFormat

/// What is still there of the frames that died with a forgotten branch, and what holds it.
struct HeldFrames {
  var byteCounts: [SpaceHolder: UInt64] = [:]
  /// Pages that nothing shows, and that others build on.
  var basePageCount: UInt64 = 0
  var baseByteCount: UInt64 = 0

  /// - Parameter isReclaimed: whether it lies in a segment that counts no more and is on disk until
  ///   the next opening or collection.
  fileprivate mutating func add(
    _ name: FrameName, _ frame: BundleDirectoryEntry, in segment: SegmentID, isReclaimed: Bool,
    _ owners: FrameOwners
  ) {
    let byteCount = UInt64(frame.storedByteCount)
    // What was found by hash again has a new owner.
    let holder = isReclaimed ? .nothing : owners.holder(of: name) ?? .segment(segment)
    byteCounts[holder, default: 0] += byteCount
    if frame.form.kind == .page, !isReclaimed, owners.isMereBase(name) {
      basePageCount += 1
      baseByteCount += byteCount
    }
  }
}

extension Accounts {
  /// Looks for each frame that died with these branches, wherever it may lie now. Takes memory for
  /// their runs, and time in proportion to the directories; to the store's nodes too when one of
  /// them is there.
  func heldFrames(
    of branches: [ForgottenBranch], _ moment: StoreMoment
  ) throws(StoreError) -> [HeldFrames] {
    var held = [HeldFrames](repeating: HeldFrames(), count: branches.count)
    let runs = RunIndex(branches)
    var isPresent = false
    try forEachPresent(runs, moment) { _, _, _, _ in isPresent = true }
    guard isPresent else { return held }
    let owners = try FrameOwners(core, moment)
    try forEachPresent(runs, moment) { name, frame, segment, found in
      for branch in found {
        held[branch].add(
          name, frame, in: segment.id, isReclaimed: segment.flags.contains(.reclaimed), owners)
      }
    }
    return held
  }

  /// Visits the frames of the runs that lie in some segment, each once, with the branches that
  /// they are of.
  private func forEachPresent(
    _ runs: RunIndex, _ moment: StoreMoment,
    _ visit: (FrameName, BundleDirectoryEntry, SegmentEntry, [Int]) -> Void
  ) throws(StoreError) {
    let met = FrameSet()
    func look(in segments: [SegmentEntry], isReclaimed: Bool) throws(StoreError) {
      try core.listing.forEachPlacedFrame(of: segments) { name, frame, segment in
        guard segment.flags.contains(.reclaimed) == isReclaimed else { return }
        let found = runs.branches(with: name)
        guard !found.isEmpty, met.insert(name) else { return }
        visit(name, frame, segment, found)
      }
    }
    try look(in: moment.segments(holding: runs.segments), isReclaimed: false)
    let reclaimed = core.keeper.catalogue.reclaimed
    try look(in: reclaimed.values.sorted { $0.id < $1.id }, isReclaimed: true)
  }
}

/// Finds the branches that had a frame, by the first frames of their runs.
private struct RunIndex {
  private struct Run {
    var first: UInt64
    var end: UInt64
    var branch: Int
    /// The greatest end of this run and those before it.
    var reach: UInt64 = 0
  }

  let segments: Set<SegmentID>
  private var runs: [Run] = []

  init(_ branches: [ForgottenBranch]) {
    var segments: Set<SegmentID> = []
    for (number, branch) in branches.enumerated() {
      for run in branch.runs {
        segments.insert(run.first.segment)
        let first = run.first.rawValue
        runs.append(Run(first: first, end: first + UInt64(run.frameCount), branch: number))
      }
    }
    self.segments = segments
    runs.sort { ($0.first, $0.branch) < ($1.first, $1.branch) }
    var reach: UInt64 = 0
    for index in runs.indices {
      reach = max(reach, runs[index].end)
      runs[index].reach = reach
    }
  }

  /// Each once.
  func branches(with name: FrameName) -> [Int] {
    var (low, high) = (0, runs.count)
    while low < high {
      let middle = (low + high) / 2
      if runs[middle].first <= name.rawValue { low = middle + 1 } else { high = middle }
    }
    var found: [Int] = []
    while low > 0, runs[low - 1].reach > name.rawValue {
      low -= 1
      let run = runs[low]
      if run.end > name.rawValue, !found.contains(run.branch) { found.append(run.branch) }
    }
    return found
  }
}
