internal import Glibc

/// Whether both are the same bytes; elementwise comparison is slow without optimization.
func areEqual(_ one: [UInt8], _ other: [UInt8]) -> Bool {
  one.count == other.count
    && one.withUnsafeBytes { a in
      other.withUnsafeBytes { b in
        guard let a = a.baseAddress, let b = b.baseAddress else { return true }
        return memcmp(a, b, one.count) == 0
      }
    }
}

/// What a volume should hold: the simplest thing that can be right.
struct ModelVolume: Equatable {
  static let pageByteCount = 4096
  static let zeroPage = [UInt8](repeating: 0, count: pageByteCount)

  private(set) var byteCount: UInt64 = 0
  var modified: Int64 = 0
  /// Pages that are not all zero. Bytes past the byte count are zero.
  private(set) var pages: [UInt64: [UInt8]] = [:]

  mutating func write(_ bytes: [UInt8], at offset: UInt64) {
    guard !bytes.isEmpty else { return }
    byteCount = max(byteCount, offset + UInt64(bytes.count))
    var done = 0
    while done < bytes.count {
      let place = offset + UInt64(done)
      let start = Int(place % UInt64(Self.pageByteCount))
      let count = min(Self.pageByteCount - start, bytes.count - done)
      change(place / UInt64(Self.pageByteCount)) { page in
        page.replaceSubrange(start..<start + count, with: bytes[done..<done + count])
      }
      done += count
    }
  }

  /// Makes a range read as zero; never extends.
  mutating func hole(at offset: UInt64, byteCount count: UInt64) {
    zero(offset..<min(offset + count, max(byteCount, offset)))
  }

  mutating func resize(to newByteCount: UInt64) {
    if newByteCount < byteCount { zero(newByteCount..<byteCount) }
    byteCount = newByteCount
  }

  func page(_ number: UInt64) -> [UInt8] {
    pages[number] ?? Self.zeroPage
  }

  private mutating func zero(_ range: Range<UInt64>) {
    guard !range.isEmpty else { return }
    let size = UInt64(Self.pageByteCount)
    for number in pages.keys {
      let page = number * size..<(number + 1) * size
      guard page.overlaps(range) else { continue }
      let cut = page.clamped(to: range)
      let part = Int(cut.lowerBound - page.lowerBound)..<Int(cut.upperBound - page.lowerBound)
      change(number) { $0.replaceSubrange(part, with: repeatElement(0, count: part.count)) }
    }
  }

  private mutating func change(_ number: UInt64, _ body: (inout [UInt8]) -> Void) {
    var page = self.page(number)
    body(&page)
    pages[number] = areEqual(page, Self.zeroPage) ? nil : page
  }
}
