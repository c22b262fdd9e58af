import CoppiceEngine
import CoppiceErrors
import CoppiceFormat
import CoppicePlatform
import CoppicePools
import PoolTestSupport
import TestSupport
import Testing

/// Schedules after which an entry would refer to what is not there, or to other bytes.
@Suite struct TransferScheduleTests {
  private func source(_ world: PoolWorld) throws -> (TransferStore, PoolWriter, EngineBranch) {
    let source = try TransferStore(world, "source")
    let writer = try source.create()
    let main = try source.branch("main")
    var random = SplitMix64(seed: 5)
    for page in 0..<300 { try main.put(2, at: UInt64(page) * 4096, random.bytes(4096)) }
    return (source, writer, main)
  }

  /// Whatever was pushed last comes back, and all of the pool is whole.
  private func expectWhole(_ world: PoolWorld, _ main: EngineBranch) throws {
    let fresh = try TransferStore(world, "fresh")
    #expect(try fresh.pull(into: "copy").branch.contents() == main.contents())
    #expect(try fresh.checkPool().findings == [])
  }

  /// The publication that comes next is on its way when the connection breaks.
  private func holdPublication(_ source: TransferStore) {
    let world = source.pool.world
    let connection = source.pool.connection
    // The intent goes well.
    world.objects.inject(
      ObjectFault(.lateRequest, .replace, keyPrefix: "members/", passing: 1, failing: 1))
    world.objects.intercept(.replace, keyPrefix: "members/", passing: 1) { connection.isUp = false }
  }

  @Test(arguments: 0..<8)
  func `F6: a publication that lands late takes no segment from what came after`(
    passing: Int
  ) throws {
    let world = PoolWorld(seed: UInt64(passing))
    let (source, writer, main) = try source(world)
    try source.push(main, writer)
    try main.put(2, at: 5, [1, 2, 3])
    holdPublication(source)
    expectFailure(.unavailable, .unknownOutcome) { try source.push(main, writer) }
    source.pool.connection.isUp = true
    world.objects.clearFaults()
    try main.put(2, at: 9000, [4, 5, 6])
    let objects = world.objects
    world.objects.intercept(nil, keyPrefix: "members/", passing: passing) { objects.deliverHeld() }
    for _ in 0..<3 {
      if (try? source.push(main, writer)) != nil { break }
    }
    world.objects.deliverHeld()
    #expect(try source.push(main, writer).isUnchanged)
    try expectWhole(world, main)
    _ = try writer.collect(TransferStore.options())
    try expectWhole(world, main)
  }

  @Test func `F6: a state is not taken for pushed while a newer one may land`() throws {
    let world = PoolWorld()
    let (source, writer, main) = try source(world)
    let first = try source.engine.branches.fork(main, named: "first", isReadOnly: false)
    try source.push(first, writer)
    try main.put(2, at: 5, [1, 2, 3])
    holdPublication(source)
    expectFailure(.unavailable, .unknownOutcome) { try source.push(main, writer) }
    source.pool.connection.isUp = true
    world.objects.clearFaults()
    // The state before is pushed once more, as after a reset.
    try source.push(first, writer)
    world.objects.deliverHeld()
    try expectWhole(world, first)
  }

  @Test func `notes of a push that was published cost nothing`() throws {
    let world = PoolWorld()
    let (source, writer, main) = try source(world)
    let pushed = try source.push(main, writer)
    // As where they could not be removed.
    let ids = 1...UInt64(pushed.segmentCount)
    let lines =
      ["coppice upload 1", "domain 0"] + ids.map { "begun \($0)" }
      + ids.map { "sent \($0) 4096" }
    let file = try source.pool.disk.open("pool/upload", .create)
    try file.write(Array(lines.joined(separator: "\n").utf8), at: 0)
    let fork = try source.engine.branches.fork(main, named: "fork", isReadOnly: false)
    try source.push(fork, writer, as: "fork")
    try expectWhole(world, main)
  }

  @Test func `F2: what is gone on with builds on nothing that is not used`() throws {
    for fault in [SimulatedEffect.throttled, .unreachable, .stale] {
      let world = PoolWorld()
      let source = try TransferStore(world, "source")
      let writer = try source.create()
      let main = try source.branch("main")
      var random = SplitMix64(seed: 9)
      let page = random.bytes(4096)
      try main.put(2, at: 0, page)
      for number in 1..<2000 { try main.put(2, at: UInt64(number) * 4096, random.bytes(4096)) }
      try main.put(2, at: 2000 * 4096, page)
      _ = try source.engine.sealedTree(of: main)
      try main.put(2, at: 10, [1, 2, 3])
      try main.put(2, at: 2000 * 4096 + 10, [4, 5, 6])
      // It ends before it is published, when all is there and its branch enters the head.
      let connection = source.pool.connection
      world.objects.intercept(.replace, keyPrefix: "pool", passing: 1) {
        connection.end(beforeRequest: 0)
      }
      #expect(throws: StoreError.self) { try source.push(main, writer) }
      source.pool.cutPower()
      for name in try source.pool.disk.list("pool")
      where name.hasPrefix("index-") || name.hasPrefix("nodes-") {
        try source.pool.disk.remove("pool/\(name)")
      }
      let next = try source.pool.writer()
      world.objects.inject(ObjectFault(fault, .get, keyPrefix: "segments/"))
      try source.push(main, next)
      try expectWhole(world, main)
    }
  }

