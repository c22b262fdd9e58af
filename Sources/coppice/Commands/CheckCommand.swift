internal import ArgumentParser
internal import Coppice
internal import CoppiceServer

struct CheckCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "check", abstract: "Verify every structure of the store.",
    discussion: """
      Reads the superblock, catalogue, journal, all bundle directories, all manifests and all \
      names, but not the pages: 'coppice scrub' does. Changes nothing, and works on stores that do \
      not open. Ends with status 2 when it finds damage.

      JSON: \(CheckRequest.keys). A finding isUnused when nothing refers to what is damaged; no \
      pages are all of the file's; path is null when several files are concerned, or their names \
      cannot be read.

      Example:
        coppice check
      """)

  @OptionGroup var options: StoreArguments

  func run() throws {
    let answer = try options.perform(CheckRequest(), showing: "check")
    try options.print(answer)
    if !answer.isClean { throw ExitCode(ExitStatus.finding.rawValue) }
  }
}

extension CheckReport: Reply {
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
