internal import CoppiceFormat
package import CoppicePlatform

// A repair goes from what opening needs to what readers need:
//
//  catalogue   when the newest one is damaged: the one before, if the journal still has every record
//              since; else one that is put together from the segments and the notes in them.
//  journal     when acknowledged records are gone: opened without them.
//  pages       each that cannot be read, and of whose content another frame has a copy, gets that frame
//              in its place, by an ordinary write.
//  segments    with damaged bundle directories: what refs lead to is copied out.
//
// Files are copied before they are changed or removed. Whatever drops something that was acknowledged
// is done only when the caller accepts that. What is lost for good stays as it is: unreadable, and
// listed.

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
    var saved = try SavedFiles(disk: disk)
    try CatalogueRepair(disk: disk, clock: clock).run(repair, &saved, &report)
    let engine = try open(disk, clock, options, repair, &saved, &report)
    do throws(StoreError) {
      try PageRepair(engine: engine).run(&report, progress: progress)
      for segment in try SegmentRescue(engine: engine).run(&saved) {
        report.steps.append(
          RepairReport.Step(
            object: SegmentFiles.path(segment),
            action: "what is live in it was copied out, with new bundle directories"))
      }
    } catch {
      engine.abandon()
      throw error
    }
    try engine.close()
    report.folder = saved.isEmpty ? "" : saved.folder
    return report
  }

  /// Opens the store; without the journal's damaged part if that is accepted.
  private static func open(
    _ disk: any Disk, _ clock: any StoreClock, _ options: EngineOptions, _ repair: RepairOptions,
    _ saved: inout SavedFiles, _ report: inout RepairReport
  ) throws(StoreError) -> Engine {
    let found = Loss()
    var looking = options
    looking.isReadOnly = true
    looking.noteLoss = { found.loss = $0 }
    // As a reader first: nothing is changed before its files are copied.
    let reader = try Engine.open(disk: disk, clock: clock, options: looking)
    let known = reader.control.withLock { reader.catalogue.segments }
    reader.abandon()
    guard let loss = found.loss else {
      return try Engine.open(disk: disk, clock: clock, options: options)
    }
    guard repair.acceptsLoss else { throw refusal(loss) }
    for name in try StoreInspector(disk: disk).list(Journal.directory) {
      try saved.save("\(Journal.directory)/\(name)")
    }
    // The records that published these, or parts of them, may be among those that are gone.
    for id in try StoreInspector(disk: disk).segments() {
      let path = SegmentFiles.path(id)
      let byteCount = try StoreInspector(disk: disk).open(path).byteCount
      if known[id].map({ $0.byteCount < byteCount }) ?? true { try saved.save(path) }
    }
    report.droppedRecords = loss
    report.steps.append(
      RepairReport.Step(
        object: loss.file,
        action: "acknowledged records \(loss.first.rawValue) to \(loss.last.rawValue) were dropped"
      ))
    var accepting = options
    accepting.noteLoss = { _ in }
    return try Engine.open(disk: disk, clock: clock, options: accepting)
  }

  private final class Loss: @unchecked Sendable {
    /// Set on the thread that opens.
    var loss: JournalLoss?
  }

  private static func refusal(_ loss: JournalLoss) -> StoreError {
    var what = "acknowledged records \(loss.first.rawValue) to \(loss.last.rawValue)"
    if !loss.branches.isEmpty {
      let numbers = loss.branches.sorted().map { "\($0.rawValue)" }.joined(separator: ", ")
      what += ", which concern branches \(numbers)"
    }
    if !loss.volumes.isEmpty { what += " and \(loss.volumes.count) files" }
    return StoreError(
      .corrupt, "repairing this would drop \(what)", object: loss.file,
      remedy: "restore the file from a copy of the store, or repair with --accept-loss")
  }
}
