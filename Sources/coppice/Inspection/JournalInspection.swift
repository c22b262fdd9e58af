internal import Coppice
internal import CoppiceEngine
internal import CoppiceFormat

/// What the journal's files hold: the run of intact batches of each, and the records in it.
struct JournalInspection: Reply, Decodable {
  struct File: Codable {
    var name: String
    var byteCount: UInt64
    /// Missing in a file that is prepared but not used; so are the others.
    var sequence: UInt64?
    var isControl: Bool?
    var firstLSN: UInt64?
    var previousLSN: UInt64?
    var lastLSN: UInt64?
    var batchCount = 0
    /// How many records of each kind.
    var records: [String: Int] = [:]
    /// Why the batches end before they should.
    var problem: String?

    init(_ file: StoreInspector.JournalFileInspection) {
      name = file.file
      byteCount = file.byteCount
      problem = file.problem
      guard let header = file.header else { return }
      sequence = header.sequence
      isControl = header.isControl
      firstLSN = header.firstLSN.rawValue
      previousLSN = header.previousLSN.rawValue
      batchCount = file.batches.count
      let all = file.batches.flatMap(\.records)
      lastLSN = all.last?.lsn.rawValue
      for record in all { records["\(record.header.kind)", default: 0] += 1 }
    }
  }

  var files: [File]

  init(_ inspector: StoreInspector) throws(StoreError) {
    files = try inspector.journalFiles().map(File.init)
  }

  var text: String {
    var table = TextTable(
      ("file", .left), ("sequence", .right), ("first LSN", .right), ("last LSN", .right),
      ("batches", .right), ("records", .left))
    for file in files {
      let records = file.records.sorted { $0.key < $1.key }.map { "\($0.value) \($0.key)" }
      table.add(
        file.name, file.sequence.map(String.init) ?? "unused",
        file.firstLSN.map(String.init) ?? "", file.lastLSN.map(String.init) ?? "",
        "\(file.batchCount)", records.joined(separator: ", "))
    }
    let problems = files.compactMap { file in
      file.problem.map { "\(file.name): \(Output.printable($0))\n" }
    }
    return table.text + problems.joined()
  }
}
