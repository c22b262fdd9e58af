internal import CoppiceFormat

/// A set of frames: one bit for each, in chunks of 4096 frames with neighbouring names.
///
/// Chunks lie in slabs that never move, so growing copies nothing; the first ones are small, for
/// there may be a set of each of many branches. Not thread-safe.
final class FrameSet {
  private static let chunkShift: UInt64 = 12
  private static let chunkWordCount = 1 << 6
  private static let slabShift = 8
  private static let slabChunkCount = 1 << slabShift

  private var chunks = IntegerMap<UInt32>()
  private var slabs: [UnsafeMutablePointer<UInt64>] = []
  private(set) var count = 0
  // Neighbouring refs mostly lie in one chunk.
  private var lastKey = UInt64.max
  private var lastWords: UnsafeMutablePointer<UInt64>?

  deinit { for slab in slabs { slab.deallocate() } }

  /// Bytes of RAM.
  var byteCount: Int {
    slabs.indices.reduce(chunks.byteCount) {
      $0 + Self.chunkCount(ofSlab: $1) * Self.chunkWordCount * 8
    }
  }

  /// Which frames lie in one chunk with a frame.
  static func chunkKey(of name: FrameName) -> UInt64 { name.rawValue >> chunkShift }

  /// Of all chunks that have frames, in order.
  var chunkKeys: [UInt64] { chunks.sortedKeys() }

  /// In order of their names.
  func forEach(_ visit: (FrameName) -> Void) {
    for key in chunkKeys {
      guard let words = find(key) else { continue }
      for index in 0..<Self.chunkWordCount {
        var bits = words[index]
        while bits != 0 {
          let place = key << Self.chunkShift | UInt64(index << 6 | bits.trailingZeroBitCount)
          visit(FrameName(rawValue: place))
          bits &= bits - 1
        }
      }
    }
  }

  /// Adds a frame; returns whether it was not in the set.
  @discardableResult
  func insert(_ name: FrameName) -> Bool {
    let key = Self.chunkKey(of: name)
    let words = find(key) ?? add(key)
    let (index, bit) = Self.place(name)
    if words[index] & bit != 0 { return false }
    words[index] |= bit
    count += 1
    return true
  }

  func contains(_ name: FrameName) -> Bool {
    guard let words = find(Self.chunkKey(of: name)) else { return false }
    let (index, bit) = Self.place(name)
    return words[index] & bit != 0
  }

  /// Whether any frame that bears the segment's id is in the set.
  func hasFrames(of segment: SegmentID) -> Bool {
    let first = FrameName(segment: segment, ordinal: 0).rawValue >> Self.chunkShift
    let count: UInt64 = 1 << (UInt64(FrameName.ordinalBitCount) - Self.chunkShift)
    // A chunk exists only where a frame was added.
    return (first..<first + count).contains { find($0) != nil }
  }

  private static func place(_ name: FrameName) -> (index: Int, bit: UInt64) {
    (
      Int(truncatingIfNeeded: name.rawValue >> 6) & (chunkWordCount - 1),
      1 << (name.rawValue & 63)
    )
  }

  private func find(_ key: UInt64) -> UnsafeMutablePointer<UInt64>? {
    if key == lastKey { return lastWords }
    guard let number = chunks[key] else { return nil }
    lastKey = key
    lastWords = words(Int(number))
    return lastWords
  }

  private func add(_ key: UInt64) -> UnsafeMutablePointer<UInt64> {
    let number = chunks.count
    if Self.slab(of: number).index == slabs.count {
      let wordCount = Self.chunkCount(ofSlab: slabs.count) * Self.chunkWordCount
      let slab = UnsafeMutablePointer<UInt64>.allocate(capacity: wordCount)
      slab.initialize(repeating: 0, count: wordCount)
      slabs.append(slab)
    }
    chunks.insert(UInt32(number), at: key)
    let words = words(number)
    lastKey = key
    lastWords = words
    return words
  }

  private func words(_ number: Int) -> UnsafeMutablePointer<UInt64> {
    let (index, first) = Self.slab(of: number)
    return slabs[index] + (number - first) * Self.chunkWordCount
  }

  /// Slabs have 1, 1, 2, 4 and so on chunks, and `slabChunkCount` once there are as many before.
  private static func slab(of number: Int) -> (index: Int, first: Int) {
    if number == 0 { return (0, 0) }
    let width = Int.bitWidth - number.leadingZeroBitCount
    if width <= slabShift { return (width, 1 << (width - 1)) }
    let index = number >> slabShift
    return (slabShift + index, index << slabShift)
  }

  private static func chunkCount(ofSlab index: Int) -> Int {
    index == 0 ? 1 : min(1 << (index - 1), slabChunkCount)
  }
}
