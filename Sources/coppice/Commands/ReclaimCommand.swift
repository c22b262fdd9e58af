internal import ArgumentParser
internal import Coppice
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
      forgot it, and readers and imports, which end, and tells whether files of the journal may \
      have its records; 'coppice gc --full' and 'coppice branch delete --now' overwrite these. \
      Ends with status 2 while any of it may be on disk. Copies of the store's files that a repair \
      left in a folder of it count as such. So does a page that only it showed and on which a \
      difference builds that another branch shows: it stays as long as that. Names who keeps what \
      the branch shared: forks, snapshots, and deleted ones that can be restored.

      JSON: \(ReclaimRequest.keys). isComplete is false when what it held in old segments is not \
      known: then reason and remedy are not null. isPending is true while its removal is not \
      through, or waits for a reader. basePageCount and baseByteCount are what of held stays \
      because differences build on it, mayHaveBases is true when more may stay for that. entries \
      are all deleted branches of that name, and the answer is of them together. uniquePageCount, \
      uniqueByteCount and reclaimedByteCount are null when a crash came before they were found, \
      sharedByteCount once it is forgotten, restoreWindowEndsAt of what is not deleted.

      Example:
        coppice branch delete trial-7
        coppice gc --full
        coppice reclaim verify trial-7 --json
      """)

  @OptionGroup var options: StoreArguments

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
    let printed = Output.printable(report.name)
    let what =
      "\(Output.bytes(report.uniqueByteCount ?? 0)) that only \(printed) held "
      + "(\(Output.count(Int(clamping: report.uniquePageCount ?? 0), "page")))"
    var text =
      report.entries.count > 1
      ? "\(report.entries.count) branches of that name were deleted: of all of them\n" : ""
    if report.isReclaimed, let collectionNumber = report.collectionNumber {
      text +=
        report.uniqueByteCount == 0
        ? "Nothing that \(printed) held was its alone, as collection \(collectionNumber) found\n"
        : "All of the \(what) is gone since collection \(collectionNumber)\n"
    } else {
      text += unreclaimed(what).map { $0 + "\n" }.joined()
    }
    if report.mayHaveBases {
      text +=
        "Pages that it showed may stay where differences of others build on them: which it had in "
        + "old segments is not known\n"
    }
    if !report.sharers.isEmpty {
      let shared =
        report.sharedByteCount.map { "\(Output.bytes($0)) that it shared" } ?? "What it shared"
      text += "\(shared) stays, kept by\n" + SpaceSharer.lines(report.sharers)
    }
    return text
  }

  static func text(ofRepairFolder folder: String) -> String {
    "The folder \(folder), which a repair left in the store, may have bytes of it: remove the "
      + "folder once it is not needed"
  }

  static func text(ofBases byteCount: UInt64, _ pageCount: UInt64) -> String {
    "\(Output.bytes(byteCount)) (\(Output.count(Int(clamping: pageCount), "page"))) stays because "
      + "differences that others show build on it"
  }

  private func unreclaimed(_ what: String) -> [String] {
    var lines = [
      report.reclaimedByteCount.map { "Of the \(what), \(Output.bytes($0)) is gone" }
        ?? "How much only \(Output.printable(report.name)) held is not known before a collection "
        + "finds it"
    ]
    lines += report.held.map { "\(Output.bytes($0.byteCount)) is \($0.text)" }
    if report.baseByteCount > 0 {
      lines.append("Of this, " + Self.text(ofBases: report.baseByteCount, report.basePageCount))
    }
    if report.isPending {
      lines.append("Its removal is not through: \(whyPending)")
    }
    lines += report.repairFolders.map(Self.text(ofRepairFolder:))
    if let reason = addition.reason { lines.append("This may not be all: \(reason)") }
    if let remedy = addition.remedy { lines.append("To be sure, \(remedy)") }
    return lines
  }

  private var whyPending: String {
    report.isHeldByReaders
      ? "it goes on once they have ended that hold it" : "it is under way, or was interrupted"
  }
}
