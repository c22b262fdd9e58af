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

      JSON: \(StatisticsRequest.keys). Numbers of pages and of proofs are those since the store \
      was opened. endProofs are of branches that ended by themselves: missedCount had none, and \
      the server's log says so.

      Example:
        coppice stats
      """)

  @OptionGroup var options: StoreArguments

  func run() throws {
    try options.print(try options.perform(StatisticsRequest()))
  }
}

extension StatisticsRequest.Answer: Reply {
  var text: String {
    var table = TextTable(("", .left), ("", .right), ("", .left))
    table.add("branches", "\(report.branchCount)", "")
    table.add("snapshots", "\(report.snapshotCount)", "")
    table.add("logical", Output.bytes(report.logicalByteCount), "what readers see")
    table.add("unique", Output.bytes(report.uniqueByteCount), "different pages of it, uncompressed")
    table.add("on disk", Output.bytes(report.directoryByteCount), "all in the store's directory")
    table.add(
      "stored", Output.bytes(report.storedByteCount),
      "in \(Output.count(report.segmentCount, "segment"))")
    table.add("garbage", Output.bytes(report.garbageByteCount), "stored, but used by nobody")
    table.add("journal", Output.bytes(report.journalByteCount), "of records that are still needed")
    if addition.endProofs.missedCount > 0 {
      table.add("unproven", "\(addition.endProofs.missedCount)", "branches that ended")
    }
    return table.rowsText
  }
}
