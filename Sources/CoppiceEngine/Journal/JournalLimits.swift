internal import CoppiceFormat

/// Raw and derived limits of the journal, and how they depend on one another.
enum JournalLimits {
  static let blockByteCount = 4096
  /// A batch is closed before a record would take it over this.
  static let batchByteCountMax = 512 << 10
  /// From here on a batch is written out without waiting for a flush.
  static let earlyByteCount = 256 << 10
  /// A batch with one record of the greatest size is no larger than a full one.
  static let recordByteCountMax = RecordHeader.recordByteCountMax
  /// A full batch fits into what `guaranteed` counts off at the end of every file.
  static let fileSlackByteCount = batchByteCountMax + blockByteCount
  static let firstFileByteCount: UInt64 = 1 << 20
  static let fileByteCountMax: UInt64 = 64 << 20
  /// Prepared files that an idle journal keeps.
  static let restingByteCount: UInt64 = 16 << 20
  static let controlFileByteCount: UInt64 = 256 << 10
  static let controlFileCount = 2
  /// What a batch costs besides its records: its header, and rounding up to a block.
  static let batchOverhead = blockByteCount + 64

  /// Bytes of records that surely fit into a file which holds `used` bytes of `capacity`: every
  /// batch fits while a full one would, so only the last `fileSlackByteCount` may be wasted.
  static func guaranteed(capacity: UInt64, used: UInt64) -> Int {
    max(0, Int(capacity) - Int(used) - fileSlackByteCount)
  }

  /// What records of that many bytes may take in a file, in the worst cut into batches.
  static func footprint(_ recordByteCount: Int) -> Int {
    recordByteCount + (recordByteCount / earlyByteCount + 2) * batchOverhead
  }
}
