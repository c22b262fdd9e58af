internal import CoppiceFormat
internal import CoppicePlatform

/// What every step of sealing works with: one domain's appender, and the services of the store.
struct SealContext: Sendable {
  let frames: FrameReader
  let appender: SegmentAppender
  let window: DedupWindow
  /// Finds where a frame lies, if it can be read from disk right now.
  let place: @Sendable (FrameName) -> SegmentDirectory.Place?
  /// Asked before a frame that was found by hash is shared; false when a collection is about to
  /// remove it.
  let admitHit: @Sendable (FrameName) -> Bool
  /// Whether a frame's domain is the one that is being sealed.
  let isShareable: @Sendable (SegmentID) -> Bool
  /// Segments with smaller ids were there when the last collection began.
  let youngFrom: SegmentID

  var pageByteCount: Int { frames.pageByteCount }
  var replaced: ReplacedFrames { ReplacedFrames(frames: frames, youngFrom: youngFrom) }
}
