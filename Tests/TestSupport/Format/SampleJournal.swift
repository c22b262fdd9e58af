public import CoppiceFormat

/// A journal batch, as a writer builds it.
public struct SampleBatch {
  public private(set) var bytes = [UInt8](repeating: 0, count: JournalBatchHeader.byteCount)
  private var recordCount: UInt32 = 0

  public init() {}

  /// Appends a write record with these ops.
  public mutating func append(
    ops: [(OpHeader, [UInt8])], flags: RecordFlags = [], branch: UInt64 = 1
  ) {
    var payload: [UInt8] = []
    for (header, bytes) in ops {
      let start = payload.count
      payload += [UInt8](repeating: 0, count: header.opByteCount)
      payload.withUnsafeMutableBytes { payload in
        guard let base = payload.baseAddress else { return }
        OpHeader.store(header, to: base + start)
      }
      payload.replaceSubrange(
        start + OpHeader.byteCount..<start + OpHeader.byteCount + bytes.count, with: bytes)
    }
    append(.write, payload: payload, flags: flags, opCount: UInt16(ops.count), branch: branch)
  }

  public mutating func append(_ record: ControlRecord, branch: UInt64 = 1) {
    append(record.kind, payload: record.encode(), branch: branch)
  }

  public mutating func append(
    _ kind: RecordKind, payload: [UInt8], flags: RecordFlags = [], opCount: UInt16 = 0,
    branch: UInt64 = 1
  ) {
    let header = RecordHeader(
      recordByteCount: UInt32(RecordHeader.byteCount + payload.count), kind: kind, flags: flags,
      opCount: opCount, branch: BranchID(branch), time: SampleValues.time)
    let start = bytes.count
    bytes += [UInt8](repeating: 0, count: RecordHeader.byteCount)
    bytes.withUnsafeMutableBytes { bytes in
      guard let base = bytes.baseAddress else { return }
      RecordHeader.store(header, to: base + start)
    }
    bytes += payload
    recordCount += 1
  }

  /// The header that `sealed` writes.
  public var header: JournalBatchHeader {
    JournalBatchHeader(
      batchByteCount: UInt32(bytes.count), recordCount: recordCount, generation: 4,
      firstLSN: LSN(500), syncedLSN: LSN(490), time: SampleValues.time)
  }

  /// The whole batch.
  public func sealed() -> [UInt8] { sealed(with: header) }

  /// As part of that generation of a journal.
  public func sealed(generation: UInt64, firstLSN: LSN, syncedLSN: LSN) -> [UInt8] {
    var header = header
    header.generation = generation
    header.firstLSN = firstLSN
    header.syncedLSN = syncedLSN
    return sealed(with: header)
  }

  private func sealed(with header: JournalBatchHeader) -> [UInt8] {
    var bytes = bytes
    bytes.withUnsafeMutableBytes {
      header.encode(into: $0)
      JournalBatchHeader.seal(batch: $0)
    }
    return bytes
  }
}

extension SampleBatch {
  /// One of every op.
  public static var everyOp: [(OpHeader, [UInt8])] {
    var random = SplitMix64(seed: 3)
    func op(_ code: OpCode, _ payload: [UInt8], offset: UInt64 = 0) -> (OpHeader, [UInt8]) {
      let header = OpHeader(
        code: code, payloadByteCount: UInt32(payload.count), volume: VolumeNumber(33),
        offset: offset)
      return (header, payload)
    }
    let pages = [SampleRefs.ref(&random), .hole, SampleRefs.ref(&random)]
    let top = SampleRefs.ref(kind: .volumeNode, &random)
    return [
      op(.write, random.bytes(37), offset: 8191), op(.hole, [0, 32, 0, 0, 0, 0, 0, 0]),
      op(.resize, [], offset: 1 << 56), op(.drop, []),
      op(.share, pages.flatMap(bytes(of:)), offset: 8192),
      op(.adopt, bytes(of: top) + [9, 0, 0, 0, 0, 0, 0, 0]),
    ]
  }

  /// One record of every kind, and a transaction of two records.
  public static var everyRecord: SampleBatch {
    var batch = SampleBatch()
    batch.append(.empty, payload: [])
    batch.append(ops: everyOp, flags: .continues)
    batch.append(ops: Array(everyOp.prefix(1)))
    for record in SampleValues.controlRecords { batch.append(record) }
    return batch
  }

  public static func bytes(of ref: Ref) -> [UInt8] {
    var bytes = [UInt8](repeating: 0, count: Ref.byteCount)
    bytes.withUnsafeMutableBytes { ref.encode(into: $0) }
    return bytes
  }
}
