internal import CoppiceFormat

extension FormatDecoder {
  /// Input: a whole batch. Reads all records and ops.
  static let journalBatch = FormatDecoder(
    name: "journal-batch", samples: [SampleBatch.everyRecord.sealed(), SampleBatch().sealed()],
    reseal: { bytes in
      guard bytes.count >= JournalBatchHeader.byteCount else { return }
      bytes.withUnsafeMutableBytes { JournalBatchHeader.seal(batch: $0) }
    },
    decode: { (bytes) throws(FormatError) in
      let header = try JournalBatchHeader.decode(bytes.bytes)
      guard JournalBatchHeader.verify(batch: bytes, header: header) else {
        throw .checksum(what: "journal batch")
      }
      var records = RecordReader(batch: bytes, header: header)
      while let record = try records.next() {
        switch record.header.kind {
        case .empty: break
        case .write: try readOps(of: record)
        default: _ = try ControlRecord.decode(kind: record.header.kind, record.payload.bytes)
        }
      }
    })

  private static func readOps(of record: Record) throws(FormatError) {
    var ops = record.ops
    while let op = try ops.next() {
      switch op.header.code {
      case .hole:
        precondition(op.holeByteCount <= VolumeNumber.byteCountMax - op.header.offset)
      case .share, .adopt:
        for index in 0..<op.refCount { _ = try op.ref(at: index) }
      case .write, .resize, .drop:
        precondition(op.payload.count == Int(op.header.payloadByteCount))
      }
    }
  }
}
