import CoppiceEngine
import CoppiceFormat
import CoppicePlatform
import TestSupport
import Testing

@Suite struct AutomaticCollectionTests {
  @Test(
    arguments: [
      (.seconds(3600), 3_600_000_000_000), (.seconds(10_000_000_000), .max),
      (.seconds(Int64.max), .max), (.seconds(-5), 0), (.nanoseconds(7), 7),
    ] as [(Duration, Int64)])
  func `no restore window is too long`(window: Duration, nanoseconds: Int64) throws {
    var options = EngineOptions.small
    options.collection.setRestoreWindow(window)
    #expect(options.collection.restoreWindow == nanoseconds)
    let store = try TestStore(options: options)
    let main = try store.engine.branches.create(named: "main")
    try store.engine.branches.delete([main])
    store.clock.advance(byNanoseconds: 8)
    #expect(try store.engine.collector.collectAutomatically() == nil)
    var collection = CollectionOptions()
    collection.forgetting = .overdue
    collection.restoreWindow = nanoseconds
    let isShort = nanoseconds < 10
    #expect(
      try store.engine.collector.collectGarbage(collection).forgottenBranchCount
        == (isShort ? 1 : 0))
  }

  private static let page = 4096

  private func makeStore(_ change: (inout EngineOptions) -> Void = { _ in }) throws -> TestStore {
    var options = EngineOptions.small
    options.collection.deadByteCountMin = 200 * UInt64(Self.page)
    change(&options)
    return try TestStore(options: options)
  }

  @Test func `nothing is collected as long as little is dead`() throws {
    let store = try makeStore()
    var generator = SplitMix64(seed: 1)
    let main = try store.engine.branches.create(named: "main")
    try main.put(1, generator.bytes(300 * Self.page))
    try store.engine.sealer.sealAll()
    #expect(try store.engine.collector.collectAutomatically() == nil)
    try main.put(1, generator.bytes(100 * Self.page))
    try store.engine.sealer.sealAll()
    #expect(try store.engine.collector.collectAutomatically() == nil)
  }

  @Test func `pages that were replaced ask for a collection, and only once`() throws {
    let store = try makeStore()
    var generator = SplitMix64(seed: 2)
    let main = try store.engine.branches.create(named: "main")
    var bytes: [UInt8] = []
    for _ in 0..<3 {
      bytes = generator.bytes(250 * Self.page)
      try main.put(1, bytes)
      try store.engine.sealer.sealAll()
    }
    let report = try #require(try store.engine.collector.collectAutomatically())
    #expect(report.isYoung)
    #expect(report.reclaimedByteCount > 450 * Self.page)
    #expect(try store.engine.collector.collectAutomatically() == nil)
    #expect(try main.all(1) == bytes)
  }

  @Test func `a fifth of a small store is enough, however few bytes that is`() throws {
    let store = try TestStore()
    var generator = SplitMix64(seed: 8)
    let main = try store.engine.branches.create(named: "main")
    for part in 0..<8 {
      try main.put(1, at: UInt64(part << 21), generator.bytes(2 << 20))
      try store.engine.sealer.sealAll()
    }
    try main.put(1, generator.bytes(2 << 20))
    try store.engine.sealer.sealAll()
    #expect(try store.engine.collector.collectAutomatically() == nil)
    for part in 0..<2 {
      try main.put(1, at: UInt64(part << 21), generator.bytes(2 << 20))
      try store.engine.sealer.sealAll()
    }
    let report = try #require(try store.engine.collector.collectAutomatically())
    #expect(report.deadByteCount > 4 << 20)
    #expect(try store.engine.accounts.storeUsage().garbageByteCount < 4 << 20)
  }

  @Test func `old segments that are mostly replaced ask for a collection of all`() throws {
    let store = try makeStore()
    var generator = SplitMix64(seed: 3)
    let main = try store.engine.branches.create(named: "main")
    try main.put(1, generator.bytes(600 * Self.page))
    try store.engine.sealer.sealAll()
    _ = try store.engine.collector.collectGarbage(CollectionOptions())
    try main.put(1, generator.bytes(500 * Self.page))
    try store.engine.sealer.sealAll()
    let report = try #require(try store.engine.collector.collectAutomatically())
    #expect(!report.isYoung)
    #expect(report.reclaimedSegmentCount == 1)
  }

  @Test func `a deleted branch is forgotten once its window has passed`() throws {
    let store = try makeStore()
    var generator = SplitMix64(seed: 4)
    let main = try store.engine.branches.create(named: "main")
    try main.put(1, generator.bytes(300 * Self.page))
    try store.engine.sealer.sealAll()
    try store.engine.branches.delete([main])
    #expect(try store.engine.collector.collectAutomatically() == nil)
    store.clock.advance(byNanoseconds: 3_599_000_000_000)
    #expect(try store.engine.collector.collectAutomatically() == nil)
    store.clock.advance(byNanoseconds: 2_000_000_000)
    let report = try #require(try store.engine.collector.collectAutomatically())
    #expect(report.forgottenBranchCount == 1)
    #expect(try store.engine.accounts.storeUsage().storedByteCount < 10_000)
  }

  @Test func `lack of space collects everything, also what could be restored`() throws {
    let store = try makeStore { $0.collection.freeByteCountMin = 4 << 20 }
    var generator = SplitMix64(seed: 5)
    let main = try store.engine.branches.create(named: "main")
    try main.put(1, generator.bytes(300 * Self.page))
    try store.engine.sealer.sealAll()
    try store.engine.branches.delete([main])
    store.disk.capacity = store.disk.usedByteCount + 3 << 20
    let report = try #require(try store.engine.collector.collectAutomatically())
    #expect(report.forgottenBranchCount == 1)
    #expect(report.reclaimedSegmentCount == 1)
    store.disk.capacity = store.disk.usedByteCount + 3 << 20
    #expect(try store.engine.collector.collectAutomatically() == nil)
  }

  @Test func `the store's own thread collects`() throws {
    let disk = SimulatedDisk(seed: 1)
    let clock = SystemClock()
    var options = EngineOptions.small
    options.usesThreads = true
    options.collection.deadByteCountMin = 100 * UInt64(Self.page)
    var generator = SplitMix64(seed: 6)
    try Engine.create(disk: disk, clock: clock, options: options) { generator.bytes($0) }
    let engine = try Engine.open(disk: disk, clock: clock, options: options)
    let main = try engine.branches.create(named: "main")
    var bytes: [UInt8] = []
    // Ends when the thread has collected: nothing else counts collections.
    var round = 0
    while engine.accounts.collectionState.cycleNumber == 0, round < 10_000 {
      bytes = generator.bytes(200 * Self.page)
      try main.put(1, bytes)
      try engine.sealer.sealAll()
      round += 1
    }
    #expect(engine.accounts.collectionState.cycleNumber > 0)
    try engine.close()
    let again = try Engine.open(disk: disk, clock: clock, options: options)
    #expect(try again.branches.named("main").all(1) == bytes)
    try again.close()
  }

  @Test func `collecting can be switched off`() throws {
    let disk = SimulatedDisk(seed: 1)
    var options = EngineOptions.small
    options.usesThreads = true
    options.collection.isEnabled = false
    var generator = SplitMix64(seed: 7)
    try Engine.create(disk: disk, clock: SystemClock(), options: options) { generator.bytes($0) }
    let engine = try Engine.open(disk: disk, clock: SystemClock(), options: options)
    #expect(!engine.accounts.collectionState.isAutomatic)
    try engine.close()
  }
}
