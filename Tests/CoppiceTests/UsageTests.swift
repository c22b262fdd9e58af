import Coppice
import CoppiceEngine
import TestSupport
import Testing

@Suite struct UsageTests {
  let fixture: StoreFixture
  var store: Store { fixture.store }

  init() throws { fixture = try StoreFixture() }

  @Test func `what only one branch refers to is exclusive, the rest is shared`() throws {
    var random = SplitMix64(seed: 3)
    let main = try store.createBranch("main")
    let file = try main.writeFile("file", random.bytes(100 * 4096))
    try store.engine.sealer.sealAll()
    let alone = try #require(try store.usage(["main"]).first)
    #expect(alone.logicalByteCount == 100 * 4096 && alone.fileCount == 1)
    #expect(alone.exclusiveByteCount > 100 * 4096 && alone.sharedByteCount == 0)

    let fork = try store.createBranch("fork", from: "main")
    #expect(try store.usage(["fork"]).first?.exclusiveByteCount == 0)
    try fork.write(file, at: 0, random.bytes(10 * 4096))
    try store.engine.sealer.sealAll()
    let usage = try store.usage()
    #expect(usage.map(\.name) == ["fork", "main"])
    #expect(usage[0].sharedByteCount > 90 * 4096 && usage[0].exclusiveByteCount > 10 * 4096)
    #expect(usage[0].exclusiveByteCount < 13 * 4096)
    // The fork's leaf is stored as overrides on main's: of what it overrides it keeps nothing.
    #expect(usage[1].sharedByteCount > 90 * 4096 && usage[1].exclusiveByteCount >= 10 * 4096)
    #expect(usage[1].exclusiveByteCount < 13 * 4096)
    #expect(try store.spaceFreed(deleting: ["main"]).freedByteCount == usage[1].exclusiveByteCount)
    let both = try store.spaceFreed(deleting: ["main", "fork"]).freedByteCount
    let exclusive = usage[0].exclusiveByteCount + usage[1].exclusiveByteCount
    #expect(both == exclusive + usage[1].sharedByteCount)
    try store.delete(["fork"])
    // It can be restored, and so keeps what it refers to.
    let kept = try store.usage(["main"])[0]
    #expect(kept == usage[1])
    let freed = try store.spaceFreed(deleting: ["main"])
    #expect(freed.freedByteCount == kept.exclusiveByteCount)
    #expect(freed.sharedByteCount == kept.sharedByteCount)
    #expect(freed.sharers.map(\.name) == ["fork"])
    #expect(freed.sharers.map(\.holder) == [.deleted])
    _ = try store.collectGarbage()
    #expect(try store.usage(["main"])[0].sharedByteCount == 0)
    #expect(try store.spaceFreed(deleting: ["main"]).sharers == [])
  }

  @Test func `bytes that are not sealed are told apart from what is stored`() throws {
    let main = try store.createBranch("main")
    try main.writeFile("file", [UInt8](repeating: 3, count: 10 * 4096))
    let usage = try store.spaceUsage()
    #expect(usage.unsealedByteCount >= 10 * 4096)
    try store.engine.sealer.sealAll()
    #expect(try store.spaceUsage().unsealedByteCount == 0)
  }

  @Test func `the base of a page counts for whoever has the page`() throws {
    var random = SplitMix64(seed: 3)
    let main = try store.createBranch("main")
    let file = try main.writeFile("file", random.bytes(50 * 4096))
    try store.engine.sealer.sealAll()
    try store.createBranch("fork", from: "main")
    let fork = try store.branch("fork")
    for page in 0..<50 as Range<UInt64> { try fork.write(file, at: page * 4096, [1]) }
    try store.engine.sealer.sealAll()
    let usage = try store.usage(["fork"])[0]
    #expect(usage.exclusiveByteCount < 20 * 4096)
    #expect(usage.sharedByteCount >= 50 * 4096)
    // Deleting the base's own branch frees next to nothing.
    #expect(try store.spaceFreed(deleting: ["main"]).freedByteCount < 3 * 4096)
  }

  @Test func `a file that was removed is gone from every count, and its space comes back`() throws {
    var random = SplitMix64(seed: 5)
    let main = try store.createBranch("main")
    _ = try main.writeFile("big", random.bytes(600 * 4096))
    for number in 0..<20 {
      _ = try main.writeFile(BranchPath("small \(number)"), random.bytes(4096))
    }
    try store.engine.sealer.sealAll()
    let most: UInt64 = 60 * 4096
    try main.remove("big", in: .root)
    try store.engine.sealer.sealAll()
    let fork = try store.createBranch("fork", from: "main")
    #expect(try store.usage(["main"])[0].sharedByteCount < most)
    _ = try store.collectGarbage(isFull: true)
    let statistics = try store.statistics()
    #expect(statistics.storedByteCount < most && statistics.uniqueByteCount < most)
    #expect(statistics.garbageByteCount == 0)
    try store.delete(["main"])
    _ = try store.collectGarbage(isFull: true)
    #expect(try store.usage(["fork"])[0].exclusiveByteCount < most)
    #expect(try fork.lookupIfPresent("small 7", in: .root) != nil)
  }

  @Test func `many branches are counted in groups`() throws {
    var random = SplitMix64(seed: 4)
    let base = try store.createBranch("base")
    let file = try base.writeFile("file", random.bytes(20 * 4096))
    for number in 0..<20 {
      let branch = try store.createBranch("b\(number)", from: "base")
      try branch.write(file, at: UInt64(number) * 4096, random.bytes(4096))
    }
    try store.engine.sealer.sealAll()
    for usage in try store.usage() {
      #expect(usage.logicalByteCount == 20 * 4096)
      let expected = usage.name == "base" ? 0..<3000 : 4096..<8000
      #expect(expected.contains(Int(usage.exclusiveByteCount)))
    }
  }
}
