package import CoppiceFormat
internal import CoppicePlatform

extension StoreInspector {
  package struct JournalFileInspection: Sendable {
    package var file: String
    package var byteCount: UInt64
    /// `nil` for a file that is prepared and was not used yet.
    package var header: JournalFileHeader?
    /// The run of whole batches of the header's generation. Recycled files hold older ones behind.
    package var batches: [JournalBatchInspection]
    package var problem: String?
  }

  package struct JournalBatchInspection: Sendable {
    /// From the start of the file.
    package var offset: UInt64
    package var header: JournalBatchHeader
    package var records: [JournalRecordInspection]
  }

  package struct JournalRecordInspection: Sendable {
    package var lsn: LSN
    package var header: RecordHeader
    /// Of a control record.
    package var control: ControlRecord?
    /// Of a write record.
    package var ops: [OpHeader]
  }

  /// All files of the journal, in order of their sequence; files without header come last.
  package func journalFiles() throws(StoreError) -> [JournalFileInspection] {
    let files = try lookingAgain(in: Journal.directory) { () throws(StoreError) in
      var files: [JournalFileInspection] = []
      for name in try list(Journal.directory) { files.append(try journalFile(name)) }
      return files
    }
    return files.sorted {
      ($0.header?.sequence ?? .max, $0.file) < ($1.header?.sequence ?? .max, $1.file)
    }
  }

  private func journalFile(_ name: String) throws(StoreError) -> JournalFileInspection {
    let path = "\(Journal.directory)/\(name)"
    let (file, byteCount) = try open(path)
    var inspection = JournalFileInspection(file: path, byteCount: byteCount, batches: [])
    guard let block = try file.bytes(at: 0, count: JournalFileHeader.byteCount) else {
      inspection.problem = "the file is shorter than its header"
      return inspection
    }
    do throws(FormatError) {
      inspection.header = try JournalFileHeader.decode(block.span.bytes)
    } catch {
      if block.contains(where: { $0 != 0 }) { inspection.problem = "\(error)" }
      return inspection
    }
    guard let header = inspection.header else { return inspection }
    var offset = UInt64(JournalFileHeader.byteCount)
    var next = header.firstLSN
    while let batch = try Self.batch(file, at: offset, header.generation),
      batch.header.firstLSN == next
    {
      do throws(FormatError) {
        inspection.batches.append(
          JournalBatchInspection(
            offset: offset, header: batch.header,
            records: try Self.records(batch.header, batch.bytes)))
      } catch {
        inspection.problem = "at offset \(offset): \(error)"
        break
      }
      next = LSN(next.rawValue + UInt64(batch.header.recordCount))
      let block = UInt64(JournalBatchHeader.alignment)
      offset += (UInt64(batch.bytes.count) + block - 1) / block * block
    }
    return inspection
  }

  private static func batch(_ file: any DiskFile, at offset: UInt64, _ generation: UInt64)
    throws(StoreError) -> (header: JournalBatchHeader, bytes: [UInt8])?
  {
    guard let head = try file.bytes(at: offset, count: JournalBatchHeader.byteCount),
      let header = try? JournalBatchHeader.decode(head.span.bytes),
      header.generation == generation,
      let bytes = try file.bytes(at: offset, count: Int(header.batchByteCount)),
      bytes.withUnsafeBytes({ JournalBatchHeader.verify(batch: $0, header: header) })
    else { return nil }
    return (header, bytes)
  }

  private static func records(_ header: JournalBatchHeader, _ bytes: [UInt8])
    throws(FormatError) -> [JournalRecordInspection]
  {
    try bytes.withBytes { batch throws(FormatError) in
      var reader = RecordReader(batch: batch, header: header)
      var found: [JournalRecordInspection] = []
      while let record = try reader.next() {
        let lsn = LSN(header.firstLSN.rawValue + UInt64(found.count))
        var inspection = JournalRecordInspection(lsn: lsn, header: record.header, ops: [])
        if record.header.kind == .write {
          var ops = record.ops
          while let op = try ops.next() { inspection.ops.append(op.header) }
        } else if record.header.kind.isControl {
          inspection.control = try ControlRecord.decode(
            kind: record.header.kind, record.payload.bytes)
        }
        found.append(inspection)
      }
      return found
    }
  }
}
