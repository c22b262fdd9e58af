/// How far scrubbing has come, so that it goes on after a restart.
///
///     segment u64   offset u64   startedAt i64   verifiedSince i64   endedAt i64
///     findingCount u64
public struct ScrubHints: Hashable, Sendable {
  /// Where the pass that is under way goes on. Segment 0: none is.
  public var segment = SegmentID(0)
  public var offset: UInt64 = 0
  /// When the pass that is under way began, in nanoseconds since 1970; 0: none is.
  public var startedAt: Int64 = 0
  /// When the last complete pass began: all that was stored then was verified since. 0: never.
  public var verifiedSince: Int64 = 0
  /// When the last complete pass ended.
  public var endedAt: Int64 = 0
  /// What the pass found so far, or the last one did.
  public var findingCount: UInt64 = 0

  public init() {}

  public func encode() -> [UInt8] {
    var writer = HintsBlock.begin(.scrub)
    writer.append(segment.rawValue)
    writer.append(offset)
    writer.append(startedAt)
    writer.append(verifiedSince)
    writer.append(endedAt)
    writer.append(findingCount)
    return HintsBlock.finish(writer)
  }

  public static func decode(_ bytes: RawSpan) throws(FormatError) -> ScrubHints {
    try HintsBlock.decode(bytes, .scrub) { (reader) throws(FormatError) in
      var hints = ScrubHints()
      hints.segment = SegmentID(
        try reader.integer("segment", atMost: 1 << UInt64(SegmentID.bitCount) - 1))
      hints.offset = try reader.integer()
      hints.startedAt = try reader.integer()
      hints.verifiedSince = try reader.integer()
      hints.endedAt = try reader.integer()
      hints.findingCount = try reader.integer()
      return hints
    }
  }
}
