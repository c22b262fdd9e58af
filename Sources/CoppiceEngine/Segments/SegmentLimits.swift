/// Raw and derived limits of segments.
enum SegmentLimits {
  /// A bundle is written once its frames reach this.
  static let bundleByteCount = 1 << 20
  /// A segment is closed before a bundle would take it over this. Offsets are 32 bits.
  static let segmentByteCount: UInt64 = 64 << 20
  private static let segmentByteCountMin: UInt64 = 8 << 20
  /// Of a smaller store a segment takes a part only: a collection has what it copies out of one on
  /// disk twice.
  private static let storeShare: UInt64 = 16

  /// As `segmentByteCount`, in a store whose segments have that many bytes together.
  static func segmentByteCount(storedByteCount: UInt64) -> UInt64 {
    min(segmentByteCount, max(segmentByteCountMin, storedByteCount / storeShare))
  }
  /// Frames of one bundle; keeps a directory small, and ordinals (24 bits) cannot run out in a
  /// segment, because a frame and its directory entry take more than 4 bytes.
  static let bundleFrameCount = 1 << 15
}
