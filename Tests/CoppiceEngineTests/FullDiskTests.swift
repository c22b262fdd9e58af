import CoppiceEngine
import CoppiceFormat
import CoppicePlatform
import Glibc
import TestSupport
import Testing

/// A disk that is full to the last block.
@Suite struct FullDiskTests {
  private static let page = 4096

  private static var full: CollectionOptions {
    var options = CollectionOptions()
    options.isFull = true
    return options
  }

  /// A store of about 30 MiB with a reserve.
  private func prepare() throws -> TestStore {
    let store = try TestStore()
    var generator = SplitMix64(seed: 1)
    let main = try store.engine.branches.create(named: "main")
    let doomed = try store.engine.branches.create(named: "doomed")
    for branch in [main, doomed] {
      for round in 0..<4 as Range<UInt64> {
        try branch.put(1, at: round << 22, generator.bytes(1000 * Self.page))
        try store.engine.sealer.sealAll()
      }
      // Ends the open segment.
      var options = CollectionOptions()
      options.isDryRun = true
      _ = try store.engine.collector.collectGarbage(options)
    }
    try store.engine.checkpointer.write()
    return store
  }

  private func reserveByteCount(_ store: TestStore) -> Int {
    (try? store.disk.contents(of: "reserve").count) ?? 0
  }

  @Test func `a store has a reserve into which the live part of any of its segments fits`() throws {
    let small = try TestStore()
    let main = try small.engine.branches.create(named: "main")
    try main.put(1, [1])
    try small.reopen()
    #expect(reserveByteCount(small) > 2 << 20)
    #expect(reserveByteCount(small) < 3 << 20)
    let store = try prepare()
    let largest =
      try store.disk.fileNames().filter { $0.hasPrefix("segments/") }
      .map { try store.disk.contents(of: $0).count }.max() ?? 0
    #expect(reserveByteCount(store) > largest / 4 * 5)
    #expect(reserveByteCount(store) < 20 << 20)
  }

  @Test func `a reserve outlives an opening and a growth for which there is no room`() throws {
    let store = try TestStore()
    var generator = SplitMix64(seed: 3)
    let main = try store.engine.branches.create(named: "main")
    try main.put(1, [1])
    try store.engine.sealer.sealAll()
    try store.engine.checkpointer.write()
    let reserve = reserveByteCount(store)
    #expect(reserve > 0)
    store.disk.inject(
      DiskFault(.allocate, namePrefix: "reserve", failing: .max, code: ENOSPC))
    for round in 0..<4 as Range<UInt64> {
      try main.put(3, at: round << 22, generator.bytes(1000 * Self.page))
      try store.engine.sealer.sealAll()
    }
    try store.engine.checkpointer.write()
    #expect(reserveByteCount(store) == reserve)
    try main.put(4, [1])
    try main.flush(through: store.engine.journal.lastLSN)
    store.disk.kill()
    store.engine.abandon()
    store.engine = try Engine.open(
      disk: store.disk, clock: store.clock, options: store.options)
    #expect(reserveByteCount(store) == reserve)
  }

  @Test func `what a reserve gave is not sealed away after reopening either`() throws {
    let store = try prepare()
    // Without free journal files, which would make room.
    try store.reopen()
    let writer = try store.engine.branches.named("main")
    try writer.flush(through: writer.put(4, [1]))
    store.disk.kill()
    store.engine.abandon()
    // As one that was given up.
    try store.disk.remove("reserve")
    store.disk.capacity = store.disk.usedByteCount + 256 << 10
    store.engine = try Engine.open(
      disk: store.disk, clock: store.clock, options: store.options)
    let main = try store.engine.branches.named("main")
    var failure: StoreError?
    do throws(StoreError) { try store.engine.sealer.sealAll() } catch { failure = error }
    #expect(failure?.kind == .full)
    #expect(reserveByteCount(store) == 0)
    store.disk.capacity = .max
    try store.engine.sealer.sealAll()
    #expect(reserveByteCount(store) > 0)
    #expect(try main.get(4, 1) == [1])
  }

