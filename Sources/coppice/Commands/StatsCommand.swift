internal import ArgumentParser
internal import Coppice
internal import CoppiceServer

struct StatsCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "stats", abstract: "Tell what the whole store holds, stores and uses.",
    discussion: """
      logical: what readers of all branches see. unique: its different pages, uncompressed. on \
      disk: all that is in the store's directory, as 'du' counts it: segments, journal, reserve, \
      catalogue and hints. stored: the content of the segments.

      JSON: \(StatisticsRequest.keys). Numbers of pages are those since the store was opened.

      Example:
        coppice stats
      """)

  @OptionGroup var options: StoreArguments

  func run() throws {
    try options.print(try options.perform(StatisticsRequest()))
  }
}

extension Statistics: Reply {
  var text: String {
    var table = TextTable(("", .left), ("", .right), ("", .left))
    table.add("branches", "\(branchCount)", "")
    table.add("snapshots", "\(snapshotCount)", "")
    table.add("logical", Output.bytes(logicalByteCount), "what readers see")
    table.add("unique", Output.bytes(uniqueByteCount), "different pages of it, uncompressed")
    table.add("on disk", Output.bytes(directoryByteCount), "all in the store's directory")
    table.add(
      "stored", Output.bytes(storedByteCount),
      "in \(Output.count(segmentCount, "segment"))")
    table.add("garbage", Output.bytes(garbageByteCount), "stored, but used by nobody")
    table.add("journal", Output.bytes(journalByteCount), "of records that are still needed")
    return table.rowsText
  }
}
