internal import ArgumentParser
internal import CoppiceServer

struct ReclaimCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "reclaim", abstract: "Prove that space came back.",
    discussion: """
      Example:
        coppice reclaim verify trial-7
      """,
    subcommands: [ReclaimVerifyCommand.self])
}

struct ReclaimVerifyCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "verify", abstract: "Prove that a deleted branch's own bytes are gone.",
    discussion: """
      Looks for every page and node that nothing but the branch held when a garbage collection \
      forgot it, and tells whether files of the journal may have its records; 'coppice gc --full' and \
      'coppice branch delete --now' overwrite these. Ends with status 2 while any of it may be on disk. \
      JSON: name, isReclaimed, isComplete (false when what it held in old segments is not known: then \
      reason and remedy are not null), deleted, forgotten, collectionNumber, uniquePageCount, uniqueByteCount, \
      reclaimedByteCount, held, each with holder, name or segment, byteCount.

      Example:
        coppice branch delete trial-7
        coppice gc --full
        coppice reclaim verify trial-7 --json
      """)

  @OptionGroup var options: StoreOptions

  @Argument(help: "The deleted branch.")
  var name: String

  func run() throws {
    let answer = try options.perform(ReclaimRequest(name: name))
    try options.print(answer)
    if !answer.isReclaimed { throw ExitCode(ExitStatus.finding.rawValue) }
  }
}

extension ReclaimRequest.Answer: Reply {
  var text: String {
    let what =
      "\(Output.bytes(uniqueByteCount)) that only \(Output.printable(name)) held "
      + "(\(Output.count(Int(clamping: uniquePageCount), "page")))"
    if isReclaimed, let collectionNumber {
      return "All of the \(what) is gone since collection \(collectionNumber)\n"
    }
    var lines = ["Of the \(what), \(Output.bytes(reclaimedByteCount)) is gone"]
    lines += held.map { "\(Output.bytes($0.byteCount)) is \($0.text)" }
    if let reason { lines.append("This may not be all: \(reason)") }
    if let remedy { lines.append("To be sure, \(remedy)") }
    return lines.map { $0 + "\n" }.joined()
  }
}
