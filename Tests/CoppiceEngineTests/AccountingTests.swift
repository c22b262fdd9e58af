import CoppiceEngine
import CoppiceFormat
import TestSupport
import Testing

@Suite struct AccountingTests {
  /// Frames by entry, found without the engine: from the files' structures alone.
  private struct Census {
    var byteCounts: [FrameName: Int] = [:]
    var bases: [FrameName: FrameName] = [:]
    var pages: Set<FrameName> = []
    var reached: [BranchID: Set<FrameName>] = [:]
    let inspector: StoreInspector

    init(_ store: TestStore) throws {
      inspector = StoreInspector(disk: store.disk)
      for id in try inspector.segments() {
        for frame in try inspector.segment(id).bundles.flatMap(\.frames) {
          byteCounts[frame.name] = frame.entry.storedByteCount
          if frame.entry.form.kind == .page { pages.insert(frame.name) }
          if frame.entry.base != .none { bases[frame.name] = frame.entry.base }
        }
      }
      for entry in store.engine.branchEntries() {
        var set: Set<FrameName> = []
        try collect(entry.root, &set)
        reached[entry.id] = set
      }
    }

    private func collect(_ ref: Ref, _ set: inout Set<FrameName>) throws {
      if ref.isHole || !set.insert(ref.locator.name).inserted { return }
      if ref.locator.form.kind == .page {
        if let base = bases[ref.locator.name] { set.insert(base) }
        return
      }
      let node = try inspector.node(at: ref.locator)
      if let base = node.base { try collect(Ref(hash: ref.hash, locator: base), &set) }
      for slot in node.refs { try collect(slot.ref, &set) }
    }

    func byteCount(_ frames: Set<FrameName>) -> UInt64 {
      frames.reduce(0) { $0 + UInt64(byteCounts[$1] ?? 0) }
    }

    func others(than ids: Set<BranchID>) -> Set<FrameName> {
      reached.filter { !ids.contains($0.key) }.values.reduce(into: []) { $0.formUnion($1) }
    }

    /// What is kept when these are deleted and a collection has forgotten all deleted entries.
    func kept(without ids: Set<BranchID>, of entries: [BranchEntry]) -> Set<FrameName> {
      others(than: ids.union(entries.filter { $0.flags.contains(.deleted) }.map(\.id)))
    }
  }

  @Test(arguments: [1, 2, 3] as [UInt64])
  func `usage of random branches agrees with counting by hand`(seed: UInt64) throws {
    let store = try TestStore()
    var history = RandomHistory(seed: seed)
    try history.run(store, stepCount: 120)
    try store.engine.sealAll()
    let census = try Census(store)
    let entries = store.engine.branchEntries()
    let usage = try store.engine.usage(of: entries.map(\.id))
    for (entry, own) in zip(entries, usage) {
      let frames = try #require(census.reached[entry.id])
      #expect(own.branch == entry.id)
      #expect(own.referencedByteCount == census.byteCount(frames))
      let exclusive = frames.subtracting(census.others(than: [entry.id]))
      #expect(own.exclusiveByteCount == census.byteCount(exclusive))
      #expect(own.unsealedByteCount == 0)
      let freed = try store.engine.spaceFreed(byForgetting: [entry.id]).byteCount
      let kept = census.kept(without: [entry.id], of: entries)
      #expect(freed == census.byteCount(frames.subtracting(kept)))
    }
    let half = Set(entries.map(\.id).filter { $0.rawValue % 2 == 0 })
    let inHalf = half.reduce(into: Set<FrameName>()) { $0.formUnion(census.reached[$1] ?? []) }
    #expect(
      try store.engine.spaceFreed(byForgetting: half).byteCount
        == census.byteCount(inHalf.subtracting(census.kept(without: half, of: entries))))
    let total = try store.engine.storeUsage()
    let live = census.others(than: [])
    #expect(total.liveByteCount == census.byteCount(live))
    #expect(total.liveFrameCount == live.count)
    #expect(total.frameCount == census.byteCounts.count)
    #expect(total.uniqueByteCount == UInt64(live.intersection(census.pages).count * 4096))
    #expect(
      total.storedByteCount
        == total.liveByteCount + total.garbageByteCount + total.metadataByteCount)
    #expect(total.branchCount + total.snapshotCount + total.deletedCount == entries.count)
  }

  @Test func `logical bytes count every volume and unsealed writes too`() throws {
    let store = try TestStore()
    let main = try store.engine.createBranch(named: "main", domain: .standard)
    try main.put(1, at: 9_999, [1])
    try main.put(700, at: 99, [1])
    try store.engine.sealAll()
    let child = try store.engine.fork(main, named: "child", isReadOnly: false)
    try child.put(1, at: 19_999, [1])
    var transaction = Transaction(time: 5)
    transaction.drop(VolumeNumber(700))
    _ = try child.commit(transaction)
    let usage = try store.engine.usage(of: [child.id, main.id])
    #expect(usage.map(\.logicalByteCount) == [20_000, 10_100])
    #expect(usage.map(\.volumeCount) == [1, 2])
    #expect(usage.map(\.unsealedByteCount) == [4096, 0])
    #expect(usage.map(\.exclusiveByteCount) == [0, 0])
    #expect(try store.engine.storeUsage().logicalByteCount == 30_100)
  }

  @Test func `a forgotten branch frees what it alone holds`() throws {
    let store = try TestStore()
    let main = try store.engine.createBranch(named: "main", domain: .standard)
    var generator = SplitMix64(seed: 5)
    try main.put(1, generator.bytes(40_000))
    try store.engine.sealAll()
    let child = try store.engine.fork(main, named: "child", isReadOnly: false)
    #expect(try store.engine.spaceFreed(byForgetting: [child.id]).byteCount == 0)
    #expect(try store.engine.spaceFreed(byForgetting: [child.id, main.id]).byteCount > 40_000)
    try child.put(1, at: 8192, generator.bytes(4096))
    try store.engine.sealAll()
    let freed = try store.engine.spaceFreed(byForgetting: [child.id]).byteCount
    #expect(freed > 4096 && freed < 8192)
    #expect(throws: StoreError.self) { try store.engine.usage(of: [BranchID(99)]) }
  }
}
