internal import ArgumentParser
internal import Coppice
internal import CoppiceEngine
internal import CoppicePlatform

struct CheckCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "check", abstract: "Verify every structure of the store.",
    discussion: """
      Reads the superblock, catalogue, journal, all bundle directories, all manifests and all names, \
      but not the pages: 'coppice scrub' does. Changes nothing, and works on stores that do not open. \
      Ends with status 2 when it finds damage. JSON: isClean, findings, each with object, message, \
      affected (branch, path or null, pages); omittedCount, segmentCount, bundleCount, frameCount, \
      nodeCount, pageRefCount.

      Example:
        coppice check
      """)

  @OptionGroup var options: StoreOptions

  func run() throws {
    let directory = try options.directory()
    let line = StageLine(isJSON: options.json)
    defer { line?.finish() }
    let report = try FindingAnswer.onDisk(directory) { disk throws(StoreError) in
      try Engine.check(disk: disk, clock: SystemClock(), options: EngineOptions()) { progress in
        line?.update(progress)
      }
    }
    let names = report.findings.isEmpty ? try nameFindings() : []
    line?.finish()
    let answer = Answer(report, names: names, paths: FilePaths(directory))
    try options.print(answer)
    if !answer.isClean { throw ExitCode(ExitStatus.finding.rawValue) }
  }

  /// What is wrong with the names of branches: trees that are whole, but do not agree in themselves.
  private func nameFindings() throws -> [FindingAnswer] {
    try options.withStore(isReadOnly: true) { store in
      try store.entries().flatMap { entry in
        try store.tree(entry.name).core.checkNames().map {
          FindingAnswer(object: "names of \(entry.name)", message: $0)
        }
      }
    }
  }

  struct Answer: Reply {
    var isClean: Bool
    var findings: [FindingAnswer]
    var omittedCount: Int
    var segmentCount: Int
    var bundleCount: Int
    var frameCount: Int
    var nodeCount: Int
    var pageRefCount: Int

    init(_ report: CheckReport, names: [FindingAnswer], paths: FilePaths) {
      findings = report.findings.map { FindingAnswer($0, paths) } + names
      isClean = findings.isEmpty
      omittedCount = report.omittedCount
      segmentCount = report.segmentCount
      bundleCount = report.bundleCount
      frameCount = report.frameCount
      nodeCount = report.nodeCount
      pageRefCount = report.pageRefCount
    }

    var text: String {
      let counts =
        "\(Output.count(segmentCount, "segment")), \(Output.count(bundleCount, "bundle")), "
        + "\(Output.count(frameCount, "frame")), \(Output.count(nodeCount, "node")), "
        + "\(Output.count(pageRefCount, "page reference"))"
      if isClean { return "No damage found in \(counts)\n" }
      let more = omittedCount > 0 ? "and \(Output.count(omittedCount, "more finding"))\n" : ""
      return findings.map(\.text).joined() + more + "Looked at \(counts)\n"
    }
  }
}
