internal import CoppiceFormat
package import CoppicePlatform

// A repair goes from what opening needs to what readers need:
//
//  superblock  a damaged copy is written anew from the other one.
//  catalogue   when the newest one is damaged: itself, if one bit is all its damage; the one
//              before, if the journal still has every record since; else one that is put together.
//  journal     damaged headers of files are written anew, as the batches behind them tell. When
//              acknowledged records are gone all the same: opened without them.
//  hosts       frames whose names only a damaged directory told are found again by their content.
//  nodes       each that cannot be read is rebuilt if its id proves what was found, and every
//              branch gets a root without the damage: before writes are laid over the roots.
//  segments    a damaged header is written anew. With damaged bundle directories or notes: what
//              refs lead to is copied out.
//  pages       where one cannot be read, and another frame has a copy of its content, every branch
//              gets a root that names that frame. Writes of parts of such pages are then replayed
//              anew.
//
// Files are copied before they are changed or removed. Whatever drops something that was
// acknowledged is done only when the caller accepts that. What is lost for good stays as it is:
// unreadable, and listed, like all that a check or a scrub would find afterwards. Each step is
// durable as a whole before the next begins: after a crash in between, opening finds the state
// before it or behind it, and a repair goes on from there.

extension Engine {
  /// Repairs a store that nothing has open, as far as that can be done.
  ///
  /// - Throws: `corrupt`, with what would be dropped, when the options do not accept a loss;
  ///   `inUse`, `notFound`, `denied`, `full`.
  package static func repair(
    disk: any Disk, clock: any StoreClock, options: EngineOptions, _ repair: RepairOptions,
    progress: (ScrubProgress) -> Void = { _ in }
  ) throws(StoreError) -> RepairReport {
    var options = options
    options.usesThreads = false
    options.isReadOnly = false
    var report = RepairReport()
    let damagedHints = EngineHints.damagedFiles(on: disk)
    var saved = try SavedFiles(disk: disk)
    let superblock = try SuperblockRepair(disk: disk).run(&saved, &report)
    try CatalogueRepair(disk: disk, clock: clock, superblock: superblock)
      .run(repair, &saved, &report)
    try JournalHeaderRepair(
      disk: disk, uuid: superblock.uuid,
      catalogue: try readCatalogue(disk, isReadOnly: true).0
    ).run(&saved, &report)
    let engine = try open(disk, clock, superblock, options, repair, &saved, &report)
    try finish(engine) { () throws(StoreError) in
      try engine.sealer.sealWhatCanBe()
      try SegmentHeaderRepair(engine: engine).run(&saved, &report)
      for segment in try SegmentRescue(engine: engine).run(&saved) {
        report.steps.append(
          RepairReport.Step(
            object: SegmentStore.path(segment),
            action: "what is live in it was copied out, with new bundle directories and notes"))
      }
      var pages = PageRepair(engine: engine)
      try pages.run(&report, progress: progress)
    }
    if report.healedPageCount > 0 {
      // Layers that lay over these pages are made again from the journal, whole.
      let again = try Engine.open(disk: disk, clock: clock, options: options)
      try finish(again) { () throws(StoreError) in try again.sealer.sealWhatCanBe() }
    }
    let stillDamaged = EngineHints.damagedFiles(on: disk)
    for name in damagedHints where !stillDamaged.contains(name) {
      report.steps.append(
        RepairReport.Step(object: name, action: "it was made anew, without what it remembered"))
    }
    report.folder = saved.isEmpty ? "" : saved.folder
    return report
  }

  /// Closes the engine when the work is done, and gives it up when that fails.
  private static func finish(_ engine: Engine, _ work: () throws(StoreError) -> Void)
    throws(StoreError)
  {
    do throws(StoreError) {
      try work()
      try engine.close()
    } catch {
      engine.abandon()
      throw error
    }
  }

