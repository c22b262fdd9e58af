import CoppiceEngine
import CoppiceFormat
import TestSupport
import Testing

/// How pages are stored that replace others.
@Suite struct PageSealingTests {
  private static let page = 4096

  /// What sealing `new` stored where `old` was sealed before. Both are there afterwards.
  private func counts(_ old: [[UInt8]], _ new: [[UInt8]]) throws -> SealCounts {
    let store = try TestStore()
    let main = try store.engine.branches.create(named: "main")
    try main.put(1, Array(old.joined()))
    try store.engine.sealer.sealAll()
    _ = try store.engine.branches.fork(main, named: "old", isReadOnly: false)
    let before = store.engine.accounts.statistics.seals
    try main.put(1, Array(new.joined()))
    try store.engine.sealer.sealAll()
    var counts = store.engine.accounts.statistics.seals
    counts.deltaCount -= before.deltaCount
    counts.deltaByteCount -= before.deltaByteCount
    counts.fullCount -= before.fullCount
    try store.crash(seed: 1)
    #expect(try store.engine.branches.named("main").all(1) == Array(new.joined()))
    #expect(try store.engine.branches.named("old").all(1) == Array(old.joined()))
    return counts
  }

  private func heaps(_ count: Int, seed: UInt64) -> [[UInt8]] {
    var random = SplitMix64(seed: seed)
    return (0..<count).map { _ in SamplePages.heap(byteCount: Self.page, &random) }
  }

  private func compacted(_ pages: some Sequence<[UInt8]>) -> [[UInt8]] {
    var random = SplitMix64(seed: 3)
    return pages.map { SamplePages.compacted($0, &random) }
  }

  @Test func `pages whose rows moved are stored as differences`() throws {
    let old = heaps(256, seed: 1)
    let counts = try counts(old, compacted(old))
    #expect(counts.deltaCount == 256 && counts.fullCount == 0)
    #expect(counts.deltaByteCount / 256 < 64 + Locator.byteCount)
  }

  @Test func `pages that have nothing of the old ones are stored in full`() throws {
    let counts = try counts(heaps(256, seed: 1), heaps(256, seed: 2))
    #expect(counts.deltaCount == 0 && counts.fullCount == 256)
  }

  /// Pages 8 to 14 are not looked at, page 15 ends that.
  @Test func `after eight pages without a difference every eighth is looked at`() throws {
    let old = heaps(32, seed: 1)
    let counts = try counts(old, heaps(8, seed: 2) + compacted(old[8...]))
    #expect(counts.deltaCount == 17 && counts.fullCount == 15)
  }

  @Test func `a difference that was too large to be taken counts as none`() throws {
    var random = SplitMix64(seed: 4)
    let noise = (0..<8).map { _ in random.bytes(Self.page) }
    // More than a quarter is new, which no difference is taken of, and less than three eighths,
    // which one is made of.
    let changed = noise.map { random.bytes(1250) + $0[1000..<3846] }
    let old = noise + heaps(24, seed: 1)
    let counts = try counts(old, changed + compacted(old[8...]))
    #expect(counts.deltaCount == 17 && counts.fullCount == 15)
  }
}
