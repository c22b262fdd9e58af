import CoppiceEngine
import CoppiceFormat
import TestSupport
import Testing

/// What a node overrides in its base, nothing keeps: removed files come back, and all that counts,
/// proves or checks goes by the same rule.
@Suite struct EffectiveRefTests {
  private static let page = 4096

  private static var full: CollectionOptions {
    var options = CollectionOptions()
    options.isFull = true
    return options
  }

  /// A branch with a large file, number 2, and twenty small ones, sealed.
  private func prepare() throws -> (TestStore, EngineBranch, SplitMix64) {
    let store = try TestStore()
    var generator = SplitMix64(seed: 1)
    let main = try store.engine.branches.create(named: "main")
    for part in 0..<4 {
      try main.put(2, at: UInt64(part * 256 * Self.page), generator.bytes(256 * Self.page))
    }
    for volume in 10..<30 as Range<UInt64> { try main.put(volume, generator.bytes(5000)) }
    try store.engine.sealer.sealAll()
    return (store, main, generator)
  }

  private func drop(_ volume: UInt64, of branch: EngineBranch) throws {
    var transaction = Transaction(time: 2)
    transaction.drop(VolumeNumber(volume))
    _ = try branch.commit(transaction)
  }

  private func resize(_ volume: UInt64, of branch: EngineBranch, to byteCount: UInt64) throws {
    var transaction = Transaction(time: 2)
    transaction.resize(VolumeNumber(volume), to: byteCount)
    _ = try branch.commit(transaction)
  }

  /// All that is stored is needed, and every count says so.
  private func expectNothingElse(_ store: TestStore, below byteCountMax: Int) throws {
    var census = try FrameCensus(store.disk)
    let entries = store.engine.branches.entries()
    let needed = try census.needed(by: entries.map(\.root))
    #expect(needed == Set(census.frames.keys))
    let byteCount = census.byteCount(needed)
    #expect(byteCount < UInt64(byteCountMax))
    let usage = try store.engine.accounts.storeUsage()
    #expect(usage.liveByteCount == byteCount)
    #expect(usage.garbageByteCount == 0)
    let space = try store.engine.accounts.spaceReport()
    #expect(space.deadByteCount == 0)
    #expect(space.exclusiveByteCount + space.sharedByteCount == byteCount)
    #expect(try store.engine.checks.check().findings == [])
  }

  @Test func `a removed file comes back although a node builds on the one that had it`() throws {
    let (store, main, _) = try prepare()
    try drop(2, of: main)
    try store.engine.sealer.sealAll()
    let before = try store.engine.accounts.usage(of: [main.id])[0]
    #expect(before.exclusiveByteCount < 200_000)
    let report = try store.engine.collector.collectGarbage(Self.full)
    #expect(report.deadByteCount > 1024 * Self.page)
    try expectNothingElse(store, below: 200_000)
    #expect(try store.engine.accounts.usage(of: [main.id])[0] == before)
    #expect(try main.all(12)?.count == 5000)
  }

  @Test(arguments: [0, 5, 300 * 4096 + 7] as [UInt64])
  func `what a file was cut off by comes back`(byteCount: UInt64) throws {
    let (store, main, _) = try prepare()
    try resize(2, of: main, to: byteCount)
    try store.engine.sealer.sealAll()
    _ = try store.engine.collector.collectGarbage(Self.full)
    try expectNothingElse(store, below: 200_000 + Int(byteCount))
    #expect(try main.all(2)?.count == Int(byteCount))
  }

  @Test func `a fork does not inherit what its origin had removed`() throws {
    let (store, main, _) = try prepare()
    try drop(2, of: main)
    try store.engine.sealer.sealAll()
    let fork = try store.engine.branches.fork(main, named: "fork", isReadOnly: false)
    try fork.put(10, at: 3, [1, 2])
    _ = try store.engine.collector.deleteForGood([main])
    _ = try store.engine.collector.collectGarbage(Self.full)
    try expectNothingElse(store, below: 200_000)
    #expect(try fork.get(10, at: 3, 2) == [1, 2])
  }

  @Test func `files that are replaced night after night are stored once`() throws {
    let (store, main, generator) = try prepare()
    var random = generator
    try drop(2, of: main)
    for night in 0..<5 as Range<UInt64> {
      if night > 0 { try drop(100 + night - 1, of: main) }
      try main.put(100 + night, random.bytes(200 * Self.page))
      try store.engine.sealer.sealAll()
      var young = CollectionOptions()
      young.isYoung = true
      _ = try store.engine.collector.collectGarbage(night % 2 == 0 ? young : Self.full)
    }
    _ = try store.engine.collector.collectGarbage(Self.full)
    try expectNothingElse(store, below: 200 * Self.page + 300_000)
  }

