import CoppiceErrors
import CoppiceFormat
import CoppicePools
import PoolTestSupport
import TestSupport
import Testing

/// Deleting, holding, forgetting.
@Suite struct EntryTests {
  private static let day: UInt64 = 86_400_000_000_000
  private let world = PoolWorld()

  private func collect(_ writer: PoolWriter) throws -> [UInt64] {
    try writer.collect { PoolWorld.live($0) }.removed.map(\.rawValue)
  }

  private func segmentCount() -> Int {
    world.objects.keys.filter { $0.text.hasPrefix("segments/") }.count
  }

  @Test func `a deleted entry can be brought back until a collection forgets it`() throws {
    let (store, writer) = try world.creator()
    let name = try store.push(writer, "main@noon")
    try writer.delete(name)
    try writer.delete(name)
    #expect(try collect(writer) == [] && segmentCount() == 1)
    try writer.undelete(name)
    try writer.undelete(name)
    #expect(try store.entries()[0].entry.flags == .snapshot)
    try writer.delete(name)
    try store.push(writer, "main@noon")
    expectFailure(.conflict, .exists) { try writer.undelete(name) }
    world.clock.advance(byNanoseconds: Self.day)
    #expect(try collect(writer) == [1])
    expectFailure(.notFound, .gone) { try writer.undelete(name) }
    expectFailure(.notFound, .gone) { try writer.delete(name) }
    #expect(segmentCount() == 1)
  }

  @Test func `a superseded state goes with the next collection, and what it alone reached`() throws
  {
    let (store, writer) = try world.creator()
    let first = try store.push(writer)
    try store.push(writer)
    expectFailure(.conflict, .exists) {
      try writer.delete(first)
      try writer.undelete(first)
    }
    world.clock.advance(byNanoseconds: Self.day)
    #expect(try collect(writer) == [1])
    #expect(try store.entries().map(\.entry.isTombstone) == [false])
    #expect(try #require(world.members.first).published.map(\.run.first) == [2])
    #expect(try world.head.retired == world.head.cycle && world.head.cycle == 1)
    #expect(try collect(writer) == [])
    #expect(try world.head.retired == 1 && world.head.cycle == 2)
  }

  @Test func `a held entry stays until a day after its release`() throws {
    let (store, writer) = try world.creator()
    let name = try store.push(writer)
    try writer.hold(name)
    expectFailure(.inUse) { try writer.delete(name) }
    try store.push(writer)
    #expect(try collect(writer) == [])
    try writer.release(name)
    try writer.release(name)
    expectFailure(.inUse) { try writer.delete(name) }
    #expect(try collect(writer) == [])
    world.clock.advance(byNanoseconds: Self.day)
    #expect(try collect(writer) == [1])
    expectFailure(.notFound, .gone) { try writer.hold(name) }
  }

  @Test func `pinned and locked entries are not deleted`() throws {
    let (store, writer) = try world.creator()
    let names = [try store.push(writer, "main@one"), try store.push(writer, "main@two")]
    try world.edit(try #require(world.members.first).id) { member in
      member.entries[0].pins = [
        PoolPin(member: PoolMemberNumber(9), incarnation: 1, since: 0)
      ]
      member.entries[1].lockedUntil = .max
      member.revision = member.revision.next(
        by: PoolMemberNumber(9), PoolAttempt(1), nonce: SamplePool.nonce(3))
    }
    expectFailure(.inUse) { try writer.delete(names[0]) }
    expectFailure(.denied, .protected) { try writer.delete(names[1]) }
  }

