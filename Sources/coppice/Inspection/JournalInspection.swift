internal import Coppice
internal import CoppiceFormat

/// What the journal's files hold: the run of intact batches of each, and the records in it.
struct JournalInspection: Reply {
  struct File: Encodable {
    var name: String
    var byteCount: Int
    /// Missing in a file that is prepared but not used; so are the others.
    var sequence: UInt64?
    var isControl: Bool?
    var firstLSN: UInt64?
    var previousLSN: UInt64?
    var lastLSN: UInt64?
    var batchCount = 0
    /// How many records of each kind.
    var records: [String: Int] = [:]
  }

  var files: [File]

  init(_ store: StoreFiles) throws(StoreError) {
    files = []
    for name in try store.names(in: "journal") {
      files.append(try JournalInspection.inspect("journal/\(name)", store))
    }
  }

  private static func inspect(_ name: String, _ store: StoreFiles) throws(StoreError) -> File {
    let bytes = try store.bytes(of: name)
    var file = File(name: name, byteCount: bytes.count)
    let blockByteCount = JournalFileHeader.byteCount
    guard bytes.count >= blockByteCount, bytes[..<blockByteCount].contains(where: { $0 != 0 })
    else { return file }
    let header = try StoreFiles.decoding(name) { () throws(FormatError) in
      try JournalFileHeader.decode(Array(bytes[..<blockByteCount]).span.bytes)
    }
    file.sequence = header.sequence
    file.isControl = header.isControl
    file.firstLSN = header.firstLSN.rawValue
    file.previousLSN = header.previousLSN.rawValue
    var expected = header.firstLSN
    var offset = blockByteCount
    while let batch = batch(of: bytes, at: offset, header), batch.firstLSN == expected {
      try count(Array(bytes[offset..<offset + Int(batch.batchByteCount)]), batch, &file, offset)
      file.batchCount += 1
      expected = LSN(expected.rawValue + UInt64(batch.recordCount))
      file.lastLSN = expected.rawValue - 1
      offset += max(roundedUp(Int(batch.batchByteCount)), JournalBatchHeader.alignment)
    }
    return file
  }

  private static func roundedUp(_ byteCount: Int) -> Int {
    let alignment = JournalBatchHeader.alignment
    return (byteCount + alignment - 1) / alignment * alignment
  }

  /// The intact batch there; `nil` where the run ends.
  private static func batch(
    of bytes: [UInt8], at offset: Int, _ file: JournalFileHeader
  ) -> JournalBatchHeader? {
    guard offset + JournalBatchHeader.byteCount <= bytes.count else { return nil }
    let header: JournalBatchHeader
    do throws(FormatError) {
      let start = Array(bytes[offset..<offset + JournalBatchHeader.byteCount])
      header = try JournalBatchHeader.decode(start.span.bytes)
    } catch {
      return nil
    }
    let end = offset + Int(header.batchByteCount)
    guard header.generation == file.generation, end <= bytes.count else { return nil }
    let isIntact = bytes.withUnsafeBytes {
      JournalBatchHeader.verify(
        batch: UnsafeRawBufferPointer(rebasing: $0[offset..<end]), header: header)
    }
    return isIntact ? header : nil
  }

  private static func count(
    _ batch: [UInt8], _ header: JournalBatchHeader, _ file: inout File, _ offset: Int
  ) throws(StoreError) {
    let kinds = try StoreFiles.decoding("\(file.name) at offset \(offset)") {
      () throws(FormatError) in
      try batch.withUnsafeBufferPointer { bytes throws(FormatError) -> [RecordKind] in
        var reader = RecordReader(batch: UnsafeRawBufferPointer(bytes), header: header)
        var kinds: [RecordKind] = []
        while let record = try reader.next() { kinds.append(record.header.kind) }
        return kinds
      }
    }
    for kind in kinds { file.records["\(kind)", default: 0] += 1 }
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
    return table.text
  }
}
