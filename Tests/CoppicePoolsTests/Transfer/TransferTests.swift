import CoppiceEngine
import CoppiceErrors
import CoppiceFormat
import CoppicePools
import PoolTestSupport
import TestSupport
import Testing

/// States go to a pool and come back in other stores.
@Suite struct TransferTests {
  private let world = PoolWorld()

  @Test func `what is pushed comes back in another store, byte for byte`() throws {
    let source = try TransferStore(world, "source")
    let writer = try source.create()
    let main = try source.branch("main")
    var changes = RandomChanges(seed: 1)
    try changes.apply(60, to: main)
    let pushed = try source.push(main, writer)
    #expect(!pushed.isUnchanged && pushed.pageCount > 0 && pushed.segmentCount == 2)
    let target = try TransferStore(world, "target")
    let (copy, pulled) = try target.pull(into: "copy")
    #expect(pulled.pageCount == pushed.pageCount)
    #expect(try copy.contents() == main.contents())
    target.engine.checkInvariants()
    #expect(try target.engine.checks.check().findings.isEmpty)
  }

  @Test func `a state that the pool has takes two requests, and no change`() throws {
    let source = try TransferStore(world, "source")
    let writer = try source.create()
    let main = try source.branch("main")
    try main.put(2, at: 0, [1, 2, 3])
    let first = try source.push(main, writer)
    let before = source.pool.connection.traffic.requestCount
    let again = try source.push(main, writer)
    #expect(again.isUnchanged && again.entry == first.entry && again.byteCount == 0)
    #expect(source.pool.connection.traffic.requestCount - before == 2)
    var access = try PoolAccess.open(source.pool.site())
    let tree = try source.engine.sealedTree(of: main)
    let state = PushedState(name: "main", domain: .standard, lsn: .zero, createdAt: 1)
    let start = source.pool.connection.traffic.requestCount
    #expect(try access.unchanged(tree, as: state) == first.entry)
    #expect(source.pool.connection.traffic.requestCount - start == 2)
  }

  @Test func `a push of changes sends the changes, and a pull fetches them`() throws {
    let source = try TransferStore(world, "source")
    let writer = try source.create()
    let main = try source.branch("main")
    var changes = RandomChanges(seed: 2)
    for page in 0..<1000 { try main.put(2, at: UInt64(page) * 4096, changes.bytes(4096)) }
    let first = try source.push(main, writer)
    let target = try TransferStore(world, "target")
    let (copy, whole) = try target.pull(into: "copy")
    for round in 0..<3 {
      for page in stride(from: round, to: 1000, by: 100) {
        try main.put(2, at: UInt64(page) * 4096 + UInt64(round) * 7, [UInt8(round), 9])
      }
      let next = try source.push(main, writer)
      #expect(next.pageCount == 10)
      #expect(next.byteCount * 100 < first.byteCount)
      let pulled = try target.pull(replacing: copy)
      #expect(pulled.pageCount == 10 && pulled.byteCount * 20 < whole.byteCount)
      #expect(try copy.contents() == main.contents())
    }
    #expect(try source.checkPool().findings == [])
  }

