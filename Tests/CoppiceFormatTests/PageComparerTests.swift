import CoppiceFormat
import TestSupport
import Testing

struct PageComparerTests {
  private static func resemblance(_ page: [UInt8], to base: [UInt8]) -> Resemblance? {
    let comparer = PageComparer(pageByteCount: page.count)
    return page.withUnsafeBytes { page in
      base.withUnsafeBytes { comparer.resemblance(of: page, to: $0) }
    }
  }

  @Test(arguments: [4096, 8192, 16384, 32768, 65536])
  func `updated, compacted and unrelated pages of every size are told apart`(
    byteCount: Int
  ) {
    var random = SplitMix64(seed: 1)
    var strangerCount = 0
    for _ in 0..<20 {
      let base = SamplePages.heap(byteCount: byteCount, &random)
      // Of the same few words.
      let other = SamplePages.heap(byteCount: byteCount, &random)
      if Self.resemblance(other, to: base) == nil { strangerCount += 1 }
      #expect(Self.resemblance(SamplePages.updated(base, &random), to: base) == .inPlace)
      #expect(Self.resemblance(SamplePages.compacted(base, &random), to: base) == .moved)
      #expect(Self.resemblance(random.bytes(byteCount), to: base) == nil)
    }
    #expect(strangerCount > 10)
  }

  @Test(arguments: [1, 3, 8, 9, 24, 500, 6000])
  func `content that moved by any number of bytes is found`(distance: Int) {
    var random = SplitMix64(seed: 2)
    for base in [random.bytes(8192), SamplePages.heap(&random)] {
      let page = random.bytes(distance) + base.dropLast(distance)
      let isFound = Self.resemblance(page, to: base) == .moved
      #expect(isFound == (distance < 6000))
    }
  }

  @Test func `free space tells nothing`() {
    var random = SplitMix64(seed: 3)
    func sparse() -> [UInt8] {
      random.bytes(64) + [UInt8](repeating: 0, count: 6000) + random.bytes(2128)
    }
    #expect(Self.resemblance(sparse(), to: sparse()) == nil)
    let blank = [UInt8](repeating: 0x20, count: 8192)
    #expect(Self.resemblance(blank, to: sparse()) == nil)
    #expect(Self.resemblance(sparse(), to: blank) == nil)
    #expect(Self.resemblance(blank, to: blank) == .inPlace)
  }

  @Test func `a page is in its place as long as a sixteenth of the words differ at most`() {
    var random = SplitMix64(seed: 4)
    let base = random.bytes(8192)
    var page = base
    for word in 0..<64 { page[word * 128] ^= 1 }
    #expect(Self.resemblance(page, to: base) == .inPlace)
    page[8] ^= 1
    #expect(Self.resemblance(page, to: base) == .moved)
  }

  /// A filter that is left over would find them.
  @Test func `a comparer keeps nothing of the pages before`() {
    var random = SplitMix64(seed: 5)
    let comparer = PageComparer(pageByteCount: 8192)
    let pages = (0..<20).map { _ in random.bytes(8192) }
    for (page, base) in zip(pages, pages.dropFirst()) {
      let found = page.withUnsafeBytes { page in
        base.withUnsafeBytes { comparer.resemblance(of: page, to: $0) }
      }
      #expect(found == nil)
    }
  }

  @Test func `equal words are counted at the same offset`() {
    var random = SplitMix64(seed: 8)
    let page = random.bytes(8192)
    var changed = page
    #expect(Self.equalWordCount(page, page) == 1024)
    for index in [0, 7, 8, 4095, 8191] { changed[index] ^= 1 }
    #expect(Self.equalWordCount(page, changed) == 1024 - 4)
    #expect(Self.equalWordCount(page, random.bytes(8192)) == 0)
    #expect(Self.equalWordCount(page, Array(page.dropFirst(8)) + random.bytes(8)) == 0)
    #expect(Self.equalWordCount([], []) == 0)
  }

  private static func equalWordCount(_ first: [UInt8], _ second: [UInt8]) -> Int {
    first.withUnsafeBytes { first in
      second.withUnsafeBytes { PageComparer.equalWordCount(first, $0) }
    }
  }
}
