internal import CoppiceFormat

extension Interval {
  /// Adjacent intervals of one writer as one; intervals that hold nothing left out.
  static func join(_ intervals: [Interval]) -> [Interval] {
    var joined: [Interval] = []
    for interval in intervals where interval.from < interval.through {
      if let last = joined.last, last.writer == interval.writer, last.through == interval.from {
        joined[joined.count - 1].through = interval.through
      } else {
        joined.append(interval)
      }
    }
    return joined
  }
}
