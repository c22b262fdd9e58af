package import Coppice
internal import CoppiceEngine
internal import CoppicePlatform

package struct ScrubRequest: StoreRequest {
  package static let route = Route(.post, "/v1/scrub", "Read and verify all stored data.")

  /// Bytes to read in a second at most.
  package var byteCountPerSecond: UInt64?
  /// Stop after about this many bytes.
  package var byteCountMax: UInt64?
  /// Where to begin. Without, the pass that is under way goes on, and the store keeps its place.
  package var from: String?
  /// Begin a new pass although one is under way.
  package var restart: Bool

  package init(byteCountPerSecond: UInt64?, byteCountMax: UInt64?, from: String?, restart: Bool) {
    self.byteCountPerSecond = byteCountPerSecond
    self.byteCountMax = byteCountMax
    self.from = from
    self.restart = restart
  }

  package var isReadOnly: Bool { from != nil }

  package func run(_ context: RequestContext) throws(StoreError) -> Answer {
    for (name, count) in [("rate", byteCountPerSecond), ("limit", byteCountMax)] where count == 0 {
      throw StoreError(
        .invalid, "nothing can be read with a \(name) of 0 bytes",
        remedy: "give a larger one, or none")
    }
    let work = context.work
    let engine = context.store.engine
    let pause = Pause()
    let options = ScrubOptions(byteCountPerSecond: byteCountPerSecond)
    let sleep = { (nanoseconds: UInt64) in
      pause.wait(nanoseconds: nanoseconds) { !work.isCancelled }
    }
    let visit = { (progress: ScrubProgress) in
      work.tell?(
        .scrub(
          byteCount: progress.byteCount, totalByteCount: progress.totalByteCount,
          findingCount: progress.findingCount))
      return !work.isCancelled && byteCountMax.map { progress.byteCount < $0 } ?? true
    }
    let report: ScrubReport
    if let from {
      guard let cursor = ScrubCursor(text: from) else {
        throw StoreError(
          .invalid, "is no place of a scrub", object: from,
          remedy: "write what 'next' was: SEGMENT:OFFSET")
      }
      report = try engine.checks.scrub(from: cursor, options: options, sleep: sleep, visit: visit)
    } else {
      report = try engine.checks.scrubOn(
        isRestarted: restart, options: options, sleep: sleep, visit: visit)
    }
    try work.check()
    return Answer(report, engine.checks.scrubStatus, FilePaths(context.store))
  }

  package struct Answer: Codable, Sendable {
    package var isClean: Bool
    package var findings: [FindingAnswer]
    package var omittedCount: Int
    package var frameCount: Int
    package var byteCount: UInt64
    /// Where to go on; `nil` at the end.
    package var next: String?
    /// All that was stored then was verified since; `nil` before the first pass has ended.
    package var verifiedSince: String?

    init(_ report: ScrubReport, _ status: ScrubStatus, _ paths: FilePaths) {
      findings = report.findings.map { FindingAnswer($0, paths) }
      isClean = findings.isEmpty
      omittedCount = report.omittedCount
      frameCount = report.frameCount
      byteCount = report.byteCount
      next = report.next?.text
      verifiedSince = status.verifiedSince.map { RFC3339.text(nanoseconds: $0) }
    }
  }
}
