internal import CoppiceFormat
internal import CoppicePlatform

/// What one append puts into the journal: consecutive records that replay applies all or none of.
enum JournalRecords {
  /// One write of a branch, cut into records.
  case write(BranchID, time: Int64, VolumeNumber, offset: UInt64, UnsafeRawBufferPointer)
  case transaction(BranchID, Transaction)
  case control([(branch: BranchID, record: EncodedControlRecord)], time: Int64)

  struct EncodedControlRecord {
    var kind: RecordKind
    var payload: [UInt8]
    init(_ record: ControlRecord) {
      kind = record.kind
      payload = record.encode()
    }
  }

  var areWrites: Bool {
    if case .control = self { false } else { true }
  }

  /// Whether the records are a transaction that removes something.
  var areRemoval: Bool {
    if case .transaction(_, let transaction) = self { transaction.isRemoval } else { false }
  }

  /// Whether the records free space, and so may use the last room there is.
  var isEssential: Bool {
    guard case .control(let records, _) = self else { return false }
    return records.allSatisfy { $0.record.kind == .publish || $0.record.kind == .moved }
  }

  /// Whether the records may go where only control records go, which a full disk leaves: so do all
  /// of these but settings, which can wait.
  var takesControlRoom: Bool {
    guard case .control(let records, _) = self else { return false }
    return records.allSatisfy { $0.record.kind != .set }
  }

  var count: Int {
    switch self {
    case .write(_, _, _, let offset, let bytes):
      Self.pieceCount(offset: offset, byteCount: bytes.count)
    case .transaction(_, let transaction): transaction.records.count
    case .control(let records, _): records.count
    }
  }

  var byteCount: Int { (0..<count).reduce(0) { $0 + byteCount(of: $1) } }

  /// Without headers; costs nothing.
  var approximateByteCount: Int {
    switch self {
    case .write(_, _, _, _, let bytes): bytes.count
    case .transaction(_, let transaction): transaction.byteCount
    case .control: 0
    }
  }

  var largestByteCount: Int { (0..<count).reduce(0) { max($0, byteCount(of: $1)) } }

  func byteCount(of index: Int) -> Int {
    switch self {
    case .write(_, _, _, let offset, let bytes):
      let piece = Self.piece(index, offset: offset, byteCount: bytes.count)
      return RecordHeader.byteCount + OpHeader.byteCount + Self.padded(piece.count)
    case .transaction(_, let transaction):
      return RecordHeader.byteCount + transaction.records[index].bytes.count
    case .control(let records, _):
      return RecordHeader.byteCount + Self.padded(records[index].record.payload.count)
    }
  }

  /// Appends record `index` to a batch.
  func store(_ index: Int, into buffer: AlignedBuffer) {
    let byteCount = byteCount(of: index)
    let flags: RecordFlags = index + 1 < count ? [.continues] : []
    var header = RecordHeader(
      recordByteCount: UInt32(byteCount), kind: .write, flags: flags, opCount: 1,
      branch: BranchID(0),
      time: 0)
    switch self {
    case .write(let branch, let time, let volume, let offset, let bytes):
      header.branch = branch
      header.time = time
      let piece = Self.piece(index, offset: offset, byteCount: bytes.count)
      RecordHeader.store(header, to: buffer.extend(RecordHeader.byteCount))
      OpHeader.store(
        OpHeader(
          code: .write, payloadByteCount: UInt32(piece.count), volume: volume,
          offset: offset + UInt64(piece.lowerBound)),
        to: buffer.extend(OpHeader.byteCount))
      buffer.append(UnsafeRawBufferPointer(rebasing: bytes[piece]))
    case .transaction(let branch, let transaction):
      let record = transaction.records[index]
      header.branch = branch
      header.time = record.time
      header.opCount = UInt16(record.operationCount)
      RecordHeader.store(header, to: buffer.extend(RecordHeader.byteCount))
      transaction.operations.withUnsafeBytes {
        buffer.append(UnsafeRawBufferPointer(rebasing: $0[record.bytes]))
      }
    case .control(let records, let time):
      header.branch = records[index].branch
      header.time = time
      header.kind = records[index].record.kind
      header.opCount = 0
      RecordHeader.store(header, to: buffer.extend(RecordHeader.byteCount))
      records[index].record.payload.withUnsafeBytes { buffer.append($0) }
    }
    buffer.pad(to: 8)
  }

  private static func padded(_ count: Int) -> Int { (count + 7) & ~7 }

  private static func pieceCount(offset: UInt64, byteCount: Int) -> Int {
    let first = Transaction.pieceByteCount(at: offset)
    guard byteCount > first else { return 1 }
    return 1 + (byteCount - first + pieceByteCount - 1) / pieceByteCount
  }

  /// All pieces but the first begin at a multiple of 64 KiB and take two of them.
  private static let pieceByteCount = Transaction.pieceByteCount(at: 0)

  static func piece(_ index: Int, offset: UInt64, byteCount: Int) -> Range<Int> {
    let first = Transaction.pieceByteCount(at: offset)
    if index == 0 { return 0..<min(first, byteCount) }
    let start = first + (index - 1) * pieceByteCount
    return start..<min(start + pieceByteCount, byteCount)
  }
}