  @Test func `F14, F15: what a push builds on stays, whoever deletes it`() throws {
    let (store, writer) = try world.creator()
    let name = try store.push(writer)
    let state = world.state()
    let intent = try store.announce(writer, state)
    try writer.delete(name)
    world.clock.advance(byNanoseconds: 30 * Self.day)
    for _ in 0..<3 { #expect(try collect(writer) == []) }
    store.cutPower()
    let next = try store.writer()
    #expect(try next.openIntents() == [intent])
    _ = try store.finish(next, intent, state)
    // It let go in cycle 3.
    #expect(try collect(next) == [1])
  }

  @Test func `entries of a store that was taken over from are deleted and collected as well`()
    throws
  {
    let (first, writer) = try world.creator()
    let name = try first.push(writer, "main@noon")
    let second = try world.store("second")
    let taker = try second.taker()
    let state = world.state("main@noon")
    let intent = try taker.openIntent(idCount: 1, domain: .standard, supports: [name])
    #expect(intent.ids == PoolSegmentRun(first: 1025, count: 1))
    try taker.delete(name)
    world.clock.advance(byNanoseconds: Self.day)
    #expect(try collect(taker) == [])
    _ = try second.finish(taker, intent, state)
    #expect(try collect(taker) == [1])
    #expect(try second.entries().map(\.entry.name) == ["main@noon"])
    #expect(try world.members[0].published.isEmpty)
    #expect(try world.members[0].changeCount > 0 && world.members[0].cycle == 2)
  }

  @Test func `F23: a mark that fails ends the cycle, and nothing is removed`() throws {
    let (store, writer) = try world.creator()
    try store.push(writer)
    try store.push(writer)
    expectFailure(.corrupt) {
      _ = try writer.collect { (_) throws(StoreError) in throw StoreError(.corrupt, "a node") }
    }
    #expect(segmentCount() == 2)
    #expect(try collect(writer) == [1])
  }

  @Test func `F21, F22: a collection can end before any request, and another one ends its work`()
    throws
  {
    var count = 0
    while true {
      let world = PoolWorld(seed: UInt64(count) + 400)
      let (store, writer) = try world.creator()
      for _ in 0..<3 { try store.push(writer) }
      store.connection.end(beforeRequest: count)
      let collected = Result { try writer.collect { PoolWorld.live($0) } }
      guard store.connection.hasEnded else {
        #expect(try collected.get().removed.map(\.rawValue) == [1, 2])
        break
      }
      store.cutPower()
      let next = try store.writer()
      _ = try next.collect { PoolWorld.live($0) }
      #expect(
        world.objects.keys.map(\.text).filter { $0.hasPrefix("segments/") }
          == ["segments/03/00000003"])
      #expect(try store.entries().count == 1)
      #expect(try #require(world.members.first).published.map(\.run.first) == [3])
      count += 1
    }
    #expect(count > 10)
  }

  @Test func `F21: a collector that slept commits nothing`() throws {
    let (first, writer) = try world.creator()
    try first.push(writer)
    try first.push(writer)
    let second = try world.store("second")
    nonisolated(unsafe) var taker: PoolWriter?
    expectFailure(.conflict, .evicted) {
      _ = try writer.collect { (roots) throws(StoreError) in
        do { taker = try second.taker() } catch { throw StoreError(.invalid, "\(error)") }
        return PoolWorld.live(roots)
      }
    }
    #expect(segmentCount() == 2)
    #expect(try collect(try #require(taker)) == [1])
  }

  @Test func `frames that are hosted stay in the tables that follow`() throws {
    let (store, writer) = try world.creator()
    try store.push(writer)
    try store.push(writer)
    let hosted = RetiredSegment(id: SegmentID(900), hosts: [SegmentID(2)])
    let gone = RetiredSegment(id: SegmentID(901), hosts: [])
    let keys = try world.keys
    let key = ObjectKey(known: PoolObjectName.retired(cycle: 7).key)
    world.objects.setBytes(
      of: key,
      to: PoolRetiredTable(cycle: 7, retired: [hosted, gone])
        .seal(keys: keys, using: &world.random))
    try world.editHead { head in
      (head.cycle, head.retired) = (7, 7)
      head.revision = head.revision.next(
        by: PoolMemberNumber(9), PoolAttempt(1), nonce: SamplePool.nonce(3))
    }
    #expect(try collect(writer) == [1])
    let table = try PoolRetiredTable.open(world.bytes(.retired(cycle: 8)), of: 8, keys: keys)
    #expect(table.retired == [RetiredSegment(id: SegmentID(1), hosts: []), hosted])
  }
}
