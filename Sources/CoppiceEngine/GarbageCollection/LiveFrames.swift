internal import CoppiceFormat

/// Which frames are live: one bit a frame, by home segment and ordinal.
struct LiveFrames: Sendable {
  private var words: [SegmentID: [UInt64]] = [:]

  /// Returns whether the frame was not in the set before.
  mutating func insert(_ name: FrameName) -> Bool {
    let index = Int(name.ordinal >> 6)
    let bit: UInt64 = 1 << UInt64(name.ordinal & 63)
    let known = words[name.segment]?.count ?? 0
    if index >= known {
      words[name.segment, default: []] += repeatElement(0, count: index + 1 - known + known / 2)
    }
    guard let word = words[name.segment]?[index] else { return false }
    words[name.segment]?[index] = word | bit
    return word & bit == 0
  }

  func contains(_ name: FrameName) -> Bool {
    guard let row = words[name.segment] else { return false }
    let index = Int(name.ordinal >> 6)
    return index < row.count && row[index] & (1 << UInt64(name.ordinal & 63)) != 0
  }

  func hasFrames(of segment: SegmentID) -> Bool {
    words[segment]?.contains { $0 != 0 } ?? false
  }

  var byteCount: Int { words.values.reduce(0) { $0 + $1.count * 8 } }
}
