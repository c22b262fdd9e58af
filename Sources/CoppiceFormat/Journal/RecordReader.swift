/// One record of a journal batch. Its bytes are the reader's.
public struct Record {
  public let header: RecordHeader
  /// Ops of a write record, else what `ControlRecord.decode` takes.
  public let payload: UnsafeRawBufferPointer

  /// The ops of a write record.
  public var ops: OpReader { OpReader(payload, opCount: Int(header.opCount)) }
}

/// Iterates over the records of a verified batch.
///
/// The batch's bytes must outlive the reader and its records.
public struct RecordReader {
  private let bytes: UnsafeRawBufferPointer
  private var offset = JournalBatchHeader.byteCount
  private var rest: UInt32

  /// - Precondition: `batch` has been verified with `header`.
  public init(batch: UnsafeRawBufferPointer, header: JournalBatchHeader) {
    precondition(batch.count >= JournalBatchHeader.byteCount)
    bytes = batch
    rest = header.recordCount
  }

  /// The next record; `nil` behind the last one.
  ///
  /// Throws what `RecordHeader.load` does, `.truncated` when a record leaves the batch, and
  /// `.malformed` when bytes are left behind the last one. An iteration ends with its first error.
  public mutating func next() throws(FormatError) -> Record? {
    let available = bytes.count - offset
    guard rest > 0 else {
      guard available == 0 else { throw .malformed(what: "journal batch") }
      return nil
    }
    guard available >= RecordHeader.byteCount, let base = bytes.baseAddress else {
      throw .truncated(
        what: "journal record", needed: RecordHeader.byteCount, available: available)
    }
    let header = try RecordHeader.load(from: base + offset)
    let end = Int(header.recordByteCount)
    guard end <= available else {
      throw .truncated(what: "journal record", needed: end, available: available)
    }
    let payload = bytes.slice(offset + RecordHeader.byteCount..<offset + end)
    offset += end
    rest -= 1
    return Record(header: header, payload: payload)
  }
}
