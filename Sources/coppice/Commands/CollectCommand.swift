internal import ArgumentParser
internal import CoppiceServer

struct CollectCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "gc", abstract: "Reclaim what no branch or snapshot refers to.",
    discussion: """
      Deleted branches and snapshots are forgotten: they cannot be restored afterwards. The \
      journal gives its surplus files back too, and keeps 16 MiB for the next writes. JSON: \
      isDryRun, collectionNumber, forgottenCount, liveByteCount, deadByteCount, \
      reclaimedSegmentCount, reclaimedByteCount, copiedByteCount, leftByteCount, unreadable, \
      journalByteCount (what files of the journal may have of it still; null without --full), \
      space (null without --explain), as 'coppice du' has it in total.

      Examples:
        coppice gc --full
        coppice gc --dry-run --explain
      """)

  @OptionGroup var options: StoreOptions

  @Flag(
    name: .long,
    help: "Empty every segment that holds anything dead, however little, and erase the journal.")
  var full = false

  @Flag(name: .long, help: "Say what would be reclaimed, and change nothing.")
  var dryRun = false

  @Flag(name: .long, help: "Say for every byte that is still stored what holds it.")
  var explain = false

  func run() throws {
    try options.print(
      try options.perform(
        CollectRequest(full: full, dryRun: dryRun, explain: explain), showing: "gc"))
  }
}

extension CollectRequest.Answer: Reply {
  var text: String {
    let verb = isDryRun ? "Would reclaim" : "Reclaimed"
    var lines = [
      "\(verb) \(Output.bytes(UInt64(reclaimedByteCount))) in "
        + "\(Output.count(reclaimedSegmentCount, "segment")), "
        + "\(Output.bytes(UInt64(copiedByteCount))) of live data copied"
    ]
    if forgottenCount > 0 {
      lines.append(
        "\(isDryRun ? "Would forget" : "Forgot") "
          + Output.count(forgottenCount, "deleted entry"))
    }
    if leftByteCount > 0 {
      lines.append("Left \(Output.bytes(UInt64(leftByteCount))) in segments that are mostly live")
    }
    for object in unreadable {
      lines.append("\(object): unreadable; what it may refer to was kept")
    }
    if let journalByteCount, journalByteCount > 0 {
      lines.append(Self.textOfJournal(journalByteCount))
    }
    return lines.map { $0 + "\n" }.joined() + (space?.explanation ?? "")
  }

  /// What to do about records that could not be overwritten.
  static func textOfJournal(_ byteCount: UInt64) -> String {
    "\(Output.bytes(byteCount)) of the journal may have records of it still: changes of other "
      + "branches could not be sealed; run 'coppice gc --full' later"
  }
}
