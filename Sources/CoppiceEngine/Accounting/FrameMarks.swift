internal import CoppiceFormat

/// A set of frames: one bit for each, in one bitmap for each segment that names them.
///
/// Not thread-safe.
final class FrameMarks {
  private var indices = IntegerMap<Int>()
  private var bitmaps: [[UInt64]] = []
  // Neighbouring refs mostly lie in one segment.
  private var lastSegment = UInt64.max
  private var lastIndex = 0

  /// Adds a frame; returns whether it was not in the set.
  @discardableResult
  func insert(_ name: FrameName) -> Bool {
    let index = bitmap(of: name.segment)
    let word = Int(name.ordinal >> 6)
    let bit: UInt64 = 1 << UInt64(name.ordinal & 63)
    if word >= bitmaps[index].count {
      let count = max(word + 1, bitmaps[index].count * 2)
      bitmaps[index] += [UInt64](repeating: 0, count: count - bitmaps[index].count)
    }
    if bitmaps[index][word] & bit != 0 { return false }
    bitmaps[index][word] |= bit
    return true
  }

  func contains(_ name: FrameName) -> Bool {
    guard let index = indices[name.segment.rawValue] else { return false }
    let word = Int(name.ordinal >> 6)
    guard word < bitmaps[index].count else { return false }
    return bitmaps[index][word] & 1 << UInt64(name.ordinal & 63) != 0
  }

  private func bitmap(of segment: SegmentID) -> Int {
    if segment.rawValue == lastSegment { return lastIndex }
    lastSegment = segment.rawValue
    if let known = indices[segment.rawValue] {
      lastIndex = known
    } else {
      lastIndex = bitmaps.count
      indices.insert(lastIndex, at: segment.rawValue)
      bitmaps.append([UInt64](repeating: 0, count: 64))
    }
    return lastIndex
  }
}