  /// Opens the store; without the journal's damaged part if that is accepted.
  private static func open(
    _ disk: any Disk, _ clock: any StoreClock, _ superblock: Superblock, _ options: EngineOptions,
    _ repair: RepairOptions, _ saved: inout SavedFiles, _ report: inout RepairReport
  ) throws(StoreError) -> Engine {
    let healing = Healing()
    var steps = OpeningSteps()
    steps.healRoots = { engine throws(StoreError) in try healing.run(engine) }
    defer { healing.report(to: &report) }
    let (loss, known) = try lookAtJournal(disk, superblock.uuid)
    guard let loss else {
      return try Engine.open(disk: disk, clock: clock, options: options, steps)
    }
    guard repair.acceptsLoss else { throw refusal(loss) }
    for name in try StoreInspector(disk: disk).list(Journal.directory) {
      try saved.save("\(Journal.directory)/\(name)")
    }
    // The records that published these, or parts of them, may be among those that are gone.
    for id in try StoreInspector(disk: disk).segments() {
      let byteCount = try StoreInspector(disk: disk).open(id).byteCount
      if known[id].map({ $0.byteCount < byteCount }) ?? true {
        try saved.save(SegmentStore.path(id))
      }
    }
    report.droppedRecords = loss
    report.steps.append(
      RepairReport.Step(
        object: loss.file,
        action: "acknowledged records \(loss.first.rawValue) to \(loss.last.rawValue) were dropped"
      ))
    steps.acceptsLoss = true
    return try Engine.open(disk: disk, clock: clock, options: options, steps)
  }

  /// What of the journal is gone, and the segments that the rest of it knows. Changes nothing.
  private static func lookAtJournal(_ disk: any Disk, _ uuid: StoreUUID) throws(StoreError) -> (
    JournalLoss?, [SegmentID: SegmentEntry]
  ) {
    let lock = try disk.lockStore(exclusively: false)
    defer { withExtendedLifetime(lock) {} }
    let (checkpoint, _) = try readCatalogue(disk, isReadOnly: true)
    let journal = try JournalRecovery(
      disk: disk, uuid: uuid, catalogue: checkpoint, isReadOnly: true, acceptsLoss: true
    ).run()
    var state = CatalogueState(checkpoint)
    for entry in journal.controlRecords {
      state.apply(entry.record, branch: entry.branch, lsn: entry.lsn, time: entry.time)
    }
    return (journal.loss, state.segments)
  }

  /// Heals what is below the roots, while the store is being opened.
  private final class Healing: @unchecked Sendable {
    // Used on the thread that opens.
    private var nodeCount = 0

    func run(_ engine: Engine) throws(StoreError) {
      // What was healed may lead to more in damaged hosts, and that to more nodes.
      while true {
        let roots = engine.core.keeper.entries.map(\.root)
        let isSearched = try HostSearch(engine: engine).run(roots)
        let count = try NodeRepair(engine: engine).run()
        nodeCount += count
        if count == 0 || !isSearched { return }
      }
    }

    func report(to report: inout RepairReport) {
      report.healedNodeCount = nodeCount
      guard nodeCount > 0 else { return }
      report.steps.append(
        RepairReport.Step(
          object: "nodes", action: "\(quantity(nodeCount, "node")) rebuilt, each proven by its id"))
    }
  }

  private static func refusal(_ loss: JournalLoss) -> StoreError {
    var what = "acknowledged records \(loss.first.rawValue) to \(loss.last.rawValue)"
    if !loss.branches.isEmpty {
      let numbers = loss.branches.sorted().map { "\($0.rawValue)" }.joined(separator: ", ")
      what += ", which concern \(loss.branches.count == 1 ? "branch" : "branches") \(numbers)"
    }
    if !loss.volumes.isEmpty { what += " and \(quantity(loss.volumes.count, "file"))" }
    return StoreError(
      .corrupt, "repairing this would drop \(what)", object: loss.file,
      remedy: "restore the file from a copy of the store, or use \(step: .repairAcceptingLoss)")
  }
}
