import CoppiceErrors
import CoppiceFormat
import CoppicePools
import PoolTestSupport
import TestSupport
import Testing

/// From the word of a push to its entry.
@Suite struct PushTests {
  private let world = PoolWorld()

  @Test func `F1, F2, F3, F4: a push can end before any request, and is finished by the next one`()
    throws
  {
    var count = 0
    while true {
      let world = PoolWorld(seed: UInt64(count) + 10)
      let (store, writer) = try world.creator()
      try store.push(writer)
      let state = world.state()
      store.connection.end(beforeRequest: count)
      var intent: OpenIntent?
      let pushed = Result {
        let announced = try store.announce(writer, state)
        intent = announced
        return try store.finish(writer, announced, state)
      }
      guard store.connection.hasEnded else {
        _ = try pushed.get()
        break
      }
      store.cutPower()
      let next = try store.writer()
      let left = try next.openIntents()
      #expect(left.count <= 1)
      // What was announced before the end may be published already: the same call finds it.
      let resumed = try left.first ?? intent ?? store.announce(next, state)
      let name = try store.finish(next, resumed, state)
      let entries = try store.entries()
      #expect(entries.map(\.entry.isTombstone) == [true, false], "request \(count)")
      #expect(entries.last?.name == name)
      #expect(try next.openIntents().isEmpty)
      count += 1
    }
    #expect(count > 6)
  }

  @Test func `an intent has its supports with their roots, and ids for nobody else`() throws {
    let (store, writer) = try world.creator()
    let name = try store.push(writer)
    let first = try writer.openIntent(idCount: 3, domain: .standard, supports: [name])
    let second = try writer.openIntent(idCount: 2, domain: .standard, supports: [])
    let third = try writer.openIntent(idCount: 0, domain: .standard, supports: [name])
    #expect(first.ids == PoolSegmentRun(first: 2, count: 3))
    #expect(second.ids == PoolSegmentRun(first: 5, count: 2) && third.ids == nil)
    #expect(first.supports.map(\.name) == [name])
    #expect(first.supports.map(\.root) == [PoolWorld.root(1)])
    #expect(first.key == writer.keys.sealingKey(of: .standard)?.id)
    #expect(try writer.openIntents() == [first, second, third])
    store.cutPower()
    #expect(try store.writer().openIntents() == [first, second, third])
    expectFailure(.notFound) {
      _ = try writer.openIntent(idCount: 1, domain: DomainID(7), supports: [])
    }
  }