  @Test func `F50: a segment that was cut off is sent anew`() throws {
    let world = PoolWorld()
    let (source, writer, main) = try source(world)
    world.objects.inject(ObjectFault(.truncated, .put, keyPrefix: "segments/"))
    expectFailure(.unavailable) { try source.push(main, writer) }
    try source.push(main, writer)
    try expectWhole(world, main)
  }

  @Test func `a base that rotted on disk while it was cached goes nowhere`() throws {
    let world = PoolWorld()
    let (source, writer, main) = try source(world)
    _ = try source.engine.sealedTree(of: main)
    try main.put(2, at: 100 * 4096 + 10, [1, 2, 3])
    _ = try source.engine.sealedTree(of: main)
    let frame = try self.frame(of: 100, in: source)
    try source.disk.flipBit(3, at: UInt64(frame.offset) + 2000, in: "segments/0000000001")
    expectFailure(.corrupt) { try source.push(main, writer) }
    #expect(try source.pool.entries().isEmpty)
  }

  @Test func `a page that was read wrong as a base is not taken for the page`() throws {
    let world = PoolWorld()
    let source = try TransferStore(world, "source")
    let writer = try source.create()
    let main = try source.branch("main")
    var random = SplitMix64(seed: 9)
    let page = random.bytes(4096)
    try main.put(2, at: 0, page)
    _ = try source.engine.sealedTree(of: main)
    for leaf in 0..<20 { try main.put(3, at: UInt64(leaf) << 20, random.bytes(4096)) }
    // Its frame is shared, in a later leaf.
    try main.put(4, at: 0, page)
    _ = try source.engine.sealedTree(of: main)
    try main.put(2, at: 100, random.bytes(40))
    _ = try source.engine.sealedTree(of: main)
    let frame = try self.frame(of: 0, in: source)
    try source.engine.close()
    // In what the difference does not copy.
    try source.disk.flipBit(3, at: UInt64(frame.offset) + 120, in: "segments/0000000001")
    let again = try TransferStore(reopening: source)
    let branch = try again.engine.branches.named("main")
    expectFailure(.corrupt) { try again.push(branch, writer) }
    #expect(try source.pool.entries().isEmpty)
  }

  /// The first full page frame of a page of volume 2.
  private func frame(of page: UInt64, in source: TransferStore) throws -> Locator {
    let inspection = try StoreInspector(disk: source.disk).segment(SegmentID(1))
    return try #require(
      inspection.bundles.flatMap(\.frames).first {
        $0.entry.form.kind == .page && !$0.entry.form.isDerived && $0.entry.volume.rawValue == 2
          && $0.entry.page == PageNumber(page)
      }
    ).locator
  }

  @Test func `a missing segment that has only bases is told with what needs it`() throws {
    let world = PoolWorld()
    let (source, writer, main) = try source(world)
    try source.push(main, writer)
    let before = Set(world.objects.keys)
    for page in 0..<300 { try main.put(2, at: UInt64(page) * 4096 + 10, [1, 2, 3]) }
    try source.push(main, writer)
    _ = try writer.collect(TransferStore.options())
    let bases = try #require(
      world.objects.keys.filter { $0.text.hasPrefix("segments/") && before.contains($0) }
        .max { world.objects.bytes(of: $0)?.count ?? 0 < world.objects.bytes(of: $1)?.count ?? 0 })
    world.objects.setBytes(of: bases, to: nil)
    let result = try TransferStore(world, "other").checkPool(.structure)
    #expect(result.findings.map(\.object) == [bases.text], "\(result.findings)")
    #expect(result.damagedEntries.count == 1)
  }

  @Test func `a pull over a damaged branch heals its pages`() throws {
    let world = PoolWorld()
    let (source, writer, main) = try source(world)
    try source.push(main, writer)
    let target = try TransferStore(world, "target")
    let copy = try target.pull(into: "copy").branch
    try main.put(2, at: 100 * 4096 + 10, [1, 2, 3])
    try source.push(main, writer)
    let frame = try self.frame(of: 100, in: target)
    try target.disk.flipBit(3, at: UInt64(frame.offset) + 2000, in: "segments/0000000001")
    try target.engine.close()
    let again = try TransferStore(reopening: target)
    let branch = try again.engine.branches.named("copy")
    _ = copy
    _ = try again.pull(replacing: branch)
    #expect(try branch.contents() == main.contents())
  }
}
