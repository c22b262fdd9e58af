internal import CoppiceFormat
internal import CoppicePlatform
internal import Synchronization

extension CollectionRun {
  private static let runCountMax = 1 << 14
  private static let sharedFrameCountMax = 1 << 12
  private static let sharedNodeCountMax = 32

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
    let sets = try forgotten.map { entry throws(StoreError) in
      try deadFrames(of: entry, known: earlier[entry.entry.id])
    }
    let retired = core.keeper.catalogue.retired
    var found = [[DeadFrame]](repeating: [], count: sets.count)
    // Bases first: one may lie anywhere before what builds on it.
    for isLast in [false, true] {
      for entry in candidates {
        try forEachBundle(entry, retired) { bundle in
          // No entry shows it, or needs it. A node that others build on has no content.
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
            let (name, frame) = (bundle.names[index], bundle.frames[index])
            for (number, set) in sets.enumerated() {
              let isTheirs = set.frames.contains(name)
              if !isLast {
                if isTheirs, frame.base != .none { set.bases.insert(frame.base) }
              } else if isTheirs || isUnneeded[index] && set.bases.contains(name) {
                found[number].append(
                  DeadFrame(
                    name: name, frame: frame, segment: entry.id, isNeeded: !isUnneeded[index]))
              }
            }
          }
        }
      }
    }
    noteDepartures(found)
    var branches: [ForgottenBranch] = []
    for (index, gone) in forgotten.enumerated() where earlier[gone.entry.id] == nil {
      // What an unreadable node may refer to was kept, and may be the entry's.
      var isWhole = sets[index].isWhole && report.unreadable.isEmpty
      if isWhole, options.isYoung { isWhole = try isYoung(gone) }
      var branch = note(gone, found[index], isWhole: isWhole)
      branch.noteShared(with: gone.heirs, frames: sample(sets[index].shared))
      branches.append(branch)
    }
    // What is known now holds whatever becomes of this collection.
    core.hints.collection.withLock { $0.remember(branches) }
    // What is to be gone for good is examined until it is.
    core.keeper.change { kept in
      kept.unexamined.removeAll { ids.contains($0.entry.id) && $0.departure == nil }
    }
  }

  /// Tells deletions which segments hold what died with them, and who keeps what did not yet; a
  /// frame that several of their entries kept counts once.
  private func noteDepartures(_ found: [[DeadFrame]]) {
    for departure in departures {
      departure.report = nil
      departure.deadByteCounts = [:]
      (departure.readByteCount, departure.importedByteCount) = (0, 0)
      (departure.basePageCount, departure.baseByteCount) = (0, 0)
      var borrowers: Set<Borrower> = []
      var unique: (pageCount: UInt64, byteCount: UInt64) = (0, 0)
      let seen = FrameSet()
      for (gone, frames) in zip(forgotten, found) where gone.departure === departure {
        for dead in frames where seen.insert(dead.name) {
          let byteCount = dead.frame.storedByteCount
          if dead.frame.form.kind == .page { unique.pageCount += 1 }
          unique.byteCount += UInt64(byteCount)
          if dead.isNeeded {
            departure.basePageCount += 1
            departure.baseByteCount += UInt64(byteCount)
            continue
          }
          let borrower = loans.first { $0.frames.contains(dead.name) }?.borrower
          switch borrower {
          case .reader: departure.readByteCount += UInt64(byteCount)
          case .staging: departure.importedByteCount += UInt64(byteCount)
          case nil: departure.deadByteCounts[dead.segment, default: 0] += byteCount
          }
          if let borrower { borrowers.insert(borrower) }
        }
      }
      if departure.unique == nil { departure.unique = unique }
      core.keeper.change { _ in departure.borrowers = borrowers }
    }
  }

  private struct DeadFrame {
    var name: FrameName
    var frame: BundleDirectoryEntry
    var segment: SegmentID
    /// Whether frames that others show build on it: it stays as long as these.
    var isNeeded: Bool
  }

  private struct DeadFrames {
    let frames = FrameSet()
    /// What these build on.
    let bases = FrameSet()
    /// False when a node could not be read, so that what it refers to is not known.
    var isWhole = true
    /// The first that stay of those that dead nodes refer to.
    var shared: [Ref] = []
  }

  private func note(_ gone: ForgottenEntry, _ frames: [DeadFrame], isWhole: Bool)
    -> ForgottenBranch
  {
    let entry = gone.entry
    var branch = ForgottenBranch(
      id: entry.id, name: entry.name, deletedAt: entry.deletedAt,
      forgottenAt: core.clock.wallNanoseconds(), cycleNumber: report.cycleNumber,
      pageCount: gone.unsealedPageCount,
      byteCount: gone.unsealedPageCount * UInt64(core.pageByteCount),
      isComplete: isWhole)
    for dead in frames.sorted(by: { $0.name < $1.name }) {
      if dead.frame.form.kind == .page { branch.pageCount += 1 }
      branch.byteCount += UInt64(dead.frame.storedByteCount)
      if !branch.runs.add(dead.name, countMax: Self.runCountMax) { branch.isComplete = false }
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
    var found = DeadFrames()
    found.isWhole = gone.hasAllRefs
    var shared: [Ref] = []
    let cycle = core.cycle
    let domain = gone.entry.domain
    try FrameWalk(frames: core.frames).walk(
      gone.refs,
      enter: { [frames = found.frames] met in
        // What stays as a base only is walked: what is below may have died with the entry.
        cycle.withLive { live in
          met.removeAll {
            guard live.keepsAllBelow($0.locator.name, domain) else { return false }
            if shared.count < Self.sharedFrameCountMax { shared.append($0) }
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
  private static let sharedRunCountMax = 128

  fileprivate var runCount: Int { runs.count + sharedRuns.count }

  /// Remembers some of what others go on with, enough to find them again.
  fileprivate mutating func noteShared(with heirs: [BranchID], frames: [FrameName]) {
    self.heirs = Array(heirs.prefix(Self.heirCountMax))
    // A sample: what is too much is left out.
    for name in Set(frames).sorted() {
      _ = sharedRuns.add(name, countMax: Self.sharedRunCountMax)
    }
  }
}

extension CollectionHints {
  private static let forgottenCountMax = 4096
  private static let runCountMax = 1 << 16

  /// No dead frame is left: of branches of which not all frames are known, none are there either.
  ///
  /// - Parameter hasBases: whether pages are there that nothing shows and others build on.
  mutating func noteAllGone(hasBases: Bool) {
    for index in forgotten.indices where !forgotten[index].isComplete {
      forgotten[index].isComplete = true
      forgotten[index].mayHaveBases = hasBases
    }
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
    var runCount = forgotten.reduce(0) { $0 + $1.runCount }
    var excess = 0
    while forgotten.count - excess > Self.forgottenCountMax || runCount > Self.runCountMax {
      runCount -= forgotten[excess].runCount
      excess += 1
    }
    forgotten.removeFirst(excess)
  }
}
