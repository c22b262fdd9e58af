/// How a page resembles the base that it may be stored on.
public enum Resemblance: Sendable {
  /// At most a sixteenth of its words differ from those at the same offsets.
  case inPlace
  /// Much of it is in the base too, at whatever offsets.
  case moved
}

/// Tells whether a page is worth encoding as a difference to another, for a tenth of what that
/// takes. One instance per worker thread: it owns memory, and no call allocates.
///
/// Rows move when a page is compacted or one of its rows grows: in PostgreSQL mostly by multiples
/// of 8 bytes, elsewhere by any number. So all aligned words of the base go into a set, and the
/// page is sampled at 64 places, each at 8 neighbouring offsets: however far a place moved, one of
/// the 8 is a word that was aligned in the base. The set is a Bloom filter with one hash and 64
/// bits a word, which lets one place in eight of unrelated content pass.
public final class PageComparer {
  private static let sampleCount = 64
  /// How many places are found where content moved: so many in 999 of 1,000 pages of which a
  /// difference is taken; of pages of one table that share no row 96 in 100 have less than half.
  private static let movedShare = (found: 5, of: 8)
  private static let inPlaceShare = 16

  private let wordCount: Int
  /// From one place to the next, in words: odd, and 0.618 of the page, so that places are spread
  /// evenly and fall into step with no row length.
  private let sampleStride: Int
  private let shift: UInt64
  private let filter: UnsafeMutablePointer<UInt64>

  /// - Parameter pageByteCount: a power of two from 4 to 64 KiB.
  public init(pageByteCount: Int) {
    let pageShift = pageByteCount.trailingZeroBitCount
    precondition(
      pageByteCount == 1 << pageShift && Superblock.pageShifts.contains(UInt8(clamping: pageShift)))
    wordCount = pageByteCount / 8
    sampleStride = wordCount * 633 / 1024 | 1
    shift = UInt64(64 - pageShift - 3)
    filter = .allocate(capacity: wordCount)
  }

  deinit { filter.deallocate() }

  /// How `page` resembles `base`; `nil` where too little of it is there.
  ///
  /// - Precondition: both have this comparer's byte count.
  public func resemblance(
    of page: UnsafeRawBufferPointer, to base: UnsafeRawBufferPointer
  ) -> Resemblance? {
    precondition(page.count == wordCount * 8 && base.count == wordCount * 8)
    let equalCount = Self.equalWordCount(page, base)
    if (wordCount - equalCount) * Self.inPlaceShare <= wordCount { return .inPlace }
    fillFilter(with: base)
    return isMoved(page) ? .moved : nil
  }

  private func fillFilter(with base: UnsafeRawBufferPointer) {
    guard let start = base.baseAddress else { return }
    filter.update(repeating: 0, count: wordCount)
    var offset = 0
    while offset < base.count {
      let bit = filterBit(start.loadUnaligned(fromByteOffset: offset, as: UInt64.self))
      filter[Int(truncatingIfNeeded: bit &>> 6)] |= 1 &<< (bit & 63)
      offset &+= 8
    }
  }

  private func isMoved(_ page: UnsafeRawBufferPointer) -> Bool {
    guard let start = page.baseAddress else { return false }
    var index = 0
    var tellingCount = 0
    var foundCount = 0
    for _ in 0..<Self.sampleCount {
      index = (index &+ sampleStride) & (wordCount - 1)
      // The last word has no neighbouring offsets.
      let offset = min(index, wordCount - 2) &* 8
      let word = start.loadUnaligned(fromByteOffset: offset, as: UInt64.self)
      // Free space and padding are everywhere.
      if word == word &>> 8 | word &<< 56 { continue }
      tellingCount += 1
      var found: UInt64 = 0
      for neighbour in offset..<offset &+ 8 {
        let bit = filterBit(start.loadUnaligned(fromByteOffset: neighbour, as: UInt64.self))
        found |= filter[Int(truncatingIfNeeded: bit &>> 6)] &>> (bit & 63)
      }
      foundCount += Int(found & 1)
    }
    return tellingCount > 0
      && foundCount * Self.movedShare.of >= tellingCount * Self.movedShare.found
  }

  /// A word's place in the filter: the high bits of its product with 2^64 / 1.618 (Knuth 1973).
  private func filterBit(_ word: UInt64) -> UInt64 {
    (word &* 0x9E37_79B9_7F4A_7C15) &>> shift
  }

  /// How many 8-byte words of two pages are equal at the same offset.
  ///
  /// - Precondition: the buffers have one byte count, a multiple of 64.
  package static func equalWordCount(
    _ first: UnsafeRawBufferPointer, _ second: UnsafeRawBufferPointer
  ) -> Int {
    precondition(first.count == second.count && first.count.isMultiple(of: 64))
    guard let a = first.baseAddress, let b = second.baseAddress else { return 0 }
    let end = first.count
    // A word that differs adds -1 to its lane: one subtraction and no branch for eight words.
    var differences = SIMD8<Int64>()
    var offset = 0
    while offset < end {
      let x = a.loadUnaligned(fromByteOffset: offset, as: SIMD8<UInt64>.self)
      let y = b.loadUnaligned(fromByteOffset: offset, as: SIMD8<UInt64>.self)
      differences.replace(with: differences &- 1, where: x .!= y)
      offset &+= 64
    }
    return end / 8 + Int(differences.wrappedSum())
  }
}