  /// The branch's leaf is also what another's builds on: kept, and not all that it refers to.
  @Test func `a deletion proves what died below a node that stays as a base`() throws {
    let store = try TestStore()
    var generator = SplitMix64(seed: 2)
    let main = try store.engine.branches.create(named: "main")
    try main.put(1, generator.bytes(40 * Self.page))
    try store.engine.sealer.sealAll()
    let old = try store.engine.branches.fork(main, named: "old", isReadOnly: false)
    for number in [3, 17, 30] {
      try main.put(1, at: UInt64(number * Self.page), generator.bytes(Self.page))
    }
    try store.engine.sealer.sealAll()
    let freed = try store.engine.accounts.spaceFreed(byForgetting: [old.id])
    #expect(freed.pageCount == 3)
    var census = try FrameCensus(store.disk)
    let all = try census.needed(by: store.engine.branches.entries().map(\.root))
    let root = try #require(store.engine.branches.entries().first { $0.id == main.id }?.root)
    #expect(freed.byteCount == census.byteCount(all.subtracting(try census.needed(by: [root]))))
    let result = try store.engine.collector.deleteForGood([old])
    #expect(result.freedByteCount == Int(freed.byteCount))
    let proof = try store.engine.accounts.reclaimProof(ofDeleted: "old")
    #expect(proof.uniquePageCount == 3)
    #expect(proof.uniqueByteCount == freed.byteCount)
    #expect(proof.isReclaimed)
    _ = try store.engine.collector.collectGarbage(Self.full)
    try expectNothingElse(store, below: 44 * Self.page)
  }

  /// One name is what others build on at one place, and a file of its own at another.
  @Test func `a base that is a file elsewhere keeps all of that file`() throws {
    let store = try TestStore()
    var generator = SplitMix64(seed: 4)
    let main = try store.engine.branches.create(named: "main")
    let bytes = generator.bytes(40 * Self.page)
    try main.put(1, bytes)
    try store.engine.sealer.sealAll()
    let root = try #require(store.engine.branches.entries().first?.root)
    let top = try #require(
      try StoreInspector(disk: store.disk).node(at: root.locator).refs.first { $0.index == 1 }?.ref)
    let copier = try store.engine.branches.fork(main, named: "copier", isReadOnly: false)
    let doomed = try store.engine.branches.fork(main, named: "doomed", isReadOnly: false)
    var copy = Transaction(time: 1)
    copy.adopt(
      VolumeNumber(2), top: top,
      attributes: VolumeAttributes(byteCount: UInt64(bytes.count), modified: 1))
    copy.drop(VolumeNumber(1))
    _ = try copier.commit(copy)
    try main.put(1, at: UInt64(3 * Self.page), generator.bytes(Self.page))
    try doomed.put(1, at: UInt64(20 * Self.page), generator.bytes(Self.page))
    try store.engine.sealer.sealAll()
    let freed = try store.engine.accounts.spaceFreed(byForgetting: [doomed.id])
    #expect(freed.pageCount == 1)
    let result = try store.engine.collector.deleteForGood([doomed])
    #expect(result.freedByteCount == Int(freed.byteCount))
    _ = try store.engine.collector.collectGarbage(Self.full)
    try expectNothingElse(store, below: 43 * Self.page)
    try store.reopen()
    #expect(try store.engine.branches.named("copier").all(2) == bytes)
  }

  @Test func `the bytes of bases count for who builds on them, what they carry does not`() throws {
    let store = try TestStore()
    var generator = SplitMix64(seed: 3)
    let main = try store.engine.branches.create(named: "main")
    try main.put(1, generator.bytes(40 * Self.page))
    try store.engine.sealer.sealAll()
    try main.put(1, at: 0, generator.bytes(4 * Self.page))
    // A difference: the page that it builds on is needed.
    try main.put(1, at: UInt64(20 * Self.page), [1, 2, 3])
    try store.engine.sealer.sealAll()
    let space = try store.engine.accounts.spaceReport()
    let usage = try store.engine.accounts.usage(of: [main.id])[0]
    #expect(usage.exclusiveByteCount == space.exclusiveByteCount)
    #expect(space.deadByteCount > UInt64(4 * Self.page))
    #expect(space.baseByteCount > UInt64(Self.page))
    #expect(space.baseByteCount < UInt64(4 * Self.page))
  }

  @Test func `what is cut off and dropped asks for a collection`() throws {
    for cut in [0, 1] as [UInt64] {
      let (store, main, _) = try prepare()
      #expect(store.engine.accounts.collectionState.deadByteCount < 10_000)
      try resize(2, of: main, to: cut)
      try store.engine.sealer.sealAll()
      let dead = store.engine.accounts.collectionState.deadByteCount
      #expect(dead > UInt64(256 * Self.page))
      try drop(2, of: main)
      try store.engine.sealer.sealAll()
      #expect(store.engine.accounts.collectionState.deadByteCount - dead < 20_000)
    }
  }
}
