internal import CoppiceFormat
internal import CoppicePlatform
internal import Synchronization

/// What a reader or an import in preparation keeps.
struct Loan {
  let borrower: Borrower
  let refs: [Ref]
  /// The frames that no entry reaches, and no loan before this one, with what they build on.
  let frames = FrameSet()
}

/// One collection, from its beginning to its end. The caller holds `collecting`.
final class CollectionRun {
  let collector: GarbageCollector
  var core: StoreCore { collector.core }
  var sealer: Sealer { collector.sealer }
  var checkpointer: Checkpointer { collector.checkpointer }
  private(set) var options: CollectionOptions
  let announce: (CollectionStep) -> Void
  let pace: CollectionPace
  var report = CollectionReport()
  /// Frames of this segment and later ones are looked at.
  private(set) var youngFrom: SegmentID
  /// Frames of this segment and later ones were born in the cycle.
  var firstBorn = SegmentID(0)
  /// Of entries, and of imports that are about to become some.
  var roots: [Ref] = []
  var loans: [Loan] = []
  /// Entries that were forgotten since the last collection, by this one too.
  var forgotten: [ForgottenEntry] = []
  /// Deletions that this collection brings to their end.
  var departures: [Departure] = []
  /// The estimate for young segments when the collection began.
  var youngDeadByteCount: UInt64 = 0
  /// Entries that it keeps.
  var keptBranches: Set<BranchID> = []
  /// Whether pages are there that no root shows and live ones build on.
  var hasMereBases = false
  var census: [SegmentCensus] = []
  /// Retired ids that no live frame bears any more.
  var emptyHomes: Set<SegmentID> = []

  init(
    _ collector: GarbageCollector, _ options: CollectionOptions,
    announce: @escaping (CollectionStep) -> Void
  ) {
    self.collector = collector
    self.options = options
    self.announce = announce
    pace = CollectionPace(collector, options)
    youngFrom =
      options.isYoung
      ? collector.core.hints.collection.withLock { $0.youngFrom } : SegmentID(0)
  }

  /// Makes a young collection, which has not begun yet, one of all segments.
  func lookAtAll() {
    options.isYoung = false
    youngFrom = SegmentID(0)
  }

  func run() throws(StoreError) -> CollectionReport {
    report.cycleNumber = core.hints.collection.withLock { $0.cycleNumber + 1 }
    youngDeadByteCount = core.hints.collection.withLock { $0.youngDeadByteCount }
    try begin()
    report.isYoung = options.isYoung
    announce(.begun)
    try mark()
    try examineForgotten()
    // So that a proof can tell what became of them, whenever a crash comes.
    if !departures.isEmpty || forgotten.contains(where: \.entry.endedByItself) {
      core.hints.save(to: core.disk)
    }
    if !options.isDryRun { try collector.forgetExamined() }
    announce(.marked)
    try count()
    announce(.counted)
    let victims = select()
    announce(.chosen)
    if options.isDryRun { return report }
    if !victims.isEmpty || !emptyHomes.isEmpty { try empty(victims) }
    try complete()
    return report
  }

  /// Entries that are deleted, and past the restore window if they have to be. One that a newer
  /// version restricted is kept for it.
  func isForgettable(_ entry: BranchEntry, _ branch: EngineBranch?) -> Bool {
    guard entry.flags.contains(.deleted), entry.annotations.unknownCriticalTags.isEmpty else {
      return false
    }
    // It may have held old frames, which a young collection does not look at.
    if options.isYoung, entry.endedByItself { return false }
    let moment = RestoreWindow.Moment(core.clock)
    switch options.forgetting {
    case .all: return true
    case .unlessKept:
      return entry.annotations.keepUntil == nil
        || RestoreWindow.isOver(options.restoreWindow, entry, branch, at: moment)
    case .overdue: return RestoreWindow.isOver(options.restoreWindow, entry, branch, at: moment)
    }
  }

  /// Whether everything that was dead when the collection began is gone.
  private var hasLeftNothing: Bool {
    !options.isYoung && report.leftByteCount == 0 && report.unreadable.isEmpty
      && !hasLoans
  }

  /// Keeps what this collection learned, for the next ones and for estimates.
  private func complete() throws(StoreError) {
    let now = core.clock.wallNanoseconds()
    core.hints.collection.withLock { hints in
      hints.cycleNumber = report.cycleNumber
      hints.youngFrom = max(hints.youngFrom, firstBorn)
      hints.endedAt = now
      if !options.isYoung { hints.fullAt = now }
      let left = UInt64(report.leftByteCount)
      hints.oldDeadByteCount = options.isYoung ? hints.oldDeadByteCount + left : left
      hints.youngDeadByteCount -= min(hints.youngDeadByteCount, youngDeadByteCount)
      if hasLeftNothing { hints.noteAllGone(hasBases: hasMereBases) }
    }
    report.hasLeftNothing = hasLeftNothing && !hasMereBases
    for departure in departures { departure.report = report }
    core.keeper.change { kept in
      let through = departures.filter(\.isThrough)
      kept.departures.removeAll { departure in through.contains { $0 === departure } }
      kept.unexamined.removeAll { gone in through.contains { $0 === gone.departure } }
    }
    core.hints.growth.withLock { $0.remove(forgotten.map(\.entry.id)) }
    core.hints.added.withLock { $0.remove(forgotten.map(\.entry.id)) }
    core.hints.save(to: core.disk)
    try collector.forgetExamined()
  }
}

/// Keeps a collection to its rate, and ends it early when the store is about to be closed or nobody
/// wants it any more.
final class CollectionPace {
  private let collector: GarbageCollector
  private var core: StoreCore { collector.core }
  private let options: CollectionOptions
  private let began: UInt64
  private var byteCount: UInt64 = 0
  private var stepCount = 0

  init(_ collector: GarbageCollector, _ options: CollectionOptions) {
    self.collector = collector
    self.options = options
    began = collector.core.clock.monotonicNanoseconds()
  }

  /// Called after that many bytes were read or copied.
  func spend(_ count: Int) throws(StoreError) {
    try core.gate.checkOpen()
    if collector.thread.isStopping {
      throw StoreError(.unavailable, "the store is being closed", remedy: "open it again")
    }
    if options.isCancelled?() ?? false {
      throw StoreError(.unavailable, "the collection was called off", remedy: "collect again")
    }
    byteCount += UInt64(count)
    guard let byteCountPerSecond = options.byteCountPerSecond, byteCountPerSecond > 0,
      core.options.usesThreads
    else { return }
    let due = began + UInt64(Double(byteCount) / Double(byteCountPerSecond) * 1e9)
    while core.clock.monotonicNanoseconds() < due, !collector.thread.isStopping {
      collector.thread.pause(untilMonotonicNanoseconds: due)
    }
  }

  /// Called after every node; most calls cost nothing.
  func visitNode() throws(StoreError) {
    stepCount += 1
    if stepCount & 63 == 0 { try spend(64 * Node.byteCount) }
  }
}
