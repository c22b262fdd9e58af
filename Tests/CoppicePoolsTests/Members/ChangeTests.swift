import CoppiceErrors
import CoppiceFormat
import CoppicePools
import PoolTestSupport
import TestSupport
import Testing

/// How one change of an object ends, whatever becomes of its requests.
@Suite struct ChangeTests {
  private let world = PoolWorld()

  /// Of the first member, as they are in the object store.
  private func states() throws -> [PoolEntry] { try #require(world.members.first).entries }

  @Test(arguments: [
    SimulatedEffect.lostAnswer, .lostRequest, .lateRequest, .repeatedRequest, .doubledRequest,
    .contended, .throttled, .unreachable,
  ])
  func `F5, F7, F8: a publication lands once, whatever becomes of its request`(
    effect: SimulatedEffect
  ) throws {
    let (store, writer) = try world.creator()
    let state = world.state()
    let intent = try store.announce(writer, state)
    world.objects.inject(ObjectFault(effect, .replace, keyPrefix: "members/"))
    let name = try store.finish(writer, intent, state)
    world.objects.deliverHeld()
    #expect(try states().map(\.id) == [name.entry])
    // It is known to have ended: the next change needs no other one before.
    try store.push(writer)
    #expect(try states().count == 2)
  }

  /// A publication whose request is on its way when its process gives up.
  private func abandonedPublication() throws -> (PoolStore, PushedState, OpenIntent) {
    let (store, writer) = try world.creator()
    let state = world.state()
    let intent = try store.announce(writer, state)
    store.loseNextChange()
    expectFailure(.unavailable, .unknownOutcome) {
      _ = try store.finish(writer, intent, state)
    }
    #expect(world.objects.heldCount == 1)
    store.connection.isUp = true
    return (store, state, intent)
  }

  @Test func `F6: what is on its way when a process ends cannot land after the next began`() throws
  {
    let (store, state, intent) = try abandonedPublication()
    store.cutPower()
    let writer = try store.writer()
    world.objects.deliverHeld()
    #expect(try states().isEmpty)
    #expect(try writer.openIntents() == [intent])
    _ = try store.finish(writer, intent, state)
    #expect(try states().count == 1)
  }

  @Test func `F6: what lands before the next process began is found by it`() throws {
    let (store, state, intent) = try abandonedPublication()
    store.cutPower()
    world.objects.deliverHeld()
    let writer = try store.writer()
    #expect(try writer.openIntents().isEmpty)
    let name = try store.finish(writer, intent, state)
    #expect(try states().map(\.id) == [name.entry])
  }

  @Test func `an unknown outcome is known after the next change of the same process`() throws {
    for isLanding in [false, true] {
      let world = PoolWorld(seed: 3)
      let (store, writer) = try world.creator()
      let (first, second) = (world.state(), world.state("other"))
      let intent = try store.announce(writer, first)
      let otherIntent = try store.announce(writer, second)
      store.loseNextChange()
      expectFailure(.unavailable, .unknownOutcome) {
        _ = try store.finish(writer, intent, first)
      }
      store.connection.isUp = true
      if isLanding { world.objects.deliverHeld() } else { world.objects.dropHeld() }
      _ = try store.finish(writer, otherIntent, second)
      let names = try #require(world.members.first).entries.map(\.name)
      #expect(names == (isLanding ? ["main", "other"] : ["other"]))
      _ = try store.finish(writer, intent, first)
      #expect(try #require(world.members.first).entries.count == 2)
    }
  }

  @Test func `while an outcome is unknown even a change without an effect is written`() throws {
    let (store, writer) = try world.creator()
    let name = try store.push(writer)
    store.loseNextChange()
    expectFailure(.unavailable, .unknownOutcome) { try writer.delete(name) }
    store.connection.isUp = true
    // Nothing is to be done, as far as can be seen.
    try writer.undelete(name)
    world.objects.deliverHeld()
    #expect(try states().map(\.isTombstone) == [false])
  }

  @Test func `F9: a change of another member in between does not hide that one's own landed`()
    throws
  {
    let (store, writer) = try world.creator()
    let state = world.state()
    let intent = try store.announce(writer, state)
    let id = try #require(world.members.first).id
    world.objects.inject(ObjectFault(.lostAnswer, .replace, keyPrefix: "members/"))
    nonisolated(unsafe) let other = world
    world.objects.intercept(.get, keyPrefix: "members/", passing: 1) {
      try? other.edit(id) { member in
        member.revision = member.revision.next(
          by: PoolMemberNumber(9), PoolAttempt(1), nonce: SamplePool.nonce(1))
      }
    }
    _ = try store.finish(writer, intent, state)
    let member = try #require(world.members.first)
    #expect(member.entries.count == 1)
    #expect(member.revision.attempt(of: PoolMemberNumber(9)) == PoolAttempt(1))
    #expect(member.revision.receipts.count == 2)
  }

  @Test func `F24: late reads are read again`() throws {
    let (store, writer) = try world.creator()
    for _ in 0..<3 { try store.push(writer) }
    world.objects.inject(ObjectFault(.stale, .get, failing: 9))
    let name = try store.push(writer)
    #expect(try states().map(\.isTombstone) == [true, true, true, false])
    world.objects.inject(ObjectFault(.stale, .get, failing: 9))
    #expect(try store.entries().last?.name == name)
  }

  @Test func `a store that stays away is unreachable, and nothing is unknown`() throws {
    let (store, writer) = try world.creator()
    store.connection.isUp = false
    expectFailure(.unavailable, .unreachable) { try store.push(writer) }
    store.connection.isUp = true
    try store.push(writer)
    world.objects.inject(ObjectFault(.denied, .get))
    expectFailure(.denied) { try store.push(writer) }
  }

  @Test func `F45: a bucket that is set back stops whoever saw more`() throws {
    let (store, writer) = try world.creator()
    let reader = try world.store("reader")
    try store.push(writer)
    let backup = world.objects.copy()
    try store.push(writer)
    #expect(try reader.entries().count == 2)
    world.objects.setObjects(to: backup)
    expectFailure(.unavailable, .oldObject) { try store.push(writer) }
    expectFailure(.unavailable, .oldObject) { _ = try reader.entries() }
    // Processes that come later know it too.
    store.cutPower()
    expectFailure(.unavailable, .oldObject) { _ = try store.writer() }
    // An empty bucket is no new one.
    world.objects.setObjects(to: SimulatedObjectStore())
    expectFailure(.unavailable, .oldObject) { _ = try store.create() }
  }

  @Test func `F45: a change that somebody wrote over is found by its receipt`() throws {
    let (store, writer) = try world.creator()
    let id = try #require(world.members.first).id
    try store.push(writer)
    let old = try world.bytes(.member(id))
    try store.push(writer)
    world.objects.setBytes(of: ObjectKey(known: PoolObjectName.member(id).key), to: old)
    try world.edit(id) { member in
      for attempt in 1...9 {
        member.revision = member.revision.next(
          by: PoolMemberNumber(9), PoolAttempt(UInt64(attempt)), nonce: SamplePool.nonce(1))
      }
    }
    expectFailure(.unavailable, .oldObject) { try store.push(writer) }
  }

  @Test func `two contents with one sequence are a broken promise`() throws {
    let (store, writer) = try world.creator()
    try store.push(writer)
    try world.edit(try #require(world.members.first).id) { member in
      member.revision = PoolRevision(
        sequence: member.revision.sequence, nonce: SamplePool.nonce(8))
    }
    expectFailure(.unavailable, .oldObject) { try store.push(writer) }
  }

  @Test func `a receipt that made room for others is no lost change`() throws {
    let (store, writer) = try world.creator()
    try store.push(writer)
    try world.edit(try #require(world.members.first).id) { member in
      for number in 2...257 {
        member.revision = member.revision.next(
          by: PoolMemberNumber(UInt16(number)), PoolAttempt(1), nonce: SamplePool.nonce(2))
      }
    }
    try store.push(writer)
    #expect(try states().count == 2)
  }

  @Test func `the newest head and own object are kept beside the notes`() throws {
    let (store, writer) = try world.creator()
    try store.push(writer)
    let member = try #require(world.members.first)
    #expect(try store.disk.contents(of: "pool/head") == world.bytes(.head))
    #expect(try store.disk.contents(of: "pool/member") == world.bytes(.member(member.id)))
  }
}

extension PoolEntry {
  var isTombstone: Bool { !flags.isDisjoint(with: [.deleted, .superseded]) }
}
