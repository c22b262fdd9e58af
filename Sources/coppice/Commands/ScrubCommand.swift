internal import ArgumentParser
internal import Coppice
internal import CoppiceEngine
internal import CoppicePlatform

struct ScrubCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "scrub", abstract: "Read and verify all stored data.",
    discussion: """
      Decodes every stored page and node and compares it with its hash. Changes nothing. Ends with \
      status 2 when it finds damage. With --limit it stops early and says where to go on with \
      --from. JSON: isClean, findings (as 'coppice check' has them), omittedCount, frameCount, \
      byteCount, next (null at the end).

      Example:
        coppice scrub --rate 50M --limit 10G
      """)

  @OptionGroup var options: StoreOptions

  @Option(name: .long, help: "Bytes to read in a second at most. Units: K, M, G.")
  var rate: ByteCount?

  @Option(name: .long, help: "Stop after about this many bytes. Units: K, M, G, T.")
  var limit: ByteCount?

  @Option(name: .long, help: "Go on where an earlier scrub said.")
  var from: String?

  func run() throws {
    guard let cursor = from.map({ ScrubCursor(text: $0) }) ?? .start else {
      throw StoreError(
        .invalid, "is no place of a scrub", object: from ?? "",
        remedy: "write what 'next' was: SEGMENT:OFFSET")
    }
    let line = StageLine(isJSON: options.json)
    defer { line?.finish() }
    let pause = Monitor()
    let clock = SystemClock()
    let report = try options.withStore(isReadOnly: true) { store in
      try store.engine.scrub(
        from: cursor, options: ScrubOptions(byteCountPerSecond: rate?.value),
        sleep: { nanoseconds in
          let end = clock.monotonicNanoseconds() + nanoseconds
          pause.withLock {
            while pause.wait(untilMonotonicNanoseconds: end) {}
          }
        },
        visit: { progress in
          line?.draw(
            "scrub  \(Output.bytes(progress.byteCount)) of "
              + "\(Output.bytes(progress.totalByteCount))  \(progress.findingCount) findings")
          return limit.map { progress.byteCount < $0.value } ?? true
        })
    }
    line?.finish()
    let answer = Answer(report, FilePaths(try options.directory()))
    try options.print(answer)
    if !answer.isClean { throw ExitCode(ExitStatus.finding.rawValue) }
  }

  struct Answer: Reply {
    var isClean: Bool
    var findings: [FindingAnswer]
    var omittedCount: Int
    var frameCount: Int
    var byteCount: UInt64
    var next: String?

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

    func encode(to encoder: any Encoder) throws {
      var container = encoder.container(keyedBy: CodingKeys.self)
      try container.encode(isClean, forKey: .isClean)
      try container.encode(findings, forKey: .findings)
      try container.encode(omittedCount, forKey: .omittedCount)
      try container.encode(frameCount, forKey: .frameCount)
      try container.encode(byteCount, forKey: .byteCount)
      try container.encode(next, forKey: .next)
    }

    var text: String {
      let counts = "\(Output.count(frameCount, "frame")), \(Output.bytes(byteCount))"
      let rest = next.map { "Go on with --from \($0)\n" } ?? ""
      if isClean { return "No damage found in \(counts)\n\(rest)" }
      let more = omittedCount > 0 ? "and \(Output.count(omittedCount, "more finding"))\n" : ""
      return findings.map(\.text).joined() + more + "Read \(counts)\n\(rest)"
    }
  }
}
