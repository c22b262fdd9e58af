internal import CoppiceFormat

/// Which ids a member may give to its next segments: those of its blocks that it never used.
enum SegmentIDs {
  /// The first consecutive ones; `nil` when its blocks have no such run.
  ///
  /// - Parameters:
  ///   - next: ids below are or were in use.
  ///   - blocks: the member's, ascending.
  static func run(
    of count: UInt32, from next: UInt64, in blocks: [PoolSegmentRun]
  ) -> PoolSegmentRun? {
    var free: Range<UInt64>?
    for block in blocks {
      let start = max(block.ids.lowerBound, next)
      guard start < block.ids.upperBound else { continue }
      let isContinued = free?.upperBound == start
      let run = (isContinued ? free?.lowerBound ?? start : start)..<block.ids.upperBound
      if run.count >= Int(count) {
        return PoolSegmentRun(first: UInt32(run.lowerBound), count: count)
      }
      free = run
    }
    return nil
  }

  /// A block for that many ids behind all that were taken; `nil` when there are no more.
  static func block(for count: UInt32, behind blocks: [PoolSegmentBlock]) -> PoolSegmentRun? {
    let first = blocks.last?.run.ids.upperBound ?? 1
    let step = UInt64(PoolSegmentBlock.countStandard)
    let count = (UInt64(count) + step - 1) / step * step
    // The last id of all is left, so that the end of a block is a number of 32 bits too.
    guard first + count < 1 << 32 else { return nil }
    return PoolSegmentRun(first: UInt32(first), count: UInt32(count))
  }
}
