import CoppiceEngine
import CoppiceErrors
import CoppiceFormat
import CoppicePlatform
import CoppicePools
import PoolTestSupport
import TestSupport
import Testing

/// Transfers that end in the middle, and pools and stores that are damaged.
@Suite struct TransferFaultTests {
  /// A store with much to push.
  private func source(
    _ world: PoolWorld, pageCount: Int = 400
  ) throws -> (TransferStore, PoolWriter, EngineBranch) {
    let source = try TransferStore(world, "source")
    let writer = try source.create()
    let main = try source.branch("main")
    var random = SplitMix64(seed: 3)
    for page in 0..<pageCount { try main.put(2, at: UInt64(page) * 4096, random.bytes(4096)) }
    return (source, writer, main)
  }

  @Test func `F2, F6: a push may end before any request, and the next goes on from there`() throws {
    var number = 0
    var resumed = 0
    while true {
      let world = PoolWorld(seed: UInt64(number))
      // Three segments of pages and one of nodes.
      let (source, writer, main) = try source(world, pageCount: 2500)
      source.pool.connection.end(beforeRequest: number)
      let pushed = Result { try source.push(main, writer) }
      guard source.pool.connection.hasEnded else {
        _ = try pushed.get()
        break
      }
      let sent = try source.pool.world.objects.connection().listAll("segments/").count
      source.pool.cutPower()
      try main.put(3, at: 0, [1])
      let next = try source.pool.writer()
      let before = source.pool.connection.traffic.sentByteCount
      _ = try source.push(main, next)
      let bytes = source.pool.connection.traffic.sentByteCount - before
      if sent >= 3, bytes < 2500 * 4096 * 2 / 3 { resumed += 1 }
      #expect(try next.openIntents().isEmpty)
      let target = try TransferStore(world, "target")
      #expect(try target.pull(into: "copy").branch.contents() == main.contents())
      #expect(try source.checkPool().findings == [])
      number += 1
    }
    #expect(number > 8 && resumed > 0)
  }

