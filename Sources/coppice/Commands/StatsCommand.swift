internal import ArgumentParser
internal import Coppice

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
    let answer = try options.withStore(isReadOnly: true) { store in
      Answer(try store.statistics())
    }
    try options.print(answer)
  }

  struct Answer: Reply {
    var branchCount: Int
    var snapshotCount: Int
    var deletedCount: Int
    var logicalByteCount: UInt64
    var uniqueByteCount: UInt64
    var storedByteCount: UInt64
    var segmentCount: Int
    var garbageByteCount: UInt64
    var journalByteCount: UInt64
    var overlayByteCount: Int
    var pageBufferByteCount: Int

    init(_ statistics: Statistics) {
      branchCount = statistics.branchCount
      snapshotCount = statistics.snapshotCount
      deletedCount = statistics.deletedCount
      logicalByteCount = statistics.logicalByteCount
      uniqueByteCount = statistics.uniqueByteCount
      storedByteCount = statistics.storedByteCount
      segmentCount = statistics.segmentCount
      garbageByteCount = statistics.garbageByteCount
      journalByteCount = statistics.journalByteCount
      overlayByteCount = statistics.overlayByteCount
      pageBufferByteCount = statistics.pageBufferByteCount
    }

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
}
