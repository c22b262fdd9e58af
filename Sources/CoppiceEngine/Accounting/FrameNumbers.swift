internal import CoppiceFormat

/// A 32-bit number for every frame, 0 at first, in one array for each segment that names them.
///
/// Not thread-safe.
final class FrameNumbers {
  private var indices = IntegerMap<Int>()
  private var rows: [[UInt32]] = []
  private var lastSegment = UInt64.max
  private var lastIndex = 0

  subscript(name: FrameName) -> UInt32 {
    get {
      guard let index = indices[name.segment.rawValue], name.ordinal < rows[index].count else {
        return 0
      }
      return rows[index][Int(name.ordinal)]
    }
    set {
      let index = row(of: name.segment)
      let place = Int(name.ordinal)
      if place >= rows[index].count {
        let count = max(place + 1, rows[index].count * 2)
        rows[index] += [UInt32](repeating: 0, count: count - rows[index].count)
      }
      rows[index][place] = newValue
    }
  }

  /// The owner of frames that several keep.
  static let several = UInt32.max

  /// Notes an owner; returns whether that changed anything, so that what is below may change too.
  @discardableResult
  func own(_ name: FrameName, by owner: UInt32) -> Bool {
    let known = self[name]
    if known == owner || known == Self.several { return false }
    self[name] = known == 0 ? owner : Self.several
    return true
  }

  /// Makes all numbers 0 again.
  func reset() {
    for index in rows.indices {
      rows[index] = [UInt32](repeating: 0, count: rows[index].count)
    }
  }

  private func row(of segment: SegmentID) -> Int {
    if segment.rawValue == lastSegment { return lastIndex }
    lastSegment = segment.rawValue
    if let known = indices[segment.rawValue] {
      lastIndex = known
    } else {
      lastIndex = rows.count
      indices.insert(lastIndex, at: segment.rawValue)
      rows.append([UInt32](repeating: 0, count: 256))
    }
    return lastIndex
  }
}
