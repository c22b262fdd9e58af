internal import ArgumentParser
internal import Coppice
internal import CoppiceServer

struct CollectCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "gc", abstract: "Reclaim what no branch or snapshot refers to.",
    discussion: """
      Deleted branches and snapshots are forgotten: they cannot be restored afterwards. Those that \
      are to be kept until a time to come stay, unless --forget is given. The \
      journal gives its surplus files back too, and keeps 16 MiB for the next writes.

      JSON: \(CollectRequest.keys). journalByteCount, what files of the journal may have of it \
      still, is null without --full; notes say what is missing of proofs of branches that ended by \
      themselves; space, as 'coppice du' has it in total, without --explain.

      With --remote a pool is collected instead of the store: deleted copies that nobody can bring \
      back are forgotten, and objects that no copy reaches any more are removed. Pushes go on \
      meanwhile. With --explain it says of each copy that is left what keeps it.

      JSON with --remote: \(RemoteCollectRequest.keys).

      Examples:
        coppice gc --full
        coppice gc --dry-run --explain
        coppice gc --remote offsite
      """)

  @OptionGroup var options: StoreArguments

  @Flag(
    name: .long,
    help: "Empty every segment that holds anything dead, however little, and erase the journal.")
  var full = false

  @Option(
    name: .long,
    help: ArgumentHelp("A pool that is collected instead of the store.", valueName: "remote"))
  var remote: String?

  @Flag(name: .long, help: "Forget also what is to be kept until a time to come.")
  var forget = false

  @Flag(name: .long, help: "Say what would be reclaimed, and change nothing.")
  var dryRun = false

  @Flag(name: .long, help: "Say for every byte that is still stored what holds it.")
  var explain = false

  func validate() throws {
    guard remote == nil || !(full || forget || dryRun) else {
      throw ValidationError("--remote goes with --explain alone")
    }
  }

  func run() throws {
    if let remote {
      let answer = try options.perform(RemoteCollectRequest(remote: remote), showing: "gc")
      return try options.print(PoolCollectionReply(answer: answer, isExplained: explain))
    }
    try options.print(
      try options.perform(
        CollectRequest(full: full, dryRun: dryRun, explain: explain, forget: forget),
        showing: "gc"))
  }
}

extension CollectRequest.Answer: Reply {
  var text: String {
    let verb = addition.isDryRun ? "Would reclaim" : "Reclaimed"
    var lines = [
      "\(verb) \(Output.bytes(UInt64(report.reclaimedByteCount))) in "
        + "\(Output.count(report.reclaimedSegmentCount, "segment")), "
        + "\(Output.bytes(UInt64(report.copiedByteCount))) of live data copied"
    ]
    if report.forgottenCount > 0 {
      lines.append(
        "\(addition.isDryRun ? "Would forget" : "Forgot") "
          + Output.count(report.forgottenCount, "deleted entry"))
    }
    if report.leftByteCount > 0 {
      lines.append(
        "Left \(Output.bytes(UInt64(report.leftByteCount))) in segments that are mostly live")
    }
    for object in report.unreadable {
      lines.append("\(object): unreadable; what it may refer to was kept")
    }
    if let journalByteCount = report.journalByteCount, journalByteCount > 0 {
      lines.append(Self.textOfJournal(journalByteCount))
    }
    lines += addition.notes
    return lines.map { $0 + "\n" }.joined() + (addition.space?.explanation ?? "")
  }

  /// What to do about records that could not be overwritten.
  static func textOfJournal(_ byteCount: UInt64) -> String {
    "\(Output.bytes(byteCount)) of the journal may have records of it still: changes of other "
      + "branches could not be sealed; run 'coppice gc --full' later"
  }
}

/// What a collection of a pool did.
private struct PoolCollectionReply: Reply {
  let answer: RemoteCollectRequest.Answer
  let isExplained: Bool

  func encode(to encoder: any Encoder) throws { try answer.encode(to: encoder) }

  var text: String {
    var text = "Removed \(Output.count(answer.removedSegmentCount, "segment")), forgot "
    text += "\(Output.count(answer.forgottenCount, "deleted entry"))\n"
    guard isExplained else { return text + answer.traffic.text }
    for kept in answer.kept {
      text += "  \(Output.printable("\(answer.remote)/\(kept.name)")), entry \(kept.id): "
      text += "\(kept.reasons.joined(separator: ", "))\n"
    }
    return text + answer.traffic.text
  }
}