  @Test func `ids come in blocks, and no id comes twice`() throws {
    let (_, writer) = try world.creator()
    _ = try writer.domain(named: "raw", .raw)
    var taken: Set<UInt64> = []
    for count in [1000, 20, 1, 3000, 1024, 5] as [UInt32] {
      let ids = try #require(
        try writer.openIntent(idCount: count, domain: .standard, supports: []).ids)
      #expect(ids.count == count && taken.isDisjoint(with: ids.ids))
      taken.formUnion(ids.ids)
    }
    let blocks = try world.head.blocks
    #expect(blocks.map(\.run.count).allSatisfy { $0.isMultiple(of: 1024) })
    #expect(taken.allSatisfy { id in blocks.contains { $0.run.ids.contains(id) } })
    try world.editHead { head in
      let last = PoolSegmentRun(first: .max - 1023, count: 1024)
      head.blocks.append(PoolSegmentBlock(last, member: PoolMemberNumber(9)))
      head.revision = head.revision.next(
        by: PoolMemberNumber(9), PoolAttempt(1), nonce: SamplePool.nonce(3))
    }
    expectFailure(.full) {
      _ = try writer.openIntent(idCount: 5000, domain: .standard, supports: [])
    }
  }

  @Test func `F17: a push whose support is gone is refused`() throws {
    let (store, writer) = try world.creator()
    try store.push(writer)
    let state = world.state()
    let intent = try store.announce(writer, state)
    try world.edit(try #require(world.members.first).id) { member in
      member.entries = []
      member.revision = member.revision.next(
        by: PoolMemberNumber(9), PoolAttempt(1), nonce: SamplePool.nonce(3))
    }
    expectFailure(.notFound, .gone) { _ = try store.finish(writer, intent, state) }
    #expect(try store.entries().isEmpty)
    expectFailure(.notFound, .gone) {
      _ = try writer.openIntent(
        idCount: 1, domain: .standard, supports: intent.supports.map(\.name))
    }
  }

  @Test func `a segment that is not there in full keeps the push from being published`() throws {
    let (store, writer) = try world.creator()
    let state = world.state()
    let intent = try store.announce(writer, state)
    world.objects.inject(ObjectFault(.truncated, .put))
    expectFailure(.unavailable) { _ = try store.finish(writer, intent, state) }
    #expect(try store.entries().isEmpty)
    let content = PushedContent(
      root: PoolWorld.root(99), segments: [PushedSegment(id: SegmentID(99), byteCount: 1)],
      logicalByteCount: 0, newByteCount: 0)
    expectFailure(.notFound) { _ = try writer.publish(state, content, of: [intent]) }
  }

  @Test func `what is published is what was said`() throws {
    let (store, writer) = try world.creator()
    var state = world.state("main@noon")
    state.annotations[FieldTag(0x4001)] = [1, 2]
    let intent = try store.announce(writer, state)
    let name = try store.finish(writer, intent, state)
    let entry = try #require(store.entries().first).entry
    #expect(entry.id == name.entry && entry.name == "main@noon" && entry.flags == .snapshot)
    #expect(entry.root == PoolWorld.root(1) && entry.lsn == state.lsn)
    #expect(entry.createdAt == state.createdAt && entry.publishedAt > 0)
    #expect(entry.logicalByteCount == 4096 && entry.newByteCount == 40)
    #expect(entry.annotations == state.annotations)
    let head = try world.head
    #expect(head.branches.map(\.name) == ["main"] && entry.branch == head.branches[0].id)
    #expect(head.domains == [PoolDomain(.standard, .raw, name: "raw")])
    let member = try #require(world.members.first)
    #expect(
      member.published == [
        PoolPublishedRun(PoolSegmentRun(first: 1, count: 1), domain: .standard, key: intent.key)
      ])
    // A snapshot supersedes nothing and is superseded by nothing.
    try store.push(writer)
    try store.push(writer)
    #expect(try store.entries().map(\.entry.isTombstone) == [false, true, false])
    #expect(try #require(world.members.first).published.map(\.run.count) == [3])
    expectFailure(.conflict, .exists) { try store.push(writer, "main@noon") }
    expectFailure(.invalid) { _ = try writer.domain(named: "raw", .masked) }
  }

  @Test func `several intents are published as one`() throws {
    let (store, writer) = try world.creator()
    let state = world.state()
    let intents = [try store.announce(writer, state), try store.announce(writer, state)]
    var segments: [PushedSegment] = []
    for intent in intents {
      let id = SegmentID(UInt64(try #require(intent.ids).first))
      let bytes = PoolStore.content(id.rawValue, state.lsn)
      _ = try store.connection.put(
        ObjectKey(known: PoolObjectName.segment(id).key), bytes, .ifAbsent)
      segments.append(PushedSegment(id: id, byteCount: bytes.count))
    }
    let content = PushedContent(
      root: PoolWorld.root(2), segments: segments, logicalByteCount: 0, newByteCount: 0)
    _ = try writer.publish(state, content, of: intents)
    #expect(try writer.openIntents().isEmpty)
    expectFailure(.conflict) {
      _ = try writer.publish(world.state(), content, of: intents)
    }
  }

  @Test func `a push that is given up leaves nothing`() throws {
    let (store, writer) = try world.creator()
    let state = world.state()
    let intent = try store.announce(writer, state)
    let key = ObjectKey(known: PoolObjectName.segment(SegmentID(1)).key)
    _ = try store.connection.put(key, [1], .ifAbsent)
    try writer.close(intent, removing: [SegmentID(1)])
    try writer.close(intent, removing: [SegmentID(1)])
    #expect(world.objects.bytes(of: key) == nil)
    expectFailure(.conflict) {
      _ = try writer.publish(
        state,
        PushedContent(root: .hole, segments: [], logicalByteCount: 0, newByteCount: 0),
        of: [intent])
    }
    let next = try store.announce(writer, state)
    #expect(next.ids == PoolSegmentRun(first: 2, count: 1))
    _ = try store.finish(writer, next, state)
    expectFailure(.invalid) { try writer.close(next, removing: [SegmentID(2)]) }
  }
}
