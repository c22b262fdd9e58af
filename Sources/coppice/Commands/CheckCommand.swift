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

      With --remote a pool is verified instead of the store: its members and copies, their nodes \
      and indexes, and that all of its objects are there. An object store that does not answer is \
      status 75.

      JSON with --remote: \(RemoteScrubRequest.keys).

      Examples:
        coppice check
        coppice check --remote offsite
      """)

  @OptionGroup var options: StoreArguments

  @Option(
    name: .long,
    help: ArgumentHelp("A pool that is verified instead of the store.", valueName: "remote"))
  var remote: String?

  func run() throws {
    if let remote {
      try options.printFindings(
        try options.perform(RemoteScrubRequest(remote: remote, structure: true), showing: "check"))
      return
    }
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

extension StoreArguments {
  /// Prints what was found in a pool; ends with the status of a finding when there is any.
  func printFindings(_ answer: RemoteScrubRequest.Answer) throws {
    for note in answer.notes where !json { Output.note(note) }
    try print(answer)
    if !answer.isClean { throw ExitCode(ExitStatus.finding.rawValue) }
  }
}

extension RemoteScrubRequest.Answer: Reply {
  var text: String {
    let counts =
      "\(Output.count(entryCount, "copy")), \(Output.count(segmentCount, "segment")), "
      + "\(Output.count(Int(clamping: nodeCount), "node"))"
      + (pageCount > 0 ? ", \(Output.count(Int(clamping: pageCount), "page"))" : "")
    guard !isClean else { return "No damage found in \(counts)\n\(traffic.text)" }
    let found = findings.map { finding in
      let line = "\(Output.printable(finding.object)): \(Output.printable(finding.message))\n"
      return finding.entries.isEmpty
        ? line
        : line + "  concerns \(Output.printable(finding.entries.joined(separator: ", ")))\n"
    }
    return "\(found.joined())Looked at \(counts)\n\(traffic.text)"
  }
}
