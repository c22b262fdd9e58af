/// Pages as databases write them: a header, text that repeats, numbers that do not, free space.
public enum SamplePages {
  private static let words = [
    "account", "balance", "branch", "customer", "delivered", "order", "pending", "street",
  ]

  /// A page that zstd makes about a third as long.
  public static func heap(byteCount: Int = 8192, _ random: inout SplitMix64) -> [UInt8] {
    var page = [UInt8](repeating: 0, count: byteCount)
    var end = byteCount
    let used = byteCount * 9 / 10
    while end > byteCount - used {
      var row = random.bytes(8)
      for _ in 0..<4 {
        row += Array(words[random.below(words.count)].utf8) + [0x20]
        row += Array(String(random.below(100_000)).utf8)
      }
      row += Array(String(random.next(), radix: 16).utf8)
      let start = end - row.count
      guard start >= byteCount - used else { break }
      page.replaceSubrange(start..<end, with: row)
      end = start
    }
    page.replaceSubrange(0..<16, with: random.bytes(16))
    return page
  }

  /// `page` after a few rows and its header changed.
  public static func updated(_ page: [UInt8], _ random: inout SplitMix64) -> [UInt8] {
    var page = page
    page.replaceSubrange(0..<8, with: random.bytes(8))
    for _ in 0..<3 {
      let at = 16 + random.below(page.count - 40)
      page.replaceSubrange(at..<at + 8, with: random.bytes(8))
    }
    return page
  }

  /// `page` after rows in its middle went, and those before them, which lie behind the free space,
  /// moved up.
  public static func compacted(_ page: [UInt8], _ random: inout SplitMix64) -> [UInt8] {
    let free = page.count / 10
    let gone = page.count / 2
    let byteCount = 64 + random.below(page.count / 16)
    return random.bytes(8) + page[8..<free] + [UInt8](repeating: 0, count: byteCount)
      + page[free..<gone] + page[(gone + byteCount)...]
  }
}
