import CoppiceEngine
import CoppiceFormat
import TestSupport
import Testing

@Suite struct AccountingTests {
  /// What each entry needs.
  private struct Needs {
    private(set) var census: FrameCensus
    private(set) var byEntry: [BranchID: Set<FrameName>] = [:]

    init(_ store: TestStore) throws {
      census = try FrameCensus(store.disk)
      for entry in store.engine.branches.entries() {
        byEntry[entry.id] = try census.needed(by: [entry.root])
      }
    }

    func others(than ids: Set<BranchID>) -> Set<FrameName> {
      byEntry.filter { !ids.contains($0.key) }.values.reduce(into: []) { $0.formUnion($1) }
    }
  }

  @Test(arguments: [1, 2, 3] as [UInt64])
  func `usage of random branches agrees with counting by hand`(seed: UInt64) throws {
    let store = try TestStore()
    var history = RandomHistory(seed: seed)
    try history.run(store, stepCount: 120)
    try store.engine.sealer.sealAll()
    let needs = try Needs(store)
    let census = needs.census
    let entries = store.engine.branches.entries()
    let usage = try store.engine.accounts.usage(of: entries.map(\.id))
    for (entry, own) in zip(entries, usage) {
      let frames = try #require(needs.byEntry[entry.id])
      #expect(own.branch == entry.id)
      #expect(own.referencedByteCount == census.byteCount(frames))
      let exclusive = frames.subtracting(needs.others(than: [entry.id]))
      #expect(own.exclusiveByteCount == census.byteCount(exclusive))
      #expect(own.unsealedByteCount == 0)
      let freed = try store.engine.accounts.spaceFreed(byForgetting: [entry.id]).byteCount
      #expect(freed == own.exclusiveByteCount)
      let estimate = try store.engine.accounts.deletionEstimate(of: [entry.id])
      #expect(estimate.freed.byteCount == freed)
      #expect(estimate.sharedByteCount == own.sharedByteCount)
      let sharing = entries.filter { other in
        other.id != entry.id && needs.byEntry[other.id]?.isDisjoint(with: frames) == false
      }
      let named = estimate.sharers.map(\.holder)
      #expect(named.count == sharing.count, "\(named) share, not \(sharing.map(\.name))")
      #expect(
        estimate.sharers.filter { $0.restorableUntil != nil }.count
          == sharing.filter { $0.flags.contains(.deleted) }.count)
    }
    let half = Set(entries.map(\.id).filter { $0.rawValue % 2 == 0 })
    let inHalf = half.reduce(into: Set<FrameName>()) { $0.formUnion(needs.byEntry[$1] ?? []) }
    #expect(
      try store.engine.accounts.spaceFreed(byForgetting: half).byteCount
        == census.byteCount(inHalf.subtracting(needs.others(than: half))))
    let total = try store.engine.accounts.storeUsage()
    let live = needs.others(than: [])
    #expect(total.liveByteCount == census.byteCount(live))
    #expect(total.liveFrameCount == live.count)
    #expect(total.frameCount == census.frames.count + census.noteCount)
    #expect(total.uniqueByteCount > 0 && total.uniqueByteCount <= total.logicalByteCount)
    #expect(
      total.storedByteCount
        == total.liveByteCount + total.garbageByteCount + total.metadataByteCount)
    #expect(total.branchCount + total.snapshotCount + total.deletedCount == entries.count)
  }

  @Test func `logical bytes count every volume and unsealed writes too`() throws {
    let store = try TestStore()
    let main = try store.engine.branches.create(named: "main")
    try main.put(1, at: 9_999, [1])
    try main.put(700, at: 99, [1])
    try store.engine.sealer.sealAll()
    let child = try store.engine.branches.fork(main, named: "child", isReadOnly: false)
    try child.put(1, at: 19_999, [1])
    var transaction = Transaction(time: 5)
    transaction.drop(VolumeNumber(700))
    _ = try child.commit(transaction)
    let usage = try store.engine.accounts.usage(of: [child.id, main.id])
    #expect(usage.map(\.logicalByteCount) == [20_000, 10_100])
    #expect(usage.map(\.volumeCount) == [1, 2])
    #expect(usage.map(\.unsealedByteCount) == [4096, 0])
    #expect(usage.map(\.exclusiveByteCount) == [4096, 0])
    #expect(try store.engine.accounts.storeUsage().logicalByteCount == 30_100)
  }

  @Test func `a forgotten branch frees what it alone holds`() throws {
    let store = try TestStore()
    let main = try store.engine.branches.create(named: "main")
    var generator = SplitMix64(seed: 5)
    try main.put(1, generator.bytes(40_000))
    try store.engine.sealer.sealAll()
    let child = try store.engine.branches.fork(main, named: "child", isReadOnly: false)
    #expect(try store.engine.accounts.spaceFreed(byForgetting: [child.id]).byteCount == 0)
    #expect(
      try store.engine.accounts.spaceFreed(byForgetting: [child.id, main.id]).byteCount > 40_000)
    try child.put(1, at: 8192, generator.bytes(4096))
    try store.engine.sealer.sealAll()
    let freed = try store.engine.accounts.spaceFreed(byForgetting: [child.id]).byteCount
    #expect(freed > 4096 && freed < 8192)
    #expect(throws: StoreError.self) { try store.engine.accounts.usage(of: [BranchID(99)]) }
  }
}
