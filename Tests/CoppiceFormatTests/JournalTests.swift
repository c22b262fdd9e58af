import CoppiceFormat
import TestSupport
import Testing

struct JournalTests {
  @Test func `a journal file's header decodes to itself`() throws {
    for isControl in [false, true] {
      var header = SampleValues.journalFileHeader
      header.isControl = isControl
      let bytes = FormatDecoder.encoded(byteCount: 4096) { header.encode(into: $0) }
      #expect(try JournalFileHeader.decode(bytes.span.bytes) == header)
    }
  }

  @Test func `a batch gives back its records and ops`() throws {
    let batch = SampleBatch.everyRecord
    let bytes = batch.sealed()
    let header = try JournalBatchHeader.decode(bytes.span.bytes)
    #expect(header == batch.header)
    try bytes.withUnsafeBytes { bytes in
      #expect(JournalBatchHeader.verify(batch: bytes, header: header))
      var reader = RecordReader(batch: bytes, header: header)
      let empty = try #require(try reader.next())
      #expect(empty.header.kind == .empty && empty.payload.isEmpty)
      let write = try #require(try reader.next())
      #expect(write.header.flags == .continues && write.header.time == SampleValues.time)
      try expectEveryOp(in: write)
      #expect(try #require(try reader.next()).header.opCount == 1)
      for expected in SampleValues.controlRecords {
        let record = try #require(try reader.next())
        #expect(
          try ControlRecord.decode(kind: record.header.kind, record.payload.bytes) == expected)
      }
      #expect(try reader.next() == nil)
    }
  }

  @Test func `a batch of another generation or with a byte changed is not whole`() throws {
    let bytes = SampleBatch.everyRecord.sealed()
    let header = try JournalBatchHeader.decode(bytes.span.bytes)
    for index in stride(from: 0, to: bytes.count, by: 13) {
      var damaged = bytes
      damaged[index] ^= 8
      #expect(!damaged.withUnsafeBytes { JournalBatchHeader.verify(batch: $0, header: header) })
    }
    var older = header
    older.generation -= 1
    #expect(!bytes.withUnsafeBytes { JournalBatchHeader.verify(batch: $0, header: older) })
    #expect(
      !bytes.dropLast().withUnsafeBytes { JournalBatchHeader.verify(batch: $0, header: header) })
  }

  @Test func `a record that leaves its batch, or is not told of, ends the reading`() throws {
    var batch = SampleBatch()
    batch.append(.delete)
    var header = batch.header
    header.recordCount = 2
    #expect(throws: FormatError.truncated(what: "journal record", needed: 24, available: 0)) {
      try readAll(batch.bytes, header)
    }
    header.recordCount = 0
    #expect(throws: FormatError.malformed(what: "journal batch")) {
      try readAll(batch.bytes, header)
    }
    var long = batch.bytes
    long[64] = 32
    header.recordCount = 1
    #expect(throws: FormatError.truncated(what: "journal record", needed: 32, available: 24)) {
      try readAll(long, header)
    }
    long[64] = 25
    #expect(throws: FormatError.malformed(what: "record byte count")) {
      try readAll(long, header)
    }
  }

  @Test func `ops whose fields exceed the format are refused`() {
    let hole = OpHeader(
      code: .hole, payloadByteCount: 8, volume: VolumeNumber(1), offset: (1 << 56) - 8)
    expectRefusal(of: hole, [9, 0, 0, 0, 0, 0, 0, 0])
    let far = OpHeader(
      code: .write, payloadByteCount: 9, volume: VolumeNumber(1), offset: (1 << 56) - 8)
    expectRefusal(of: far, [UInt8](repeating: 1, count: 9))
    let volume = OpHeader(
      code: .drop, payloadByteCount: 0, volume: VolumeNumber(1 << 40), offset: 0)
    expectRefusal(of: volume, [])
    let drop = OpHeader(code: .drop, payloadByteCount: 8, volume: VolumeNumber(1), offset: 0)
    expectRefusal(of: drop, [UInt8](repeating: 0, count: 8))
    let share = OpHeader(code: .share, payloadByteCount: 33, volume: VolumeNumber(1), offset: 0)
    expectRefusal(of: share, [UInt8](repeating: 0, count: 33))
    let long = OpHeader(
      code: .write, payloadByteCount: 1 << 24, volume: VolumeNumber(1), offset: 0)
    var bytes = [UInt8](repeating: 0, count: OpHeader.byteCount)
    bytes.withUnsafeMutableBytes { bytes in
      if let base = bytes.baseAddress { OpHeader.store(long, to: base) }
    }
    expectRefusal(bytes)
  }

  @Test func `every control record decodes to itself`() throws {
    for record in SampleValues.controlRecords {
      let bytes = record.encode()
      #expect(bytes.count.isMultiple(of: RecordHeader.alignment))
      #expect(try ControlRecord.decode(kind: record.kind, bytes.span.bytes) == record)
      #expect(record.kind.isControl)
    }
    #expect(Set(SampleValues.controlRecords.map(\.kind)).count == 14)
  }

  @Test func `control records with too many bytes, too few or of no such kind are refused`() {
    for record in SampleValues.controlRecords {
      let bytes = record.encode()
      for other in [bytes + [UInt8](repeating: 0, count: 8), Array(bytes.dropLast(8)), bytes + [1]]
      where other.count != bytes.count {
        #expect(throws: FormatError.self) {
          try ControlRecord.decode(kind: record.kind, other.span.bytes)
        }
      }
      for kind in [RecordKind.empty, .write] {
        #expect(throws: FormatError.malformed(what: "control record")) {
          try ControlRecord.decode(kind: kind, bytes.span.bytes)
        }
      }
    }
  }

  @Test func `a count beyond the payload is refused before it is allocated`() {
    let bytes: [UInt8] = [0xFF, 0xFF, 0xFF, 0xFF, 0, 0, 0, 0]
    #expect(
      throws: FormatError.truncated(
        what: "control record", needed: 8 * 0xFFFF_FFFF, available: 4)
    ) {
      try ControlRecord.decode(kind: .forget, bytes.span.bytes)
    }
  }

  private func expectEveryOp(in record: Record) throws {
    var ops = record.ops
    for (header, payload) in SampleBatch.everyOp {
      let op = try #require(try ops.next())
      #expect(op.header == header)
      #expect(op.payload.elementsEqual(payload))
      switch op.header.code {
      case .hole: #expect(op.holeByteCount == 8192)
      case .share:
        #expect(op.refCount == 3)
        #expect(try op.ref(at: 1) == .hole)
      case .adopt:
        #expect(op.adoptedByteCount == 9)
        #expect(try op.ref(at: 0).locator.form.kind == .volumeNode)
      default: break
      }
    }
    #expect(try ops.next() == nil)
  }

  private func readAll(_ batch: [UInt8], _ header: JournalBatchHeader) throws {
    try batch.withUnsafeBytes { batch in
      var reader = RecordReader(batch: batch, header: header)
      while let record = try reader.next() {
        var ops = record.ops
        while record.header.kind == .write, try ops.next() != nil {}
      }
    }
  }

  private func expectRefusal(of header: OpHeader, _ payload: [UInt8]) {
    var batch = SampleBatch()
    batch.append(ops: [(header, payload)])
    #expect(throws: FormatError.self) { try readAll(batch.bytes, batch.header) }
  }

  private func expectRefusal(_ bytes: [UInt8]) {
    #expect(throws: FormatError.self) {
      try bytes.withUnsafeBytes { bytes in
        var reader = OpReader(bytes, opCount: 1)
        _ = try reader.next()
      }
    }
  }
}