  @Test(arguments: SeedRange.chosen(else: 0..<12))
  func `branches go to and fro, and what is deleted goes`(seed: UInt64) throws {
    let world = PoolWorld(seed: seed)
    let source = try TransferStore(world, "source")
    let target = try TransferStore(world, "target")
    let writer = try source.create()
    var changes = RandomChanges(seed: seed)
    var branches = [try source.branch("b0")]
    var expected: [String: [[UInt8]?]] = [:]
    var copies: [String: EngineBranch] = [:]
    for step in 0..<20 {
      let place = Int(changes.random.next() % UInt64(branches.count))
      let name = "b\(place)"
      switch changes.random.next() % 8 {
      case 0 where branches.count < 4:
        branches.append(
          try source.engine.branches.fork(
            branches[place], named: "b\(branches.count)", isReadOnly: false))
      case 1 where expected[name] != nil && expected.count > 1:
        var access = try PoolAccess.open(source.pool.site())
        try writer.delete(try #require(try access.newest(name)).name)
        expected[name] = nil
        world.clock.advance(byNanoseconds: 90_000_000_000_000)
        _ = try writer.collect(TransferStore.options())
      case 2, 3:
        guard let state = expected[name] else { continue }
        if let copy = copies[name] {
          _ = try target.pull(name, replacing: copy)
        } else {
          copies[name] = try target.pull(name, into: name).branch
        }
        #expect(try copies[name]?.contents() == state, "step \(step)")
      default:
        try changes.apply(12, to: branches[place])
        try source.push(branches[place], writer, as: name)
        expected[name] = try branches[place].contents()
      }
    }
    _ = try writer.collect(TransferStore.options())
    let result = try source.checkPool()
    #expect(result.findings == [] && result.unpublishedCount == 0)
    let fresh = try TransferStore(world, "fresh")
    for (name, state) in expected {
      #expect(try fresh.pull(name, into: name).branch.contents() == state)
    }
    for store in [source, target, fresh] {
      store.engine.checkInvariants()
      #expect(try store.engine.checks.check().findings.isEmpty)
    }
  }

  @Test func `a new branch shares with the one that is like it, among many`() throws {
    let source = try TransferStore(world, "source")
    let writer = try source.create()
    let main = try source.branch("main")
    var changes = RandomChanges(seed: 3)
    for page in 0..<300 { try main.put(2, at: UInt64(page) * 4096, changes.bytes(4096)) }
    try source.push(main, writer)
    for number in 0..<12 {
      let other = try source.branch("other\(number)")
      try other.put(2, at: 0, changes.bytes(5000))
      try source.push(other, writer, as: "other\(number)")
    }
    let fork = try source.engine.branches.fork(main, named: "fork", isReadOnly: false)
    #expect(try source.push(fork, writer, as: "fork").pageCount == 0)
  }

  @Test func `a snapshot is pushed once under its name`() throws {
    let source = try TransferStore(world, "source")
    let writer = try source.create()
    let main = try source.branch("main")
    try main.put(2, at: 0, [1])
    try source.push(main, writer, as: "main@a")
    try source.push(main, writer)
    try main.put(2, at: 0, [2])
    #expect(throws: StoreError.self) { try source.push(main, writer, as: "main@a") }
    try source.push(main, writer)
    let target = try TransferStore(world, "target")
    #expect(try target.pull("main@a", into: "a").branch.all(2) == [1])
    #expect(try target.pull("main", into: "b").branch.all(2) == [2])
  }

  @Test func `what was verified, and how a drill ended, is noted with the entry`() throws {
    let source = try TransferStore(world, "source")
    let writer = try source.create()
    let main = try source.branch("main")
    try main.put(2, at: 0, [1])
    let first = try source.push(main, writer).entry
    let second = try source.push(main, writer, as: "main@a").entry
    try writer.noteVerified([first])
    try writer.noteDrill(second, PoolDrill(at: 5, status: 1, seconds: 3, byteCount: 7))
    let entries = try source.pool.entries().map(\.entry)
    #expect(entries[0].verifiedAt > 0 && entries[0].drill == PoolDrill())
    #expect(entries[1].verifiedAt == 0 && entries[1].drill.status == 1)
  }

  @Test func `new files of a pulled branch take no number that it has`() throws {
    let source = try TransferStore(world, "source")
    let writer = try source.create()
    let main = try source.branch("main")
    try main.put(5000, at: 0, [1])
    try source.push(main, writer)
    let target = try TransferStore(world, "target")
    let first = try target.engine.branches.allocateVolumeNumber()
    _ = try target.pull(into: "copy")
    let second = try target.engine.branches.allocateVolumeNumber()
    #expect(first.rawValue < 5000 && second.rawValue > 5000)
  }

  @Test func `an empty branch is pushed and pulled`() throws {
    let source = try TransferStore(world, "source")
    let writer = try source.create()
    try source.push(try source.branch("main"), writer)
    let target = try TransferStore(world, "target")
    let (copy, result) = try target.pull(into: "copy")
    #expect(result.pageCount == 0 && result.byteCount == 0)
    #expect(try copy.contents().allSatisfy { $0 == nil })
  }

  @Test func `a pull of another state over a branch leaves nothing of what it was`() throws {
    let source = try TransferStore(world, "source")
    let writer = try source.create()
    let main = try source.branch("main")
    try main.put(2, at: 0, [1])
    try main.put(3, at: 5_000_000, [2])
    try source.push(main, writer)
    let target = try TransferStore(world, "target")
    let other = try target.branch("other")
    var changes = RandomChanges(seed: 4)
    try changes.apply(40, to: other)
    _ = try target.pull(replacing: other)
    #expect(try other.contents() == main.contents())
    #expect(try target.engine.checks.check().findings.isEmpty)
  }
}
