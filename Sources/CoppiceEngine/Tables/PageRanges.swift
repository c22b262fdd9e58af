/// Sets of pages as ascending, disjoint, non-adjacent ranges, for queries over many pages at once.
struct PageRanges: Hashable, Sendable {
  private(set) var ranges: [Range<UInt64>] = []

  init() {}

  /// Ranges that ascend and do not overlap; empty ones are dropped, adjacent ones joined.
  init(ascending ranges: some Sequence<Range<UInt64>>) {
    for range in ranges { append(range) }
  }

  /// Pages in ascending order.
  init(pages: [UInt64]) {
    for page in pages { append(page..<page + 1) }
  }

  var isEmpty: Bool { ranges.isEmpty }

  /// Adds a range that begins at or behind the last one's start.
  mutating func append(_ range: Range<UInt64>) {
    guard !range.isEmpty else { return }
    if let last = ranges.last, range.lowerBound <= last.upperBound {
      ranges[ranges.count - 1] = last.lowerBound..<max(last.upperBound, range.upperBound)
    } else {
      ranges.append(range)
    }
  }

  func union(_ other: PageRanges) -> PageRanges {
    var result = PageRanges()
    var left = ranges[...]
    var right = other.ranges[...]
    while let a = left.first, let b = right.first {
      if a.lowerBound <= b.lowerBound {
        result.append(a)
        left.removeFirst()
      } else {
        result.append(b)
        right.removeFirst()
      }
    }
    for range in left { result.append(range) }
    for range in right { result.append(range) }
    return result
  }

  func subtracting(_ other: PageRanges) -> PageRanges {
    var result = PageRanges()
    var cuts = other.ranges[...]
    for range in ranges {
      var start = range.lowerBound
      while let cut = cuts.first, cut.lowerBound < range.upperBound {
        if cut.lowerBound > start { result.append(start..<cut.lowerBound) }
        start = max(start, cut.upperBound)
        if cut.upperBound > range.upperBound { break }
        cuts.removeFirst()
      }
      if start < range.upperBound { result.append(start..<range.upperBound) }
    }
    return result
  }

  func intersection(_ other: PageRanges) -> PageRanges {
    subtracting(subtracting(other))
  }

  func clamped(to range: Range<UInt64>) -> PageRanges {
    intersection(PageRanges(ascending: [range]))
  }
}
