import CoppiceEngine
import CoppiceFormat
import TestSupport
import Testing

/// Layers that cannot be sealed because something below them is damaged.
@Suite struct DamagedLayerTests {
  private static let page = 4096

  private static var options: EngineOptions {
    var options = EngineOptions.small
    options.journalByteCountMax = 15 << 20
    return options
  }

  /// A store with two branches, of which one has a leaf that cannot be read.
  private func prepare() throws -> TestStore {
    let store = try TestStore(options: Self.options)
    var generator = SplitMix64(seed: 1)
    for name in ["damaged", "healthy"] {
      let branch = try store.engine.createBranch(named: name, domain: .standard)
      try branch.put(1, generator.bytes(300 * Self.page))
      try store.engine.sealAll()
    }
    try store.engine.close()
    let segment = try StoreInspector(disk: store.disk).segment(SegmentID(1))
    let leaf = try #require(
      segment.bundles.flatMap(\.frames).first {
        $0.entry.form.kind == .volumeNode && $0.entry.page == PageNumber(256)
      })
    try store.disk.flipBit(0, at: UInt64(leaf.locator.offset) + 70, in: segment.file)
    store.engine = try Engine.open(
      disk: store.disk, clock: store.clock, options: store.options)
    return store
  }

  /// Writes until the store refuses; returns how many MiB it took.
  private func fill(_ branch: EngineBranch, upTo limit: Int) throws -> (
    count: Int, failure: StoreError?
  ) {
    var generator = SplitMix64(seed: 2)
    for count in 0..<limit {
      do {
        try branch.put(2, at: UInt64(count % 4) << 20, generator.bytes(256 * Self.page))
      } catch let error as StoreError { return (count, error) }
    }
    return (limit, nil)
  }

  @Test func `a branch that cannot be sealed keeps no other from being sealed`() throws {
    let store = try prepare()
    let healthy = try store.engine.branch(named: "healthy")
    let damaged = try store.engine.branch(named: "damaged")
    try damaged.put(1, at: UInt64(260 * Self.page), [UInt8](repeating: 1, count: Self.page))
    // Far more than the journal takes without a seal, then as much as it takes at all.
    let (count, failure) = try fill(healthy, upTo: 100)
    #expect(count > 8)
    #expect(failure?.kind == .full)
    #expect(failure?.message.contains("damaged") == true)
    #expect(failure?.object.contains("frame 1/") == true)
    #expect(failure?.remedy.contains("coppice branch delete damaged --now") == true)
    #expect(try healthy.get(1, at: 0, 10).count == 10)
    // The damaged branch's own writers hear of the damage.
    let own = try fill(damaged, upTo: 100).failure
    #expect(own?.kind == .corrupt)
    #expect(throws: StoreError.self) { try store.engine.seal(damaged) }
    store.engine.checkInvariants()
    // The remedy helps.
    _ = try store.engine.deleteForGood([damaged])
    #expect(try fill(healthy, upTo: 60).failure == nil)
    try store.crash(seed: 1)
    #expect(try store.engine.branch(named: "healthy").get(1, at: 0, 10).count == 10)
  }

  @Test func `the writes of a branch that cannot be sealed stay in the journal`() throws {
    let store = try prepare()
    let damaged = try store.engine.branch(named: "damaged")
    let bytes = [UInt8](repeating: 1, count: Self.page)
    try damaged.put(1, at: UInt64(260 * Self.page), bytes)
    let healthy = try store.engine.branch(named: "healthy")
    _ = try fill(healthy, upTo: 6)
    try damaged.flush(through: store.engine.journal.lastLSN)
    try store.engine.close()
    for seed in 0..<2 as Range<UInt64> {
      store.engine = try Engine.open(
        disk: store.disk, clock: store.clock, options: store.options)
      let again = try store.engine.branch(named: "damaged")
      #expect(try again.get(1, at: UInt64(260 * Self.page), Self.page) == bytes)
      #expect(try store.engine.branch(named: "healthy").get(2, 10).count == 10)
      try store.crash(seed: seed)
      try store.engine.close()
    }
  }

  @Test func `a layer is tried again when its damage is gone`() throws {
    let store = try prepare()
    let damaged = try store.engine.branch(named: "damaged")
    let bytes = [UInt8](repeating: 1, count: Self.page)
    try damaged.put(1, at: UInt64(260 * Self.page), bytes)
    #expect(throws: StoreError.self) { try store.engine.seal(damaged) }
    #expect(try !store.engine.sealStep(.pressure))
    let segment = try StoreInspector(disk: store.disk).segment(SegmentID(1))
    let leaf = try #require(
      segment.bundles.flatMap(\.frames).first {
        $0.entry.form.kind == .volumeNode && $0.entry.page == PageNumber(256)
      })
    try store.disk.flipBit(0, at: UInt64(leaf.locator.offset) + 70, in: segment.file)
    #expect(try store.engine.check { _ in }.findings == [])
    #expect(try store.engine.sealStep(.pressure))
    #expect(store.engine.statistics.overlayByteCount == 0)
  }

  /// A collection that runs between choosing and sealing takes the chosen branch's frames.
  @Test func `a branch forgotten before its seal is no damage`() throws {
    let store = try TestStore()
    var generator = SplitMix64(seed: 3)
    let doomed = try store.engine.createBranch(named: "doomed", domain: .standard)
    try doomed.put(1, generator.bytes(300 * Self.page))
    try store.engine.sealAll()
    try doomed.put(1, at: 5, [1])
    _ = try store.engine.deleteForGood([doomed])
    try store.engine.seal(doomed)
    #expect(try !store.engine.sealStep(.everything))
  }
}
