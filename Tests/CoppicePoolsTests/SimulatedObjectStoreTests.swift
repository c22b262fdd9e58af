import CoppicePools
import PoolTestSupport
import TestSupport
import Testing

@Suite struct SimulatedObjectStoreTests {
  private let key = ObjectKey(known: "pool")

  private func replace(
    _ connection: SimulatedConnection, _ bytes: [UInt8]
  ) throws(ObjectStoreError) -> WriteOutcome {
    try connection.replace(key, tagged: try connection.head(key).tag, by: bytes)
  }

  @Test func `a request whose answer is lost has landed`() throws {
    let store = SimulatedObjectStore()
    store.inject(ObjectFault(.lostAnswer, .create))
    #expect(try store.connection().create(key, [1]).isUnknown)
    #expect(store.bytes(of: key) == [1])
  }

  @Test func `a late request lands after its sender gave up, unless its condition is gone`() throws
  {
    let store = SimulatedObjectStore()
    let connection = store.connection()
    #expect(try connection.create(key, [1]).tag != nil)
    store.inject(ObjectFault(.lateRequest, .replace))
    #expect(try replace(connection, [2]).isUnknown)
    #expect(store.bytes(of: key) == [1])
    store.deliverHeld()
    #expect(store.bytes(of: key) == [2])

    store.inject(ObjectFault(.lateRequest, .replace))
    #expect(try replace(connection, [3]).isUnknown)
    #expect(try replace(connection, [4]).tag != nil)
    store.deliverHeld()
    #expect(store.bytes(of: key) == [4])
  }

  @Test func `a late request lands by itself while others are made`() throws {
    let store = SimulatedObjectStore()
    let connection = store.connection()
    store.inject(ObjectFault(.lateRequest, .create))
    #expect(try connection.create(key, [1]).isUnknown)
    for _ in 0..<60 { _ = try connection.list("", from: nil) }
    #expect(store.bytes(of: key) == [1])
    #expect(store.heldCount == 0)
  }

  @Test func `a repeated request is refused by its own success`() throws {
    let store = SimulatedObjectStore()
    store.inject(ObjectFault(.repeatedRequest, .create))
    #expect(try store.connection().create(key, [1]) == .refused)
    #expect(store.bytes(of: key) == [1])
  }

  @Test func `a put ends as done whatever happens to its requests`() throws {
    for effect in [SimulatedEffect.lostRequest, .lateRequest, .lostAnswer, .repeatedRequest] {
      let store = SimulatedObjectStore()
      store.inject(ObjectFault(effect, .put))
      #expect(try store.connection().put(key, [1], .ifAbsent).tag != nil, "\(effect)")
      #expect(try store.connection().put(key, [2], .ifAbsent) == .refused, "\(effect)")
    }
  }

  @Test func `a late removal takes what was written afterwards`() throws {
    let store = SimulatedObjectStore()
    let connection = store.connection()
    #expect(try connection.create(key, [1]).tag != nil)
    store.inject(ObjectFault(.lateRequest, .remove))
    try connection.remove(key)
    #expect(try connection.create(key, [2]).tag != nil)
    store.deliverHeld()
    #expect(store.bytes(of: key) == nil)
  }

  @Test func `a stale read is a version that was there`() throws {
    let store = SimulatedObjectStore()
    let connection = store.connection()
    for byte in 1...5 { #expect(try connection.put(key, [UInt8(byte)], .always).tag != nil) }
    store.rates = SimulatedRates([.stale: 1])
    var found: Set<[UInt8]> = []
    for _ in 0..<60 {
      do throws(ObjectStoreError) { found.insert(try connection.get(key, nil).bytes) } catch {
        #expect(error.kind == .missing)
        found.insert([])
      }
    }
    #expect(found == [[], [1], [2], [3], [4]])
  }

  @Test func `a process that has ended sends nothing any more`() throws {
    let store = SimulatedObjectStore()
    let connection = store.connection("one")
    connection.end(beforeRequest: 1)
    #expect(try connection.create(key, [1]).tag != nil)
    #expect(throws: ObjectStoreError.self) { try connection.head(key) }
    #expect(connection.hasEnded)
    #expect(store.operations.map(\.description) == ["one create pool"])
    #expect(try store.connection("two").head(key).byteCount == 1)
  }

  @Test func `without a network nothing is sent`() throws {
    let store = SimulatedObjectStore()
    let connection = store.connection()
    connection.isUp = false
    #expect(throws: ObjectStoreError.self) { try connection.create(key, [1]) }
    connection.isUp = true
    #expect(try connection.create(key, [1]).tag != nil)
    #expect(connection.traffic.requestCount == 1)
  }

  @Test func `something can be made to happen before a request`() throws {
    let store = SimulatedObjectStore()
    let key = key
    store.intercept(.create, keyPrefix: "po") { store.setBytes(of: key, to: [9]) }
    #expect(try store.connection().create(key, [1]) == .refused)
    #expect(store.bytes(of: key) == [9])
  }

  @Test func `a bucket that is set back has what it had`() throws {
    let store = SimulatedObjectStore()
    #expect(try store.connection().create(key, [1]).tag != nil)
    let yesterday = store.copy()
    #expect(try replace(store.connection(), [2]).tag != nil)
    store.setObjects(to: yesterday)
    #expect(store.bytes(of: key) == [1])
  }

  /// What many processes that only create and replace see of one object.
  private func history(seed: UInt64) -> [String] {
    let store = SimulatedObjectStore(seed: seed)
    store.rates = .rough
    var generator = SplitMix64(seed: seed)
    let connections = (0..<3).map { store.connection("\($0)") }
    var lines: [String] = []
    for step in 0..<300 {
      let connection = connections[generator.below(3)]
      let bytes = Array("\(step)".utf8)
      do throws(ObjectStoreError) {
        switch generator.below(4) {
        case 0: lines.append("\(try connection.create(key, bytes))")
        case 1: lines.append("\(try connection.list("", from: nil))")
        default: lines.append("\(try replace(connection, bytes))")
        }
      } catch { lines.append("\(error)") }
    }
    return lines
  }

  @Test func `the same seed gives the same answers`() {
    #expect(history(seed: 3) == history(seed: 3))
    #expect(history(seed: 3) != history(seed: 4))
  }

  @Test(arguments: 0..<40 as Range<UInt64>)
  func `of changes on one tag one lands at most, also when answers get lost`(seed: UInt64) throws {
    let store = SimulatedObjectStore(seed: seed)
    let connection = store.connection()
    #expect(try connection.create(key, Array("start".utf8)).tag != nil)
    let tag = try connection.head(key).tag
    store.rates = .rough
    var winners = 0
    var unknown: Set<[UInt8]> = []
    for writer in 0..<10 {
      let bytes = Array("writer \(writer)".utf8)
      do throws(ObjectStoreError) {
        let outcome = try connection.replace(key, tagged: tag, by: bytes)
        if outcome.tag != nil { winners += 1 } else { unknown.insert(bytes) }
      } catch { #expect(error.kind != .missing) }
    }
    store.deliverHeld()
    #expect(winners <= 1)
    let last = try #require(store.bytes(of: key))
    #expect(winners == 1 || unknown.contains(last) || last == Array("start".utf8))
  }
}
