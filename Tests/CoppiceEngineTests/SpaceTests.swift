import CoppiceEngine
import CoppiceFormat
import TestSupport
import Testing

/// Who holds which bytes, and what deleting gives back.
@Suite struct SpaceTests {
  private static let page = 4096

  private static var full: CollectionOptions {
    var options = CollectionOptions()
    options.isFull = true
    return options
  }

  private func expectToAddUp(_ report: SpaceReport) {
    #expect(
      report.storedByteCount
        == report.exclusiveByteCount + report.sharedByteCount + report.deadByteCount
        + report.metadataByteCount)
  }

  @Test(arguments: 1...12 as ClosedRange<UInt64>)
  func `what deleting a set frees is exactly what the next full collection finds dead`(
    seed: UInt64
  ) throws {
    let store = try TestStore()
    var history = RandomHistory(seed: seed)
    try history.run(store, stepCount: 120)
    try store.engine.sealer.sealAll()
    _ = try store.engine.collector.collectGarbage(Self.full)
    let entries = store.engine.branches.entries()
    let doomed = entries.filter { ($0.id.rawValue + seed) % 3 != 0 }
    let before = try store.engine.accounts.storeUsage()
    #expect(before.garbageByteCount == 0)
    let freed = try store.engine.accounts.spaceFreed(byForgetting: Set(doomed.map(\.id)))
    try store.engine.branches.delete(doomed.compactMap { store.engine.branches.with($0.id) })
    let report = try store.engine.collector.collectGarbage(Self.full)
    #expect(UInt64(report.deadByteCount) == freed.byteCount)
    #expect(report.leftByteCount == 0)
    let after = try store.engine.accounts.storeUsage()
    #expect(before.liveByteCount - after.liveByteCount == freed.byteCount)
    let change = Double(before.storedByteCount) - Double(after.storedByteCount)
    #expect(abs(change - Double(freed.byteCount)) <= 0.02 * Double(before.storedByteCount))
  }

  /// Nodes that are looked at to tell what one of several small branches of a large one frees.
  private func lookCount(basePageCount: Int) throws -> Int {
    let store = try TestStore()
    var generator = SplitMix64(seed: 1)
    let main = try store.engine.branches.create(named: "main")
    var base = generator.bytes(basePageCount * Self.page)
    for start in stride(from: 0, to: base.count, by: 8 << 20) {
      try main.put(1, at: UInt64(start), Array(base[start..<min(start + 8 << 20, base.count)]))
      try store.engine.sealer.sealAll()
    }
    let fork = try store.engine.branches.fork(main, named: "fork", isReadOnly: false)
    for index in 0..<8 {
      let branch = try store.engine.branches.fork(main, named: "b\(index)", isReadOnly: false)
      for page in stride(from: index, to: basePageCount, by: 300) {
        base[page * Self.page] &+= 1
        let bytes = Array(base[(page * Self.page)..<((page + 1) * Self.page)])
        if page < 1500 { try branch.put(1, at: UInt64(page * Self.page), bytes) }
      }
      try branch.put(2, generator.bytes(3 * Self.page))
    }
    try store.engine.sealer.sealAll()
    func looks() -> Int {
      let cache = store.engine.accounts.statistics.nodeCache
      return cache.hitCount + cache.missCount
    }
    let garbage = try store.engine.accounts.storeUsage().garbageByteCount
    let before = looks()
    let doomed = try ["b2", "b5"].map { try store.engine.branches.named($0) }
    let freed = try store.engine.accounts.spaceFreed(byForgetting: Set(doomed.map(\.id)))
    let count = looks() - before
    #expect(freed.pageCount == 2 * (5 + 3))
    #expect(try store.engine.accounts.spaceFreed(byForgetting: [fork.id]).byteCount == 0)
    try store.engine.branches.delete(doomed)
    let report = try store.engine.collector.collectGarbage(Self.full)
    #expect(UInt64(report.deadByteCount) == garbage + freed.byteCount)
    return count
  }

  @Test func `what small branches free is told without a walk of what they share`() throws {
    let few = try lookCount(basePageCount: 1_500)
    let many = try lookCount(basePageCount: 9_000)
    #expect(few == many)
    #expect(many < 200)
  }

  @Test(arguments: [7, 8, 9] as [UInt64])
  func `the parts of a space report add up and agree with usage`(seed: UInt64) throws {
    let store = try TestStore()
    var history = RandomHistory(seed: seed)
    try history.run(store, stepCount: 100)
    try store.engine.sealer.sealAll()
    let report = try store.engine.accounts.spaceReport()
    expectToAddUp(report)
    let usage = try store.engine.accounts.storeUsage()
    #expect(report.storedByteCount == usage.storedByteCount)
    #expect(report.exclusiveByteCount + report.sharedByteCount == usage.liveByteCount)
    #expect(report.deadByteCount == usage.garbageByteCount)
    #expect(report.time == store.clock.wallNanoseconds())
  }

  @Test func `every byte has the holder that it should have`() throws {
    let store = try TestStore()
    var generator = SplitMix64(seed: 1)
    let main = try store.engine.branches.create(named: "main")
    try main.put(1, generator.bytes(100 * Self.page))
    try store.engine.sealer.sealAll()
    _ = try store.engine.branches.fork(main, named: "main@before", isReadOnly: true)
    try main.put(1, generator.bytes(40 * Self.page))
    try store.engine.sealer.sealAll()
    let gone = try store.engine.branches.create(named: "gone")
    try gone.put(2, generator.bytes(30 * Self.page))
    try store.engine.sealer.sealAll()
    try store.engine.branches.delete([gone])
    let pages = { (part: UInt64) in Int(part) / Self.page }
    var report = try store.engine.accounts.spaceReport()
    expectToAddUp(report)
    var held = Dictionary(uniqueKeysWithValues: report.exclusive.map { ($0.holder, $0.byteCount) })
    #expect(pages(held[.branch(name: "main")] ?? 0) == 40)
    #expect(pages(held[.snapshot(name: "main@before")] ?? 0) == 40)
    #expect(pages(held[.deleted(name: "gone")] ?? 0) == 30)
    #expect(pages(report.sharedByteCount) == 60)
    // A reader keeps what its branch loses.
    let view = try main.pinnedView()
    try main.put(1, generator.bytes(40 * Self.page))
    try store.engine.sealer.sealAll()
    _ = try store.engine.collector.collectGarbage(CollectionOptions())
    report = try store.engine.accounts.spaceReport()
    expectToAddUp(report)
    held = Dictionary(uniqueKeysWithValues: report.exclusive.map { ($0.holder, $0.byteCount) })
    #expect(pages(held[.reader] ?? 0) == 40)
    #expect(held[.deleted(name: "gone")] == nil)
    withExtendedLifetime(view) {}
  }

  @Test func `little that is dead is held by its segment`() throws {
    let store = try TestStore()
    var generator = SplitMix64(seed: 2)
    let main = try store.engine.branches.create(named: "main")
    try main.put(1, generator.bytes(100 * Self.page))
    let trial = try store.engine.branches.create(named: "trial")
    try trial.put(1, generator.bytes(5 * Self.page))
    try store.engine.sealer.sealAll()
    try store.engine.branches.delete([trial])
    _ = try store.engine.collector.collectGarbage(CollectionOptions())
    let report = try store.engine.accounts.spaceReport()
    expectToAddUp(report)
    guard case .segment = try #require(report.dead.first).holder else {
      Issue.record("held by \(report.dead)")
      return
    }
    #expect(report.deadByteCount >= 5 * UInt64(Self.page))
  }

  @Test func `bases that only differences need are told`() throws {
    let store = try TestStore()
    var generator = SplitMix64(seed: 3)
    let main = try store.engine.branches.create(named: "main")
    var bytes = generator.bytes(50 * Self.page)
    try main.put(1, bytes)
    try store.engine.sealer.sealAll()
    for page in 0..<50 { bytes[page * Self.page] ^= 1 }
    try main.put(1, bytes)
    try store.engine.sealer.sealAll()
    let report = try store.engine.accounts.spaceReport()
    #expect(report.baseByteCount >= 50 * UInt64(Self.page))
    #expect(report.deadByteCount < 50 * UInt64(Self.page))
  }

  // MARK: Proofs

  @Test func `the proof of a deletion names the collection and finds nothing left`() throws {
    let store = try TestStore()
    var generator = SplitMix64(seed: 4)
    let main = try store.engine.branches.create(named: "main")
    var bytes = generator.bytes(100 * Self.page)
    try main.put(1, bytes)
    try store.engine.sealer.sealAll()
    let trial = try store.engine.branches.fork(main, named: "trial", isReadOnly: false)
    try trial.put(1, generator.bytes(20 * Self.page))
    bytes = generator.bytes(10 * Self.page)
    try trial.put(2, bytes)
    try store.engine.sealer.sealAll()
    for page in 0..<10 { bytes[page * Self.page] ^= 1 }
    try trial.put(2, bytes)
    try store.engine.sealer.sealAll()
    #expect(throws: StoreError.self) { try store.engine.accounts.reclaimProof(ofDeleted: "trial") }
    try store.engine.branches.delete([trial])
    let early = try store.engine.accounts.reclaimProof(ofDeleted: "trial")
    #expect(!early.isReclaimed)
    #expect(early.cycleNumber == nil)
    // Ten differences, and the ten pages they build on.
    #expect(early.uniquePageCount == 40)
    #expect(early.heldByteCount == early.uniqueByteCount)
    _ = try store.engine.collector.collectGarbage(Self.full)
    try store.reopen()
    let proof = try store.engine.accounts.reclaimProof(ofDeleted: "trial")
    #expect(proof.isReclaimed)
    #expect(proof.cycleNumber == 1)
    #expect(proof.uniquePageCount == 40)
    #expect(proof.uniqueByteCount == early.uniqueByteCount)
    #expect(proof.reclaimedByteCount == proof.uniqueByteCount)
    #expect(throws: StoreError.self) { try store.engine.accounts.reclaimProof(ofDeleted: "nobody") }
  }

  @Test func `the proof says what still holds the rest`() throws {
    let store = try TestStore()
    var generator = SplitMix64(seed: 5)
    let main = try store.engine.branches.create(named: "main")
    try main.put(1, generator.bytes(200 * Self.page))
    let trial = try store.engine.branches.create(named: "trial")
    let bytes = generator.bytes(10 * Self.page)
    try trial.put(1, bytes)
    try store.engine.sealer.sealAll()
    try store.engine.branches.delete([trial])
    // The segment is mostly live.
    _ = try store.engine.collector.collectGarbage(CollectionOptions())
    var proof = try store.engine.accounts.reclaimProof(ofDeleted: "trial")
    #expect(!proof.isReclaimed)
    #expect(proof.held.contains { $0.holder != .journal })
    #expect(proof.held.contains { $0.holder == .journal })
    #expect(try store.engine.collector.eraseJournal() == 0)
    proof = try store.engine.accounts.reclaimProof(ofDeleted: "trial")
    guard case .segment = try #require(proof.held.first).holder else {
      Issue.record("held by \(proof.held)")
      return
    }
    // Equal pages, found by hash, are used again.
    try main.put(9, bytes)
    try store.engine.sealer.sealAll()
    proof = try store.engine.accounts.reclaimProof(ofDeleted: "trial")
    #expect(proof.held.contains { $0.holder == .branch(name: "main") })
    _ = try store.engine.collector.collectGarbage(Self.full)
    #expect(try store.engine.collector.eraseJournal() == 0)
    proof = try store.engine.accounts.reclaimProof(ofDeleted: "trial")
    #expect(proof.held.map(\.holder) == [.branch(name: "main")])
    #expect(Int(proof.heldByteCount) == 10 * Self.page)
  }

  // MARK: Growth

  @Test func `growth is told by how pages were stored`() throws {
    let store = try TestStore()
    var generator = SplitMix64(seed: 6)
    let main = try store.engine.branches.create(named: "main")
    var bytes = generator.bytes(50 * Self.page)
    try main.put(1, bytes)
    try store.engine.sealer.sealAll()
    store.clock.advance(byNanoseconds: 1_000_000_000)
    for page in 0..<20 { bytes[page * Self.page] ^= 1 }
    try main.put(1, Array(bytes[..<(20 * Self.page)]))
    try main.put(2, Array(bytes[(30 * Self.page)...]))
    try store.engine.sealer.sealAll()
    try store.reopen()
    let samples = store.engine.accounts.growth(of: main.id)
    #expect(samples.map(\.newPageCount) == [50, 50])
    #expect(samples.map(\.deltaPageCount) == [0, 20])
    #expect(samples.map(\.duplicatePageCount) == [0, 20])
    #expect(samples[0].time < samples[1].time)
    #expect(samples[1].storedByteCount > samples[0].storedByteCount)
    let usage = try #require(try store.engine.accounts.usage(of: [main.id]).first)
    #expect(samples[1].storedByteCount >= usage.referencedByteCount)
  }

  @Test func `the history of many seals stays short and keeps its ends`() throws {
    let store = try TestStore()
    let main = try store.engine.branches.create(named: "main")
    for round in 0..<400 {
      store.clock.advance(byNanoseconds: 1_000_000)
      try main.put(1, [UInt8(round & 0xFF), UInt8(round >> 8)])
      try store.engine.sealer.sealAll()
    }
    let samples = store.engine.accounts.growth(of: main.id)
    #expect(samples.count <= 128 && samples.count > 32)
    #expect(zip(samples, samples.dropFirst()).allSatisfy { $0.time < $1.time })
    #expect(samples.last?.time == store.clock.wallNanoseconds())
  }
}
