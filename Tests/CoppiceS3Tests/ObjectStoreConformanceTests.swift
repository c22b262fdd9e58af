import CoppicePlatform
import CoppicePools
import CoppiceS3
import PoolTestSupport
import S3TestServer
import Synchronization
import TestSupport
import Testing

/// A store that has to keep the contract of `ObjectStore`.
enum ConformingStore: String, CaseIterable, Sendable {
  case simulated, server, plainTagServer, ceph

  static var available: [ConformingStore] { allCases.filter { $0 != .ceph || Ceph.isMet } }

  private static let quoting = Result { try S3TestServer() }
  private static let comparing = Result {
    let server = try S3TestServer()
    server.behaviour.tags = .plain
    server.behaviour.quotesTags = false
    server.behaviour.refusedStatus = 409
    server.behaviour.missingStatus = 412
    return server
  }
  private static let storeCount = Atomic<Int>(0)

  /// A place in it that is empty, with lists in parts of a few objects.
  func make() throws -> any ObjectStore {
    let number = Self.storeCount.add(1, ordering: .relaxed).oldValue
    switch self {
    case .simulated: return SimulatedObjectStore(seed: UInt64(number)).connection()
    case .server:
      return try Self.quoting.get().store(prefix: "place \(number)/é&") { $0.limits.listCount = 7 }
    case .plainTagServer:
      return try Self.comparing.get().store(prefix: "place-\(number)") {
        $0.tagStyle = .plain
        $0.limits.listCount = 7
      }
    case .ceph: return try Ceph.store { $0.limits.listCount = 7 }
    }
  }
}

/// What every object store does that a pool may lie in.
@Suite struct ObjectStoreConformanceTests {
  private let key = ObjectKey(known: "folder/object")

  private func done(_ outcome: WriteOutcome) throws -> ObjectTag { try #require(outcome.tag) }

  @Test(arguments: ConformingStore.available)
  func `an object is created once`(_ store: ConformingStore) throws {
    let store = try store.make()
    let tag = try done(store.create(key, [1, 2, 3]))
    #expect(try store.get(key, nil) == FetchedObject(bytes: [1, 2, 3], tag: tag, byteCount: 3))
    #expect(try store.head(key) == ObjectStatus(tag: tag, byteCount: 3))
    #expect(try store.create(key, [4]) == .refused)
    #expect(try store.create(key, [1, 2, 3]) == .refused)
    #expect(try store.get(key, nil).bytes == [1, 2, 3])
  }

  @Test(arguments: ConformingStore.available)
  func `an object is replaced on the tag that it has`(_ store: ConformingStore) throws {
    let store = try store.make()
    let first = try done(store.create(key, [1]))
    let second = try done(store.replace(key, tagged: first, by: [2, 2]))
    #expect(first != second)
    #expect(try store.get(key, nil) == FetchedObject(bytes: [2, 2], tag: second, byteCount: 2))
    #expect(try store.replace(key, tagged: first, by: [3]) == .refused)
    #expect(try store.get(key, nil).bytes == [2, 2])
    let third = try done(store.replace(key, tagged: second, by: [3]))
    #expect(try store.head(key).tag == third)
  }

  @Test(arguments: ConformingStore.available)
  func `an object that is not there is missing, and replaced by nobody`(
    _ store: ConformingStore
  ) throws {
    let store = try store.make()
    #expect(kind { () throws(ObjectStoreError) in try store.get(key, nil) } == .missing)
    #expect(kind { () throws(ObjectStoreError) in try store.get(key, 0..<1) } == .missing)
    #expect(kind { () throws(ObjectStoreError) in try store.head(key) } == .missing)
    let tag = try #require(ObjectTag(header: "0123456789abcdef0123456789abcdef"))
    #expect(try store.replace(key, tagged: tag, by: [1]) == .refused)
    #expect(kind { () throws(ObjectStoreError) in try store.head(key) } == .missing)
  }

  @Test(arguments: ConformingStore.available)
  func `ranges are the bytes that were asked for`(_ store: ConformingStore) throws {
    let store = try store.make()
    var generator = SplitMix64(seed: 1)
    let bytes = generator.bytes(300_000)
    let tag = try done(store.create(key, bytes))
    for range in [0..<1, 0..<300_000, 299_999..<300_000, 65_535..<131_073, 96..<65_648] {
      let found = try store.get(key, range)
      #expect(found.bytes == Array(bytes[range]))
      #expect(found.tag == tag && found.byteCount == bytes.count)
    }
    for range in [300_000..<300_001, 299_999..<300_001, 0..<300_001, 400_000..<500_000] {
      #expect(kind { () throws(ObjectStoreError) in try store.get(key, range) } == .beyondEnd)
    }
  }

  @Test(arguments: ConformingStore.available)
  func `a put leaves what is there, or not, as it is told`(_ store: ConformingStore) throws {
    let store = try store.make()
    let first = try done(store.put(key, [1, 1], .ifAbsent))
    #expect(try done(store.put(key, [1, 1], .ifAbsent)) == first)
    #expect(try store.put(key, [2, 2], .ifAbsent) == .refused)
    #expect(try store.put(key, [2], .ifAbsent) == .refused)
    #expect(try store.get(key, nil).bytes == [1, 1])
    let second = try done(store.put(key, [2, 2], .always))
    #expect(try store.head(key).tag == second)
    #expect(try store.replace(key, tagged: first, by: [3]) == .refused)
    #expect(try store.get(key, nil).bytes == [2, 2])
  }

  @Test(arguments: ConformingStore.available)
  func `what is removed is missing, also when it was never there`(
    _ store: ConformingStore
  ) throws {
    let store = try store.make()
    let tag = try done(store.create(key, [1]))
    try store.remove(key)
    try store.remove(key)
    #expect(kind { () throws(ObjectStoreError) in try store.get(key, nil) } == .missing)
    #expect(try store.replace(key, tagged: tag, by: [2]) == .refused)
    #expect(try store.create(key, [3]).tag != nil)
  }

  @Test(arguments: ConformingStore.available)
  func `a list has all keys with their byte counts, in order`(_ store: ConformingStore) throws {
    let store = try store.make()
    let names = (0..<20).map { "list/\($0 * 37 % 100)" } + ["list-a", "other/list/1"]
    for (index, name) in names.enumerated() {
      #expect(
        try store.create(ObjectKey(known: name), Array(repeating: 7, count: index)).tag != nil)
    }
    let found = try store.listAll("list/")
    #expect(found.map(\.key.text) == names.prefix(20).sorted())
    for object in found {
      #expect(object.byteCount == names.firstIndex(of: object.key.text))
    }
    #expect(try store.listAll("list").count == 21)
    #expect(try store.listAll("").map(\.key.text) == names.sorted())
    #expect(try store.listAll("nothing") == [])
  }

