package import Coppice
internal import CoppiceEngine
internal import CoppiceFormat
internal import CoppicePlatform

package struct RepairRequest: StoreRequest {
  package static let route = Route(.post, "/v1/repair", "Repair a damaged store.")

  /// Drop records that were acknowledged, when they are damaged or missing.
  package var acceptLoss: Bool

  package init(acceptLoss: Bool) { self.acceptLoss = acceptLoss }

  package var isReadOnly: Bool { false }

  /// A server has the store open, and a repair needs it closed.
  package func run(_ context: RequestContext) throws(StoreError) -> Answer {
    throw StoreError(
      .inUse, "a store is repaired while nobody has it open", object: context.store.directory,
      remedy: "stop its server with 'coppice stop'")
  }

  package func runAlone(_ alone: StandaloneContext) throws(StoreError) -> Attempt<Answer> {
    let disk = try DirectoryDisk.ofStore(alone.directory)
    var options = RepairOptions()
    options.acceptsLoss = acceptLoss
    let report: RepairReport
    do throws(StoreError) {
      report = try Engine.repair(
        disk: disk, clock: SystemClock(), options: EngineOptions(), options
      ) { progress in
        alone.work.tell?(
          .scrub(
            byteCount: progress.byteCount, totalByteCount: progress.totalByteCount,
            findingCount: progress.findingCount))
      }
    } catch {
      guard error.kind == .inUse else { throw error }
      return .locked(error)
    }
    var reading = Store.Options()
    reading.isReadOnly = true
    // Without paths the answer still says everything else.
    let store = try? Store.open(at: alone.directory, options: reading)
    defer { try? store?.close() }
    return .done(Answer(report, FilePaths(store)))
  }

  package struct Answer: Codable, Sendable {
    package struct Step: Codable, Sendable {
      package var object: String
      package var action: String
    }

    package var steps: [Step]
    /// The folder in the store with the files as they were.
    package var folder: String?
    package var healedPageCount: Int
    /// Damaged nodes that were rebuilt.
    package var healedNodeCount: Int
    /// What cannot be read, and of which there is no other copy.
    package var lost: [FindingAnswer]
    /// Such findings that are not listed.
    package var omittedLostCount: Int
    /// What is still damaged and costs no content.
    package var left: [FindingAnswer]
    package var firstDroppedRecord: UInt64?
    package var lastDroppedRecord: UInt64?

    init(_ report: RepairReport, _ paths: FilePaths) {
      steps = report.steps.map { Step(object: $0.object, action: $0.action) }
      folder = report.folder.isEmpty ? nil : report.folder
      healedPageCount = report.healedPageCount
      healedNodeCount = report.healedNodeCount
      lost = report.lost.map { FindingAnswer($0, paths) }
      omittedLostCount = report.omittedLostCount
      left = report.left.map { FindingAnswer($0, paths) }
      firstDroppedRecord = report.droppedRecords?.first.rawValue
      lastDroppedRecord = report.droppedRecords?.last.rawValue
    }
  }
}
