/// Raw and derived limits of segments.
enum SegmentLimits {
  /// A bundle is written once its frames reach this.
  static let bundleByteCount = 1 << 20
  /// A segment is closed before a bundle would take it over this. Offsets are 32 bits.
  static let segmentByteCount: UInt64 = 64 << 20
  /// Frames of one bundle; keeps a directory small, and ordinals (24 bits) cannot run out in a
  /// segment, because a frame and its directory entry take more than 4 bytes.
  static let bundleFrameCount = 1 << 15
}
