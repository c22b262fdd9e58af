import CoppiceEngine
import CoppiceFormat
import CoppicePlatform
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
      let branch = try store.engine.branches.create(named: name)
      try branch.put(1, generator.bytes(300 * Self.page))
      try store.engine.sealer.sealAll()
    }
    try store.engine.close()
    try store.damage(.volumeNode, at: 256, bit: 0, ofByte: 70)
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
    let healthy = try store.engine.branches.named("healthy")
    let damaged = try store.engine.branches.named("damaged")
    try damaged.put(1, at: UInt64(260 * Self.page), [UInt8](repeating: 1, count: Self.page))
    // Far more than the journal takes without a seal, then as much as it takes at all.
    let (count, failure) = try fill(healthy, upTo: 100)
    #expect(count > 8)
    #expect(failure?.kind == .full)
    #expect(failure?.message.contains("damaged") == true)
    #expect(failure?.object.contains("frame 1/") == true)
    #expect(failure?.remedy.description.contains("`Store.deleteForGood` of damaged") == true)
    #expect(try healthy.get(1, at: 0, 10).count == 10)
    // The damaged branch's own writers hear of the damage.
    let own = try fill(damaged, upTo: 100).failure
    #expect(own?.kind == .corrupt)
    #expect(throws: StoreError.self) { try store.engine.sealer.seal(damaged) }
    store.engine.checkInvariants()
    // The remedy helps.
    _ = try store.engine.collector.deleteForGood([damaged])
    #expect(try fill(healthy, upTo: 60).failure == nil)
    try store.crash(seed: 1)
    #expect(try store.engine.branches.named("healthy").get(1, at: 0, 10).count == 10)
  }

  @Test func `what cannot be sealed and fills the memory holds no writer for ever`() throws {
    let store = try prepare()
    try store.engine.close()
    var options = Self.options
    options.usesThreads = true
    options.overlayByteCountMax = 2 << 20
    options.sealByteCount = 1 << 20
    let engine = try Engine.open(disk: store.disk, clock: SystemClock(), options: options)
    let damaged = try engine.branches.named("damaged")
    try damaged.put(1, at: UInt64(260 * Self.page), [UInt8](repeating: 1, count: Self.page))
    #expect(try fill(damaged, upTo: 100).failure?.kind == .corrupt)
    let healthy = try engine.branches.named("healthy")
    let failure = #expect(throws: StoreError.self) { try healthy.put(2, [1]) }
    #expect(failure?.kind == .full)
    #expect(failure?.message.contains("damaged") == true)
    _ = try engine.collector.deleteForGood([damaged])
    #expect(try fill(healthy, upTo: 20).failure == nil)
    try engine.close()
  }

  @Test func `the writes of a branch that cannot be sealed stay in the journal`() throws {
    let store = try prepare()
    let damaged = try store.engine.branches.named("damaged")
    let bytes = [UInt8](repeating: 1, count: Self.page)
    try damaged.put(1, at: UInt64(260 * Self.page), bytes)
    let healthy = try store.engine.branches.named("healthy")
    _ = try fill(healthy, upTo: 6)
    try damaged.flush(through: store.engine.journal.lastLSN)
    try store.engine.close()
    for seed in 0..<2 as Range<UInt64> {
      store.engine = try Engine.open(
        disk: store.disk, clock: store.clock, options: store.options)
      let again = try store.engine.branches.named("damaged")
      #expect(try again.get(1, at: UInt64(260 * Self.page), Self.page) == bytes)
      #expect(try store.engine.branches.named("healthy").get(2, 10).count == 10)
      try store.crash(seed: seed)
      try store.engine.close()
    }
  }

  @Test func `a layer is tried again when its damage is gone`() throws {
    let store = try prepare()
    let damaged = try store.engine.branches.named("damaged")
    let bytes = [UInt8](repeating: 1, count: Self.page)
    try damaged.put(1, at: UInt64(260 * Self.page), bytes)
    #expect(throws: StoreError.self) { try store.engine.sealer.seal(damaged) }
    #expect(try !store.engine.sealer.sealStep(.pressure))
    try store.damage(.volumeNode, at: 256, bit: 0, ofByte: 70)
    #expect(try store.engine.checks.check().findings == [])
    #expect(try store.engine.sealer.sealStep(.pressure))
    #expect(store.engine.accounts.statistics.overlayByteCount == 0)
  }

  /// A collection that runs between choosing and sealing takes the chosen branch's frames.
  @Test func `a branch forgotten before its seal is no damage`() throws {
    let store = try TestStore()
    var generator = SplitMix64(seed: 3)
    let doomed = try store.engine.branches.create(named: "doomed")
    try doomed.put(1, generator.bytes(300 * Self.page))
    try store.engine.sealer.sealAll()
    try doomed.put(1, at: 5, [1])
    _ = try store.engine.collector.deleteForGood([doomed])
    try store.engine.sealer.seal(doomed)
    #expect(try !store.engine.sealer.sealStep(.everything))
  }

  // MARK: Replay

  /// A store whose journal has a write of part of a page that cannot be read any more, of which a
  /// snapshot was made.
  private func prepareReplay() throws -> (TestStore, bytes: [UInt8]) {
    let store = try TestStore()
    var generator = SplitMix64(seed: 4)
    let bytes = generator.bytes(20 * Self.page)
    let main = try store.engine.branches.create(named: "main")
    try main.put(1, bytes)
    let other = try store.engine.branches.create(named: "other")
    try other.put(2, [1, 2, 3])
    try store.engine.close()
    store.engine = try Engine.open(
      disk: store.disk, clock: store.clock, options: store.options)
    let again = try store.engine.branches.named("main")
    try again.put(1, at: UInt64(5 * Self.page + 10), [7, 8, 9])
    try again.put(1, at: UInt64(6 * Self.page + 10), [7, 8, 9])
    _ = try store.engine.branches.fork(again, named: "main@kept", isReadOnly: true)
    try again.put(1, at: UInt64(5 * Self.page + 50), [1])
    try store.engine.branches.named("other").put(2, at: 1, [9])
    try again.flush(through: store.engine.journal.lastLSN)
    store.disk.kill()
    store.engine.abandon()
    try store.damage(.page, at: 5, bit: 3, ofByte: 40)
    store.engine = try Engine.open(
      disk: store.disk, clock: store.clock, options: store.options)
    store.engine.checkInvariants()
    return (store, bytes)
  }

  private func expectDamage(in name: String, of store: TestStore) throws {
    let branch = try store.engine.branches.named(name)
    let failure = #expect(throws: StoreError.self) {
      try branch.get(1, at: UInt64(5 * Self.page), 1)
    }
    #expect(failure?.kind == .corrupt)
    #expect(failure?.message.hasPrefix("page 5 of file 1 was written in part") == true)
    #expect(try branch.get(1, at: UInt64(6 * Self.page + 10), 3) == [7, 8, 9])
    #expect(try branch.get(1, at: UInt64(4 * Self.page), 1).count == 1)
  }

  @Test func `one unreadable page under a journal record costs that page and nothing else`() throws
  {
    let (store, _) = try prepareReplay()
    for seed in 0..<3 as Range<UInt64> {
      try expectDamage(in: "main", of: store)
      try expectDamage(in: "main@kept", of: store)
      let other = try store.engine.branches.named("other")
      #expect(try other.all(2) == [1, 9, 3])
      try other.put(3, [UInt8(seed)])
      let main = try store.engine.branches.named("main")
      #expect(throws: StoreError.self) { try main.put(1, at: UInt64(5 * Self.page), [1]) }
      // Not even a seal of everything, a close or a collection gives the record up.
      #expect(throws: StoreError.self) { try store.engine.sealer.sealAll() }
      _ = try store.engine.collector.collectGarbage(CollectionOptions())
      try store.engine.close()
      store.engine = try Engine.open(
        disk: store.disk, clock: store.clock, options: store.options)
      try store.crash(seed: seed)
    }
  }

  @Test func `the records come back whole when the damage is repaired`() throws {
    let (store, bytes) = try prepareReplay()
    #expect(throws: StoreError.self) { try store.engine.sealer.sealAll() }
    try store.engine.close()
    try store.damage(.page, at: 5, bit: 3, ofByte: 40)
    store.engine = try Engine.open(
      disk: store.disk, clock: store.clock, options: store.options)
    try store.engine.sealer.sealAll()
    var expected = bytes
    for page in [5, 6] {
      expected.replaceSubrange((page * Self.page + 10)..<(page * Self.page + 13), with: [7, 8, 9])
    }
    #expect(try store.engine.branches.named("main@kept").all(1) == expected)
    expected[5 * Self.page + 50] = 1
    #expect(try store.engine.branches.named("main").all(1) == expected)
  }

  @Test func `a page that is healed below a leaf that cannot be read is tried once, not for ever`()
    throws
  {
    let store = try prepare()
    try store.engine.close()
    let segment = try StoreInspector(disk: store.disk).segment(SegmentID(1))
    let leaf = try #require(
      segment.bundles.flatMap(\.frames).first {
        $0.entry.form.kind == .volumeNode && $0.entry.page == PageNumber(256)
      })
    func flip() throws {
      try store.disk.flipBit(0, at: UInt64(leaf.locator.offset) + 70, in: segment.file)
    }
    func open() throws {
      store.engine = try Engine.open(
        disk: store.disk, clock: store.clock, options: store.options)
    }
    try flip()
    try open()
    let damaged = try store.engine.branches.named("damaged")
    try damaged.put(1, at: UInt64(260 * Self.page + 10), [7, 8, 9])
    try damaged.flush(through: store.engine.journal.lastLSN)
    store.disk.kill()
    store.engine.abandon()
    try flip()
    try open()
    let again = try store.engine.branches.named("damaged")
    let bytes = [UInt8](repeating: 1, count: Self.page)
    try again.put(1, at: UInt64(260 * Self.page), bytes)
    #expect(try !store.engine.sealer.sealStep(.pressure))
    try store.engine.close()
    try open()
    let page = try store.engine.branches.named("damaged").get(
      1, at: UInt64(260 * Self.page), Self.page)
    #expect(page == bytes)
  }

  @Test func `a repair finds a copy of the page, and the records come back whole`() throws {
    let (store, bytes) = try prepareReplay()
    // With an empty window the page is stored once more.
    try store.engine.branches.named("other").put(4, Array(bytes[(5 * Self.page)...]))
    try store.engine.close()
    let damaged = store.disk.snapshot()
    var expected = bytes
    for page in [5, 6] {
      expected.replaceSubrange((page * Self.page + 10)..<(page * Self.page + 13), with: [7, 8, 9])
    }
    var expectedMain = expected
    expectedMain[5 * Self.page + 50] = 1
    func repairAndLook(_ disk: SimulatedDisk) throws {
      let report = try Engine.repair(
        disk: disk, clock: store.clock, options: store.options, RepairOptions())
      #expect(report.lost == [])
      let engine = try Engine.open(disk: disk, clock: store.clock, options: store.options)
      defer { engine.abandon() }
      engine.checkInvariants()
      #expect(try engine.branches.named("main").all(1) == expectedMain)
      #expect(try engine.branches.named("main@kept").all(1) == expected)
      #expect(engine.accounts.statistics.overlayByteCount == 0)
      #expect(try engine.checks.check().findings == [])
    }
    let disk = damaged.snapshot()
    try repairAndLook(disk)
    let reference = damaged.snapshot()
    let report = try Engine.repair(
      disk: reference, clock: store.clock, options: store.options, RepairOptions())
    #expect(report.healedPageCount == 2)
    for point in 0..<reference.operationCount {
      let disk = damaged.snapshot()
      disk.powerOff(beforeOperation: point)
      #expect(throws: StoreError.self) {
        try Engine.repair(
          disk: disk, clock: store.clock, options: store.options, RepairOptions())
      }
      disk.crash(seed: UInt64(point))
      try repairAndLook(disk)
    }
  }

  @Test func `an unreadable node under a journal record costs its volume and nothing else`() throws
  {
    for wiped in [FrameKind.volumeNode, .tableNode] {
      let store = try TestStore()
      let main = try store.engine.branches.create(named: "main")
      try main.put(1, [1, 2, 3])
      try main.put(2, [4])
      let other = try store.engine.branches.create(named: "other")
      try other.put(2, [1, 2, 3, 4])
      try store.engine.close()
      store.engine = try Engine.open(
        disk: store.disk, clock: store.clock, options: store.options)
      let again = try store.engine.branches.named("main")
      _ = try store.engine.branches.fork(again, named: "main@start", isReadOnly: true)
      try again.put(1, at: 1, [7])
      let last = try store.engine.branches.named("other").put(2, at: 1, [9])
      try store.engine.journal.flush(through: last)
      store.disk.kill()
      store.engine.abandon()
      let segment = try StoreInspector(disk: store.disk).segment(SegmentID(1))
      let frame = try #require(
        segment.bundles.flatMap(\.frames).first { $0.entry.form.kind == wiped })
      let sound = try store.disk.contents(of: segment.file)
      var bytes = sound
      let start = Int(frame.locator.offset)
      for index in start..<start + frame.entry.storedByteCount { bytes[index] = 0 }
      try store.disk.setContents(of: segment.file, to: bytes)
      // The table's node, but not the volume's, is proven by what is left.
      if wiped == .volumeNode {
        let report = try Engine.repair(
          disk: store.disk, clock: store.clock, options: store.options, RepairOptions())
        #expect(report.healedNodeCount == 0)
        #expect(report.lost.flatMap(\.affected).map(\.name) == ["main", "main@start"])
      }
      for round in 0..<2 as Range<UInt64> {
        store.engine = try Engine.open(
          disk: store.disk, clock: store.clock, options: store.options)
        store.engine.checkInvariants()
        #expect(try store.engine.branches.named("other").all(2) == [1, 9, 3, 4])
        try store.engine.branches.named("other").put(3, [UInt8(round)])
        let damaged = try store.engine.branches.named("main")
        #expect(throws: StoreError.self) { try damaged.all(1) }
        #expect(throws: StoreError.self) { try damaged.put(1, [1]) }
        let difference = BranchDifference(
          from: try store.engine.branches.named("main@start").pinnedView(),
          to: try damaged.pinnedView())
        #expect(throws: StoreError.self) { try difference.forEachVolume { _ in } }
        if wiped == .volumeNode {
          #expect(try damaged.all(2) == [4])
          try damaged.put(2, [4])
        }
        #expect(throws: StoreError.self) { try store.engine.sealer.sealAll() }
        #expect(try !store.engine.sealer.sealStep(.pressure))
        if round == 0 { try store.crash(seed: 5) }
        try store.engine.close()
      }
      // The record is whole once the damage is gone.
      var mended = try store.disk.contents(of: segment.file)
      let place = start..<start + frame.entry.storedByteCount
      mended.replaceSubrange(place, with: sound[place])
      try store.disk.setContents(of: segment.file, to: mended)
      store.engine = try Engine.open(
        disk: store.disk, clock: store.clock, options: store.options)
      try store.engine.sealer.sealAll()
      #expect(try store.engine.branches.named("main").all(1) == [1, 7, 3])
      try store.engine.close()
    }
  }

  @Test func `a write of the whole page heals it, and the layer goes when no branch needs it`()
    throws
  {
    let (store, bytes) = try prepareReplay()
    let main = try store.engine.branches.named("main")
    let page = [UInt8](repeating: 3, count: Self.page)
    try main.put(1, at: UInt64(5 * Self.page), page)
    var expected = bytes
    expected.replaceSubrange((6 * Self.page + 10)..<(6 * Self.page + 13), with: [7, 8, 9])
    expected.replaceSubrange((5 * Self.page)..<(6 * Self.page), with: page)
    #expect(try main.all(1) == expected)
    // The snapshot still reads the record.
    #expect(throws: StoreError.self) { try store.engine.sealer.sealAll() }
    #expect(try main.all(1) == expected)
    try main.flush(through: store.engine.journal.lastLSN)
    try store.crash(seed: 1)
    #expect(try store.engine.branches.named("main").all(1) == expected)
    try expectDamage(in: "main@kept", of: store)
    _ = try store.engine.collector.deleteForGood([store.engine.branches.named("main@kept")])
    try store.engine.sealer.sealAll()
    store.engine.checkInvariants()
    #expect(store.engine.accounts.statistics.overlayByteCount == 0)
    try store.crash(seed: 2)
    #expect(try store.engine.branches.named("main").all(1) == expected)
  }
}
