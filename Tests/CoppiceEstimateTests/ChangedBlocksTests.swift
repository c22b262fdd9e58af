import Coppice
import TestSupport
import Testing

/// Blocks that changed, against counting them byte by byte.
@Suite struct ChangedBlocksTests {
  private static let units = [4 << 10, 8 << 10, 64 << 10, 128 << 10]

  @Test func `each unit counts the blocks that have a changed byte`() {
    var random = SplitMix64(seed: 7)
    for _ in 0..<50 {
      let byteCount = Int(random.next() % (512 << 10)) + 1
      let old = [UInt8](repeating: 1, count: 512 << 10)
      var new = old
      for _ in 0..<random.next() % 9 { new[Int(random.next() % UInt64(byteCount))] ^= 1 }
      var blocks = ChangedBlocks()
      old.withUnsafeBytes { old in
        new.withUnsafeBytes { new in blocks.compare(old, new, byteCount: byteCount) }
      }
      for unit in Self.units {
        var expected = 0
        for start in stride(from: 0, to: byteCount, by: unit) {
          let end = min(start + unit, byteCount)
          if old[start..<end] != new[start..<end] { expected += end - start }
        }
        #expect(blocks.byteCount(ofUnit: unit) == UInt64(expected), "\(unit) of \(byteCount)")
      }
      var twice = blocks
      twice.add(blocks)
      #expect(twice.pageCount == 2 * blocks.pageCount)
    }
  }
}
