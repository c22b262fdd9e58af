internal import CoppiceEngine
internal import CoppiceFormat
internal import CoppicePlatform

/// What a repair did, and what it could not do.
public struct RepairReport: Hashable, Sendable, Codable {
  /// Something that was done.
  public struct Step: Hashable, Sendable, Codable {
    /// The structure, as findings name it.
    public var object: String
    /// In words.
    public var action: String
  }

  /// In the order in which they were done, each durable before the next.
  public var steps: [Step]
  /// The folder in the store with the files as they were; `nil` when none was changed.
  public var folder: String?
  /// Pages that were given the content of another copy.
  public var healedPageCount: Int
  /// Damaged nodes that were rebuilt.
  public var healedNodeCount: Int
  /// What cannot be read and has no other copy. It is left as it is.
  public var lost: [Finding]
  /// Such findings that are not listed.
  public var omittedLostCount: Int
  /// What a check or a scrub still finds and costs no content.
  public var left: [Finding]
  /// The number of the first record that was acknowledged and is dropped; `nil` when none is.
  public var firstDroppedRecord: UInt64?
  /// The number of the last one.
  public var lastDroppedRecord: UInt64?

  fileprivate init(_ report: CoppiceEngine.RepairReport, _ paths: FilePaths) {
    steps = report.steps.map { Step(object: $0.object, action: $0.action) }
    folder = report.folder.isEmpty ? nil : report.folder
    healedPageCount = report.healedPageCount
    healedNodeCount = report.healedNodeCount
    lost = report.lost.map { Finding($0, paths) }
    omittedLostCount = report.omittedLostCount
    left = report.left.map { Finding($0, paths) }
    firstDroppedRecord = report.droppedRecords?.first.rawValue
    lastDroppedRecord = report.droppedRecords?.last.rawValue
  }
}

extension Store {
  /// Repairs a store that nobody has open, as far as that can be done: structures from their copies
  /// and from the journal, nodes where their hashes prove what was found, pages from other copies
  /// of the same content. Files are copied to a folder in the store before they are changed. Reads
  /// all that is stored. Each step is durable before the next begins: after a crash the store is as
  /// before or behind one, and a repair goes on from there.
  ///
  /// Throws `corrupt`, with what would be dropped, when nothing helps but a loss that is not
  /// accepted: nothing of the journal has changed then. Besides `notFound`, `inUse`, `denied`,
  /// `full`, `unsupportedFormat`.
  /// - Parameters:
  ///   - acceptingLoss: drops records that were acknowledged and are damaged or missing.
  ///   - progress: told now and then how far it is with reading, on the thread that calls.
  public static func repair(
    at directory: String, acceptingLoss: Bool = false,
    progress: ((ScrubProgress) -> Void)? = nil
  ) throws(StoreError) -> RepairReport {
    var repair = RepairOptions()
    repair.acceptsLoss = acceptingLoss
    let report = try Engine.repair(
      disk: disk(at: directory), clock: SystemClock(), options: EngineOptions(), repair
    ) { progress?(ScrubProgress($0)) }
    // Without paths the report still says everything else.
    let store = try? open(at: directory, options: Options(isReadOnly: true))
    defer { try? store?.close() }
    return RepairReport(report, FilePaths(store))
  }
}
