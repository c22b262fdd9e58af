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
      forgot it, and tells whether files of the journal may have its records; 'coppice gc --full' \
      and 'coppice branch delete --now' overwrite these. Ends with status 2 while any of it may be \
      on disk. Names who keeps what the branch shared: forks, snapshots, and deleted ones that can \
      be restored. JSON: name, isReclaimed, isComplete (false when what it held in old segments is \
      not known: then reason and remedy are not null), isPending (true while its removal is not \
      through), deleted, forgotten, collectionNumber, uniquePageCount, uniqueByteCount, \
      reclaimedByteCount, held, each with holder, name or segment, byteCount, sharedByteCount \
      (null once it is forgotten), sharers, each with holder, name, restorableUntil (null unless \
      deleted).

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
    let printed = Output.printable(name)
    let what =
      "\(Output.bytes(uniqueByteCount)) that only \(printed) held "
      + "(\(Output.count(Int(clamping: uniquePageCount), "page")))"
    var text = ""
    if isReclaimed, let collectionNumber {
      text =
        uniqueByteCount == 0
        ? "Nothing that \(printed) held was its alone, as collection \(collectionNumber) found\n"
        : "All of the \(what) is gone since collection \(collectionNumber)\n"
    } else {
      text = unreclaimed(what).map { $0 + "\n" }.joined()
    }
    if !sharers.isEmpty {
      let shared = sharedByteCount.map { "\(Output.bytes($0)) that it shared" } ?? "What it shared"
      text += "\(shared) stays, kept by\n" + SharerAnswer.lines(sharers)
    }
    return text
  }

  private func unreclaimed(_ what: String) -> [String] {
    var lines = ["Of the \(what), \(Output.bytes(reclaimedByteCount)) is gone"]
    lines += held.map { "\(Output.bytes($0.byteCount)) is \($0.text)" }
    if isPending { lines.append("Its removal is not through: it is under way, or was interrupted") }
    if let reason { lines.append("This may not be all: \(reason)") }
    if let remedy { lines.append("To be sure, \(remedy)") }
    return lines
  }
}