  @Test(arguments: ConformingStore.available)
  func `objects of any byte count come back as they were`(_ store: ConformingStore) throws {
    let store = try store.make()
    var generator = SplitMix64(seed: 2)
    for byteCount in [0, 1, 4095, 65_536, 1 << 20, (5 << 20) + 1] {
      let key = ObjectKey(known: "bytes/\(byteCount)")
      let bytes = generator.bytes(byteCount)
      #expect(try store.create(key, bytes).tag != nil)
      let found = try store.get(key, nil)
      #expect(found.bytes == bytes && found.byteCount == byteCount)
      #expect(try store.head(key).byteCount == byteCount)
    }
  }

  @Test(arguments: ConformingStore.available)
  func `keys are the words that they are`(_ store: ConformingStore) throws {
    let store = try store.make()
    let longest = String(repeating: "x", count: 200) + "/" + String(repeating: "y", count: 200)
    for name in ["a", "A", "a.b", "a-b", "a_b", "...", "a/b/c/d", "0", longest] {
      let key = ObjectKey(known: "keys/\(name)")
      #expect(try store.create(key, Array(name.utf8)).tag != nil)
      #expect(try store.get(key, nil).bytes == Array(name.utf8))
    }
    #expect(try store.listAll("keys/").count == 9)
  }

  @Test(arguments: ConformingStore.available)
  func `of writers that race, one wins each round`(_ store: ConformingStore) throws {
    let connection = try store.make()
    let pool = try WorkerPool(threadCount: 7)
    let probe = ObjectStoreProbe(token: 11, pool: pool) { _ in [connection] }
    let report = try probe.run()
    #expect(report.roundCount == 16)
    #expect(report.tagStyle == .quoted)
    let offset = try #require(report.clockOffset)
    #expect(offset < .seconds(5) && offset > .seconds(-5))
    #expect(try connection.listAll("probe/") == [])
  }
}
