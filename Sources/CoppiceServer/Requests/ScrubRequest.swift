package import Coppice
internal import CoppiceEngine
internal import CoppicePlatform

package struct ScrubRequest: StoreRequest {
  package static let route = Route(.post, "/v1/scrub", "Read and verify all stored data.")

  /// Bytes to read in a second at most.
  package var byteCountPerSecond: UInt64?
  /// Stop after about this many bytes.
  package var byteCountMax: UInt64?
  /// Where an earlier scrub said that it goes on.
  package var from: String?

  package init(byteCountPerSecond: UInt64?, byteCountMax: UInt64?, from: String?) {
    self.byteCountPerSecond = byteCountPerSecond
    self.byteCountMax = byteCountMax
    self.from = from
  }

  package var isReadOnly: Bool { true }

  package func run(_ context: RequestContext) throws(StoreError) -> Answer {
    guard let cursor = from.map({ ScrubCursor(text: $0) }) ?? .start else {
      throw StoreError(
        .invalid, "is no place of a scrub", object: from ?? "",
        remedy: "write what 'next' was: SEGMENT:OFFSET")
    }
    let work = context.work
    let pause = Pause()
    let report = try context.store.engine.scrub(
      from: cursor, options: ScrubOptions(byteCountPerSecond: byteCountPerSecond),
      sleep: { pause.wait(nanoseconds: $0) { !work.isCancelled } },
      visit: { progress in
        work.tell?(
          .scrub(
            byteCount: progress.byteCount, totalByteCount: progress.totalByteCount,
            findingCount: progress.findingCount))
        return !work.isCancelled && byteCountMax.map { progress.byteCount < $0 } ?? true
      })
    try work.check()
    return Answer(report, FilePaths(context.store))
  }

  package struct Answer: Codable, Sendable {
    package var isClean: Bool
    package var findings: [FindingAnswer]
    package var omittedCount: Int
    package var frameCount: Int
    package var byteCount: UInt64
    /// Where to go on; `nil` at the end.
    package var next: String?

    init(_ report: ScrubReport, _ paths: FilePaths) {
      findings = report.findings.map { FindingAnswer($0, paths) }
      isClean = findings.isEmpty
      omittedCount = report.omittedCount
      frameCount = report.frameCount
      byteCount = report.byteCount
      next = report.next?.text
    }

    private enum CodingKeys: String, CodingKey {
      case isClean, findings, omittedCount, frameCount, byteCount, next
    }

    package func encode(to encoder: any Encoder) throws {
      var container = encoder.container(keyedBy: CodingKeys.self)
      try container.encode(isClean, forKey: .isClean)
      try container.encode(findings, forKey: .findings)
      try container.encode(omittedCount, forKey: .omittedCount)
      try container.encode(frameCount, forKey: .frameCount)
      try container.encode(byteCount, forKey: .byteCount)
      try container.encode(next, forKey: .next)
    }
  }
}
