import CoppiceErrors
import CoppiceFormat
import CoppicePools
import PoolTestSupport
import TestSupport
import Testing

/// Who writes to a pool: making one, joining, taking over, copies.
@Suite struct MemberTests {
  private let world = PoolWorld()

  @Test func `a pool that was made can be opened by its key`() throws {
    let (store, writer) = try world.creator()
    try store.push(writer)
    var access = try PoolAccess.open(try world.store("reader").site())
    let head = try access.head()
    #expect(head.place == PoolWorld.place && head.members.map(\.label) == ["first"])
    #expect(head.members.map(\.state) == [.joined])
    try access.require(PoolWorld.family)
    #expect(try access.entries().map(\.entry.name) == ["main"])
    #expect(writer.keys.sealingKey(of: .standard) != nil)
    // Whoever makes it once more takes it up.
    _ = try store.create()
  }

  @Test func `making a pool can end before any request, and is taken up`() throws {
    var count = 0
    while true {
      let world = PoolWorld(seed: UInt64(count))
      let store = try world.store("first")
      store.connection.end(beforeRequest: count)
      let made = Result {
        _ = try store.create(); return try store.writer()
      }
      guard store.connection.hasEnded else {
        _ = try made.get()
        break
      }
      expectFailure(.unavailable, try #require(throwing(made)).reason) { _ = try made.get() }
      store.cutPower()
      _ = try store.create()
      try store.push(try store.writer())
      #expect(try world.head.members.count == 1)
      #expect(try store.entries().count == 1)
      count += 1
    }
    #expect(count > 5)
  }

  private func throwing<Value>(_ result: Result<Value, any Error>) -> StoreError? {
    if case .failure(let error) = result { error as? StoreError } else { nil }
  }

  @Test func `F44, F56: another key, another pool`() throws {
    expectFailure(.notFound) { _ = try PoolAccess.open(world.store("early").site()) }
    let (store, _) = try world.creator()
    let wrong = OuterKey(
      pool: SamplePool.id, wrapper: PoolWrapperID(1), secret: PoolSecret(using: &world.random))
    expectFailure(.denied) {
      _ = try PoolAccess.open(try world.store("second").site(outer: wrong))
    }
    let other = OuterKey(
      pool: StoreUUID(low: 1, high: 2), wrapper: PoolWrapperID(1),
      secret: PoolSecret(using: &world.random))
    expectFailure(.denied) {
      _ = try PoolAccess.open(try world.store("third").site(outer: other))
    }
    expectFailure(.denied) {
      _ = try PoolAccess.create(
        try world.store("fourth").site(outer: wrong), PoolWorld.family, keyLabel: "", label: "")
    }
    // The store's own notes are about another pool than that key.
    expectFailure(.conflict) { _ = try PoolAccess.open(store.site(outer: other)) }
    let elsewhere = PoolWorld(seed: 9)
    let foreign = try elsewhere.store("foreign")
    _ = try PoolAccess.create(
      foreign.site(outer: other), PoolWorld.family, keyLabel: "", label: "foreign")
    world.objects.setObjects(to: elsewhere.objects)
    expectFailure(.conflict) { _ = try PoolAccess.open(store.site()) }
  }

  @Test func `F57: another page size or family is invalid`() throws {
    let (store, _) = try world.creator()
    var access = try PoolAccess.open(store.site())
    expectFailure(.invalid) {
      try access.require(PoolFamily(pageShift: 14, secret: PoolWorld.family.secret))
    }
    let secret = [UInt8](repeating: 1, count: PoolWorld.family.secret.count)
    expectFailure(.invalid) { try access.require(PoolFamily(pageShift: 12, secret: secret)) }
    expectFailure(.invalid) {
      _ = try PoolAccess.create(
        store.site(), PoolFamily(pageShift: 12, secret: secret), keyLabel: "", label: "")
    }
  }

  @Test func `F58: a pool of a newer version is not opened, or only read`() throws {
    let (store, writer) = try world.creator()
    try store.push(writer)
    try world.editHead { head in
      head.revision = head.revision.next(
        by: PoolMemberNumber(9), PoolAttempt(1), nonce: SamplePool.nonce(3))
      head.readCompatibleFlags = 1
    }
    #expect(try store.entries().count == 1)
    expectFailure(.denied) { try store.push(writer, "new") }
    try world.editHead { head in head.incompatibleFlags = 1 }
    expectFailure(.unsupportedFormat) { _ = try store.entries() }
  }

  @Test func `a pool at another place than its head says is a copy, and only read`() throws {
    let (store, writer) = try world.creator()
    try store.push(writer)
    let site = try world.store("second").site(place: "copies/main")
    var access = try PoolAccess.open(site)
    #expect(try access.entries().count == 1)
    expectFailure(.denied) { _ = try PoolWriter.open(access, label: "second") }
    expectFailure(.denied) { _ = try PoolWriter.take(access, label: "second") }
    expectFailure(.denied) {
      _ = try PoolAccess.create(
        store.site(place: "copies/main"), PoolWorld.family, keyLabel: "", label: "")
    }
  }

  @Test func `a second store is refused, and told who writes`() throws {
    _ = try world.creator("laptop")
    let second = try world.store("second")
    let error = expectFailure(.conflict) { _ = try second.writer() }
    #expect(error?.message.contains("laptop") == true)
    #expect(try world.head.members.count == 1)
  }

  @Test func `F28, F30: whoever was taken over from publishes nothing more`() throws {
    let (first, writer) = try world.creator()
    try first.push(writer)
    let state = world.state()
    let intent = try first.announce(writer, state)
    let second = try world.store("second")
    let taker = try second.taker()
    expectFailure(.conflict, .evicted) { _ = try first.finish(writer, intent, state) }
    expectFailure(.conflict, .evicted) { _ = try writer.domain(named: "more", .masked) }
    first.cutPower()
    expectFailure(.conflict, .evicted) { _ = try first.writer() }
    #expect(try world.head.members.map(\.state) == [.ended, .joined])
    // The branch goes on, in its next epoch, upon what the first one published.
    try second.push(taker)
    let entries = try second.entries()
    #expect(entries.map(\.entry.isTombstone) == [true, false])
    #expect(entries.map(\.entry.epoch) == [0, 1] && entries[1].name.member == PoolMemberNumber(2))
    try second.push(taker)
    #expect(try second.entries().last?.entry.epoch == 1)
    // And back.
    let again = try first.taker()
    expectFailure(.conflict, .evicted) { try second.push(taker) }
    try first.push(again)
    #expect(try first.entries().last?.entry.epoch == 2)
    #expect(try world.head.members.map(\.state) == [.ended, .ended, .joined])
  }

  @Test func `F31: a take can end before any request, and goes on`() throws {
    var count = 0
    while true {
      let world = PoolWorld(seed: UInt64(count) + 100)
      let (first, writer) = try world.creator()
      try first.push(writer)
      let second = try world.store("second")
      second.connection.end(beforeRequest: count)
      let taken = Result { try second.taker() }
      guard second.connection.hasEnded else { break }
      #expect(throwing(taken) != nil)
      second.cutPower()
      try second.push(try second.taker())
      expectFailure(.conflict, .evicted) { try first.push(writer) }
      #expect(try world.members.filter { $0.state != .ended }.count == 1)
      #expect(try second.entries().filter { !$0.entry.isTombstone }.count == 1)
      count += 1
    }
    #expect(count > 5)
  }

  @Test func `of two that take over at once at most one writes`() throws {
    for passing in 0..<8 {
      let world = PoolWorld(seed: UInt64(passing) + 200)
      _ = try world.creator()
      let (second, third) = (try world.store("second"), try world.store("third"))
      nonisolated(unsafe) var other: PoolWriter?
      nonisolated(unsafe) let late = third
      world.objects.intercept(nil, passing: passing) { other = try? late.taker() }
      let writer = try? second.taker()
      for (store, writer) in [(second, writer), (third, other)] {
        if let writer { _ = try? store.push(writer) }
      }
      #expect(try world.members.filter { $0.state != .ended }.count == 1)
      #expect(try second.entries().count == 1)
    }
  }

  @Test func `F12: of a store and its copy the second one to act is refused, and may rejoin`()
    throws
  {
    let (store, writer) = try world.creator()
    try store.push(writer)
    let copy = store.copy()
    let other = try copy.writer()
    expectFailure(.conflict, .copied) { try store.push(writer) }
    try copy.push(other)
    expectFailure(.conflict, .copied) { try store.push(writer) }
    store.cutPower()
    expectFailure(.conflict, .copied) { _ = try store.writer() }
    #expect(try world.members[0].entries.count == 2)
    let again = try store.rejoiner()
    try store.push(again)
    expectFailure(.conflict, .evicted) { try copy.push(other) }
    #expect(try world.head.members.map(\.state) == [.ended, .joined])
  }

  @Test func `F13: a directory that was set back publishes nothing`() throws {
    let (store, writer) = try world.creator()
    let old = store.copy()
    try store.push(writer)
    store.setBack(to: old)
    expectFailure(.conflict, .copied) { _ = try store.writer() }
  }

  @Test func `a member's object with what only a newer version knows is only read`() throws {
    let (store, writer) = try world.creator()
    try store.push(writer)
    try world.edit(try #require(world.members.first).id) { member in
      member.revision = member.revision.next(
        by: PoolMemberNumber(9), PoolAttempt(1), nonce: SamplePool.nonce(3))
      member.extensions[FieldTag(0x8000 | 99)] = [1]
    }
    #expect(try store.entries().count == 1)
    expectFailure(.denied) { try store.push(writer) }
  }
}
