/// A set of page numbers kept as disjoint, non-adjacent half-open ranges in ascending order.
///
/// Lookups are binary searches. A volume has few holes between seals, so insertion may move the
/// tail of the array.
struct IntervalSet: Sendable, Equatable {
  private(set) var ranges: [Range<UInt64>] = []

  var isEmpty: Bool { ranges.isEmpty }

  func contains(_ value: UInt64) -> Bool {
    let index = firstIndex(endingAbove: value)
    return index < ranges.count && ranges[index].lowerBound <= value
  }

  /// Whether every value of `range` is in the set.
  func contains(_ range: Range<UInt64>) -> Bool {
    guard !range.isEmpty else { return true }
    let index = firstIndex(endingAbove: range.lowerBound)
    return index < ranges.count && ranges[index].lowerBound <= range.lowerBound
      && ranges[index].upperBound >= range.upperBound
  }

  func intersects(_ range: Range<UInt64>) -> Bool {
    guard !range.isEmpty else { return false }
    let index = firstIndex(endingAbove: range.lowerBound)
    return index < ranges.count && ranges[index].lowerBound < range.upperBound
  }

  mutating func insert(_ range: Range<UInt64>) {
    guard !range.isEmpty else { return }
    var lower = range.lowerBound
    var upper = range.upperBound
    let first = lower == 0 ? 0 : firstIndex(endingAbove: lower - 1)
    var end = first
    while end < ranges.count, ranges[end].lowerBound <= upper {
      lower = min(lower, ranges[end].lowerBound)
      upper = max(upper, ranges[end].upperBound)
      end += 1
    }
    ranges.replaceSubrange(first..<end, with: CollectionOfOne(lower..<upper))
  }

  private func firstIndex(endingAbove value: UInt64) -> Int {
    var low = 0
    var high = ranges.count
    while low < high {
      let middle = (low + high) / 2
      if ranges[middle].upperBound > value { high = middle } else { low = middle + 1 }
    }
    return low
  }

  func checkInvariants() {
    for (index, range) in ranges.enumerated() {
      precondition(!range.isEmpty, "an empty range in an interval set")
      if index > 0 {
        precondition(ranges[index - 1].upperBound < range.lowerBound, "ranges touch or overlap")
      }
    }
  }
}