  @Test func `writes are refused, reads and deletions and collections work, then writes do again`()
    throws
  {
    let store = try prepare()
    var generator = SplitMix64(seed: 2)
    let main = try store.engine.branches.named("main")
    let kept = try #require(try main.all(1))
    store.disk.capacity = store.disk.usedByteCount
    var failure: StoreError?
    var accepted = 0
    while failure == nil, accepted < 100 {
      do {
        try main.put(2, at: UInt64(accepted) << 20, generator.bytes(256 * Self.page))
        try store.engine.sealer.sealStep(.pressure)
        accepted += 1
      } catch let error as StoreError { failure = error }
    }
    #expect(failure?.kind == .full)
    #expect(try main.all(1) == kept)
    // More deletions than the journal's control room takes without a checkpoint.
    for index in 0..<200 {
      let name = "trial \(index)"
      let trial = try store.engine.branches.fork(main, named: name, isReadOnly: false)
      try store.engine.branches.delete([trial])
      if store.engine.checkpointer.isDue { try store.engine.checkpointer.write() }
    }
    let used = store.disk.usedByteCount
    try store.engine.branches.delete([store.engine.branches.named("doomed")])
    let report = try store.engine.collector.collectGarbage(Self.full)
    #expect(report.reclaimedByteCount > 12 << 20)
    #expect(store.disk.usedByteCount < used)
    try store.engine.sealer.sealAll()
    try main.put(3, generator.bytes(500 * Self.page))
    try store.engine.sealer.sealAll()
    try store.engine.checkpointer.write()
    #expect(reserveByteCount(store) > 0)
    try store.reopen()
    #expect(try store.engine.branches.named("main").all(1) == kept)
  }

  /// Of each segment, three fifths are live once `doomed` is gone.
  private func prepareMixedSegments() throws -> TestStore {
    let store = try TestStore()
    var generator = SplitMix64(seed: 5)
    let main = try store.engine.branches.create(named: "main")
    let doomed = try store.engine.branches.create(named: "doomed")
    for round in 0..<8 as Range<UInt64> {
      try main.put(1, at: round << 22, generator.bytes(500 * Self.page))
      try doomed.put(1, at: round << 22, generator.bytes(300 * Self.page))
      try store.engine.sealer.sealAll()
      var options = CollectionOptions()
      options.isDryRun = true
      _ = try store.engine.collector.collectGarbage(options)
    }
    try main.put(7, [1, 2, 3])
    try store.engine.checkpointer.write()
    try main.flush(through: store.engine.journal.lastLSN)
    return store
  }

  @Test func `a full disk is collected whatever is live beside what is dead`() throws {
    let store = try prepareMixedSegments()
    let main = try store.engine.branches.named("main")
    let kept = try #require(try main.all(1))
    store.disk.capacity = store.disk.usedByteCount
    try store.engine.branches.delete([store.engine.branches.named("doomed")])
    let report = try store.engine.collector.collectGarbage(Self.full)
    #expect(report.reclaimedSegmentCount == 8)
    #expect(report.leftByteCount == 0)
    store.engine.checkInvariants()
    try main.put(7, at: 3, [4])
    try main.flush(through: store.engine.journal.lastLSN)
    try store.crash(seed: 1)
    #expect(try store.engine.branches.named("main").all(1) == kept)
    #expect(try store.engine.branches.named("main").all(7) == [1, 2, 3, 4])
    #expect(try store.engine.checks.check().findings == [])
    #expect(reserveByteCount(store) > 0)
  }

  /// Somebody removed the reserve, and the disk is full.
  private func openWithoutReserve(_ store: TestStore) throws {
    try store.disk.remove("reserve")
    store.disk.capacity = store.disk.usedByteCount
    store.engine = try Engine.open(
      disk: store.disk, clock: store.clock, options: store.options)
  }

  @Test func `without a reserve a full disk is collected with what the journal gives back`() throws
  {
    let store = try prepareMixedSegments()
    let kept = try #require(try store.engine.branches.named("main").all(1))
    store.disk.kill()
    store.engine.abandon()
    try openWithoutReserve(store)
    try store.engine.branches.delete([store.engine.branches.named("doomed")])
    let report = try store.engine.collector.collectGarbage(Self.full)
    #expect(report.reclaimedSegmentCount == 8)
    #expect(try store.engine.branches.named("main").all(1) == kept)
    #expect(reserveByteCount(store) > 0)
    try store.reopen()
    #expect(try store.engine.checks.check().findings == [])
  }

  @Test func `a collection for which there is no room says how much it takes`() throws {
    let store = try prepareMixedSegments()
    // A clean close gives the journal's free files back.
    try store.engine.close()
    try openWithoutReserve(store)
    try store.engine.branches.delete([store.engine.branches.named("doomed")])
    let failure = #expect(throws: StoreError.self) {
      try store.engine.collector.collectGarbage(Self.full)
    }
    #expect(failure?.kind == .full)
    #expect(failure?.message.contains("bytes have to be copied first") == true)
    store.engine.checkInvariants()
    store.disk.capacity = store.disk.usedByteCount + 4 << 20
    let report = try store.engine.collector.collectGarbage(Self.full)
    #expect(report.reclaimedSegmentCount == 8)
    try store.reopen()
    #expect(try store.engine.checks.check().findings == [])
  }
}
