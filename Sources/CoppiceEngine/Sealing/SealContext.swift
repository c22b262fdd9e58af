internal import CoppiceFormat
internal import CoppicePlatform

/// What every step of sealing works with: one domain's appender, and the services of the store.
struct SealContext: Sendable {
  let frames: FrameReader
  let appender: SegmentAppender
  /// Those that the domain's pages may share.
  let equals: any EqualPages
  /// Segments with smaller ids were there when the last collection began.
  let youngFrom: SegmentID

  var pageByteCount: Int { frames.pageByteCount }
  var replaced: ReplacedFrames { ReplacedFrames(frames: frames, youngFrom: youngFrom) }
}
