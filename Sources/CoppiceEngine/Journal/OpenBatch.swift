internal import CoppiceFormat
internal import CoppicePlatform

/// The batch that records gather in. One thread at a time uses it.
struct OpenBatch {
  let buffer: AlignedBuffer
  private(set) var firstLSN = LSN.zero
  var recordCount = 0
  private(set) var isControl = false
  var holdsWrites = false
  private(set) var isBegun = false

  init() { buffer = AlignedBuffer(byteCountMin: JournalLimits.batchByteCountMax + 8192) }

  /// What the batch takes in a file.
  var paddedByteCount: Int {
    (buffer.byteCount + JournalLimits.blockByteCount - 1) & -JournalLimits.blockByteCount
  }

  mutating func reset() {
    buffer.removeAll()
    recordCount = 0
    isBegun = false
    holdsWrites = false
    isControl = false
  }

  mutating func begin(firstLSN: LSN, isControl: Bool) {
    buffer.removeAll()
    buffer.appendZeros(JournalBatchHeader.byteCount)
    self.firstLSN = firstLSN
    self.isControl = isControl
    recordCount = 0
    holdsWrites = false
    isBegun = true
  }

  /// Completes the header and pads the buffer to whole blocks.
  func seal(generation: UInt64, syncedLSN: LSN, time: Int64) {
    let header = JournalBatchHeader(
      batchByteCount: UInt32(buffer.byteCount), recordCount: UInt32(recordCount),
      generation: generation, firstLSN: firstLSN, syncedLSN: syncedLSN, time: time)
    header.encode(into: buffer.mutableContents)
    JournalBatchHeader.seal(batch: buffer.mutableContents)
    buffer.pad(to: JournalLimits.blockByteCount)
  }
}
