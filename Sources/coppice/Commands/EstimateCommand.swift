internal import ArgumentParser
internal import Coppice
internal import CoppiceEstimate
internal import CoppicePlatform
internal import CoppicePostgreSQL
internal import CoppiceServer

struct EstimateCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "estimate", abstract: "Say what a branch would store, without a store.",
    discussion: """
      BEFORE and AFTER are two states of the same files, each a directory or a tar file: a data \
      directory of PostgreSQL and a copy of it of a day later, two snapshots of a file system, two \
      base backups. Both are read, the first one twice, and nothing is written. Needs no store, no \
      mount and no root.

      What a branch would store comes of the engine's own codecs, which choose for each page as a \
      seal does; a branch that is sealed several times in between stores what it held then too, \
      until a collection. What others would store is arithmetic: all of each unit in which a byte \
      differs, before they compress it. Times of files that are equal otherwise count as equal. \
      A file is told by its path: a renamed one counts as a new one, for others too.

      An input that changes while it is read makes no number: the command ends with status 1. Give \
      it what stands still.

      JSON: \(EstimateReport.keys). baseline is what BEFORE stores once, branch what AFTER adds. \
      Of branch fullByteCount are pages by themselves, deltaByteCount differences to older pages, \
      sharedPageCount pages that are stored already; directoryByteCount is what segments need \
      besides. kinds are heap, toast, index, maps, wal, transactionStatus, temporary and server of \
      PostgreSQL's data directories, and other; a relation's is told by its first page. \
      unitByteCount is null for what stores whole files.

      Example:
        coppice estimate --before /backup/monday.tar --after /backup/tuesday.tar
      """)

  @Option(
    name: .long,
    help: ArgumentHelp("The first state: a directory or a tar file.", valueName: "path"))
  var before: String

  @Option(
    name: .long,
    help: ArgumentHelp("The second state: a directory or a tar file.", valueName: "path"))
  var after: String

  @Flag(name: .long, help: "Answer in JSON; errors too, on standard error.")
  var json = false

  func run() throws {
    let line = ProgressLine("estimate", isJSON: json)
    let tell = line.map { line in
      { @Sendable (moved: TransferProgress) in line.update(.transfer(moved)) }
    }
    let report: EstimateReport
    do throws(StoreError) {
      defer { line?.finish() }
      report = try Estimate.run(
        before: Self.path(before), after: Self.path(after), progress: tell)
    } catch {
      // No other store or branch is in the way: an input did not stand still.
      guard error.kind == .conflict else { throw error }
      ErrorReport(error).print(isJSON: json)
      throw ExitCode(ExitStatus.failed.rawValue)
    }
    try Output.print(report, isJSON: json)
  }

  /// Without slashes at the end, so that messages have none doubled.
  private static func path(_ text: String) -> String {
    var text = text
    while text.utf8.count > 1, text.last == "/" { text.removeLast() }
    return text
  }
}

extension EstimateReport: Reply {
  var text: String {
    "\(inputs)\n\(stored)\n\(kindsText)\n\(peersText)\(remarks)"
  }

  private var inputs: String {
    var table = TextTable(("", .left), ("", .left), ("", .right), ("", .right))
    for (label, input) in [("before", before), ("after", after)] {
      table.add(
        label, input.path, Output.count(input.fileCount, "file"), Output.bytes(input.byteCount))
    }
    return table.rowsText
  }

  private var stored: String {
    var table = TextTable(
      ("", .left), ("pages", .right), ("a branch would store", .right), ("pages", .right),
      ("the baseline, once", .right))
    func add(_ label: String, _ part: (Stored) -> (pageCount: Int?, byteCount: UInt64)) {
      let (new, old) = (part(branch), part(baseline))
      table.add(
        label, new.pageCount.map { "\($0)" } ?? "", Output.bytes(new.byteCount),
        old.pageCount.map { "\($0)" } ?? "", Output.bytes(old.byteCount))
    }
    add("in full") { ($0.fullPageCount, UInt64($0.fullByteCount)) }
    add("as differences") { ($0.deltaPageCount, UInt64($0.deltaByteCount)) }
    add("stored already") { ($0.sharedPageCount, 0) }
    add("nodes") { (nil, UInt64($0.nodeByteCount)) }
    add("names") { (nil, UInt64($0.nameByteCount)) }
    add("directories") { (nil, $0.directoryByteCount) }
    add("all") { (nil, $0.storedByteCount) }
    return table.text
  }

  private var kindsText: String {
    var table = TextTable(
      ("content", .left), ("files", .right), ("bytes", .right), ("changed", .right),
      ("gone", .right), ("pages", .right), ("their bytes", .right), ("stored", .right))
    for kind in kinds {
      table.add(
        kind.kind.title, "\(kind.fileCount)", Output.bytes(kind.byteCount),
        "\(kind.changedFileCount)", "\(kind.removedFileCount)", "\(kind.changedPageCount)",
        Output.bytes(kind.changedByteCount), Output.bytes(kind.storedByteCount))
    }
    return table.text
  }

  private var peersText: String {
    var table = TextTable(("others, by arithmetic, before they compress", .left), ("", .right))
    for peer in peers { table.add(peer.name, Output.bytes(peer.byteCount)) }
    return table.text
  }

  private var remarks: String {
    let lines =
      advice.map { "advice: \(Output.printable($0.text))\n" }
      + notes.map { "note: \(Output.printable($0))\n" }
    return lines.isEmpty ? "" : "\n" + lines.joined()
  }
}

extension ContentKind {
  /// As the table has it.
  fileprivate var title: String {
    switch self {
    case .other: "other"
    case .postgreSQL(let content):
      switch content {
      case .heap: "tables"
      case .toast: "TOAST"
      case .index: "indexes"
      case .maps: "free space and visibility"
      case .wal: "WAL"
      case .transactionStatus: "transaction status"
      case .temporary: "temporary"
      case .server: "other of PostgreSQL"
      }
    }
  }
}