  @Test func `a push that is told to stop is gone on with`() throws {
    let world = PoolWorld()
    let (source, writer, main) = try source(world)
    let tree = try source.engine.sealedTree(of: main)
    let state = PushedState(name: "main", domain: .standard, lsn: tree.lsn, createdAt: 1)
    #expect(throws: StoreError.self) {
      _ = try writer.push(tree, as: state, TransferStore.options(stop: { true }))
    }
    #expect(try source.pool.entries().isEmpty)
    try source.push(main, writer)
    #expect(try writer.openIntents().isEmpty)
  }

  @Test func `lost answers and late requests change nothing`() throws {
    for effect in [
      SimulatedEffect.lostAnswer, .lateRequest, .repeatedRequest, .doubledRequest, .contended,
      .throttled,
    ] {
      let world = PoolWorld()
      let (source, writer, main) = try source(world)
      for prefix in ["segments/", "members/"] {
        world.objects.inject(ObjectFault(effect, keyPrefix: prefix))
      }
      // What stays unknown is found out by the same call.
      if (try? source.push(main, writer)) == nil { try source.push(main, writer) }
      world.objects.deliverHeld()
      let target = try TransferStore(world, "target")
      #expect(try target.pull(into: "copy").branch.contents() == main.contents())
      #expect(try source.pool.entries().count == 1)
    }
  }

  @Test func `damage in the store goes nowhere`() throws {
    let world = PoolWorld()
    let (source, writer, main) = try source(world)
    _ = try source.engine.sealedTree(of: main)
    let inspection = try StoreInspector(disk: source.disk).segment(SegmentID(1))
    let frame = try #require(
      inspection.bundles.flatMap(\.frames).first {
        $0.entry.form.kind == .page && $0.entry.page == PageNumber(300)
      })
    try source.disk.flipBit(3, at: UInt64(frame.locator.offset) + 100, in: inspection.file)
    expectFailure(.corrupt) { try source.push(main, writer) }
    #expect(try source.pool.entries().isEmpty)
  }

  @Test func `F41: a flipped bit in any object is found, and nothing wrong comes back`() throws {
    let world = PoolWorld()
    let (source, writer, main) = try source(world)
    try main.put(2, at: 4096 * 7 + 10, [1, 2, 3])
    try source.push(main, writer)
    try main.put(2, at: 4096 * 9 + 10, [1, 2, 3])
    try source.push(main, writer)
    let expected = try main.contents()
    for object in try world.objects.connection().listAll("segments/") {
      let bytes = try #require(world.objects.bytes(of: object.key))
      for place in [40, 200, bytes.count / 2, bytes.count - 10] {
        var damaged = bytes
        damaged[place] ^= 0x10
        world.objects.setBytes(of: object.key, to: damaged)
        // A store that has read nothing of the pool yet.
        let target = try TransferStore(world, "target \(object.key.text) \(place)")
        let result = try target.checkPool()
        // Others are of pages that build on one of this segment.
        #expect(
          result.findings.contains { $0.object.hasPrefix(object.key.text) },
          "\(object.key) at \(place)")
        do {
          // What is damaged may be none of what the newest entry needs.
          #expect(try target.pull(into: "copy").branch.contents() == expected)
          #expect(result.damagedEntries.isEmpty)
        } catch let error as StoreError {
          #expect(error.kind == .corrupt, "\(error)")
          #expect(result.damagedEntries.count == 1)
        }
        #expect(try target.engine.checks.check().findings.isEmpty)
      }
      world.objects.setBytes(of: object.key, to: bytes)
    }
    #expect(try source.checkPool().findings == [])
  }

  @Test func `a segment that is gone is told as gone, and found`() throws {
    let world = PoolWorld()
    let (source, writer, main) = try source(world)
    try source.push(main, writer)
    let largest = try #require(
      try world.objects.connection().listAll("segments/").max { $0.byteCount < $1.byteCount })
    world.objects.setBytes(of: largest.key, to: nil)
    let target = try TransferStore(world, "target")
    expectFailure(.notFound, .gone) { _ = try target.pull(into: "copy") }
    let result = try target.checkPool(.structure)
    #expect(result.findings.map(\.object) == [largest.key.text])
    #expect(result.damagedEntries.count == 1)
  }

  @Test func `a check of the store that pushed reads the pool, not its own copies`() throws {
    let world = PoolWorld()
    let (source, writer, main) = try source(world)
    try source.push(main, writer)
    for object in try world.objects.connection().listAll("segments/") {
      let bytes = try #require(world.objects.bytes(of: object.key))
      for other in [[], Array(bytes[..<(bytes.count / 2)]), bytes + [0]] {
        world.objects.setBytes(of: object.key, to: other)
        let result = try source.checkPool(.structure)
        #expect(result.findings.contains { $0.object.hasPrefix(object.key.text) })
        #expect(result.damagedEntries.count == 1)
      }
      world.objects.setBytes(of: object.key, to: bytes)
    }
    #expect(try source.checkPool(.structure).findings == [])
  }

  @Test func `a damaged copy of nodes here is fetched anew`() throws {
    let world = PoolWorld()
    let (source, writer, main) = try source(world)
    try source.push(main, writer)
    let disk = source.pool.disk
    for name in try disk.list("pool") where name.hasPrefix("nodes-") || name.hasPrefix("index-") {
      try disk.flipBit(1, at: 90, in: "pool/\(name)")
    }
    try main.put(2, at: 0, [7])
    let next = try source.pool.writer()
    let result = try source.push(main, next)
    #expect(result.pageCount == 1)
    #expect(try source.checkPool().findings == [])
  }

  @Test func `no page lies readable in the pool`() throws {
    let world = PoolWorld()
    let source = try TransferStore(world, "source")
    let writer = try source.create()
    let main = try source.branch("main")
    let known = Array("a sentence that nobody but its owner may read".utf8)
    for page in 0..<50 { try main.put(2, at: UInt64(page) * 4096, known + [UInt8(page)]) }
    try source.push(main, writer, as: "a-secret-name")
    for object in try world.objects.connection().listAll("") {
      let bytes = try #require(world.objects.bytes(of: object.key))
      #expect(!bytes.contains(Array("nobody but its owner".utf8)))
      #expect(!bytes.contains(Array("secret-name".utf8)))
      #expect(!object.key.text.contains("secret"))
    }
  }

  @Test func `a store of another family is refused before a byte moves`() throws {
    let world = PoolWorld()
    let (_, writer) = try world.creator()
    let other = try TransferStore(world, "other")
    let main = try other.branch("main")
    try main.put(2, at: 0, [1])
    let count = try world.objects.connection().listAll("").count
    expectFailure(.invalid) { try other.push(main, writer) }
    #expect(try world.objects.connection().listAll("").count == count)
  }
}
