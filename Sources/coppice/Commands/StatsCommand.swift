internal import ArgumentParser
internal import CoppiceServer

struct StatsCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "stats", abstract: "Tell what the whole store holds, stores and uses.",
    discussion: """
      logical: what readers of all branches see. unique: its different pages, uncompressed. stored: \
      the segments on disk. JSON: branchCount, snapshotCount, deletedCount, logicalByteCount, \
      uniqueByteCount, storedByteCount, segmentCount, garbageByteCount, journalByteCount, \
      overlayByteCount, pageBufferByteCount.

      Example:
        coppice stats
      """)

  @OptionGroup var options: StoreOptions

  func run() throws {
    try options.print(try options.perform(StatisticsRequest()))
  }
}

extension StatisticsRequest.Answer: Reply {
  var text: String {
    var table = TextTable(("", .left), ("", .right), ("", .left))
    table.add("branches", "\(branchCount)", "")
    table.add("snapshots", "\(snapshotCount)", "")
    table.add("logical", Output.bytes(logicalByteCount), "what readers see")
    table.add("unique", Output.bytes(uniqueByteCount), "different pages, uncompressed")
    table.add(
      "stored", Output.bytes(storedByteCount),
      "on disk, in \(Output.count(segmentCount, "segment"))")
    table.add("garbage", Output.bytes(garbageByteCount), "stored, but used by nobody")
    table.add("journal", Output.bytes(journalByteCount), "of records that are still needed")
    return table.rowsText
  }
}
