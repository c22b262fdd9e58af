import CoppiceErrors
import CoppiceFormat
import CoppicePlatform
import CoppicePools
import PoolTestSupport
import TestSupport
import Testing

/// An object store with one pool, and the stores that know its key.
final class PoolWorld {
  static let place = "backups/main"
  static let family = PoolFamily(pageShift: 12, secret: SampleValues.secret.bytes)

  let objects: SimulatedObjectStore
  let clock = SimulatedClock()
  let outer: OuterKey
  var random: SplitMix64
  private var pushCount: UInt64 = 0

  init(seed: UInt64 = 1) {
    objects = SimulatedObjectStore(seed: seed)
    random = SplitMix64(seed: seed)
    outer = OuterKey(
      pool: SamplePool.id, wrapper: PoolWrapperID(1), secret: PoolSecret(using: &random))
  }

  /// A store in a directory of its own.
  func store(_ name: String) throws -> PoolStore { try PoolStore(self, name) }

  /// A store that has made the pool, and writes to it.
  func creator(_ name: String = "first") throws -> (PoolStore, PoolWriter) {
    let store = try store(name)
    _ = try store.create()
    return (store, try store.writer())
  }

  var keys: PoolKeys {
    get throws { try HeadObject(bytes(.head), opening: outer).keys }
  }

  var head: PoolHead {
    get throws { try HeadObject(bytes(.head), opening: outer).head }
  }

  /// The objects of all members, as they are.
  var members: [PoolMember] {
    get throws {
      guard objects.bytes(of: ObjectKey(known: "pool")) != nil else { return [] }
      let (head, keys) = (try head, try keys)
      return try head.members.compactMap { listing in
        let key = ObjectKey(known: PoolObjectName.member(listing.id).key)
        return try objects.bytes(of: key).map {
          try PoolMember.open($0, of: listing.id, keys: keys)
        }
      }
    }
  }

  func bytes(_ name: PoolObjectName) throws -> [UInt8] {
    try #require(objects.bytes(of: ObjectKey(known: name.key)))
  }

  /// Somebody else changes a member's object behind everybody's back.
  func edit(_ id: PoolMemberID, _ change: (inout PoolMember) throws -> Void) throws {
    var member = try PoolMember.open(bytes(.member(id)), of: id, keys: keys)
    try change(&member)
    objects.setBytes(
      of: ObjectKey(known: PoolObjectName.member(id).key),
      to: member.seal(keys: try keys, using: &random))
  }

  func editHead(_ change: (inout PoolHead) -> Void) throws {
    var object = try HeadObject(bytes(.head), opening: outer)
    change(&object.head)
    objects.setBytes(
      of: ObjectKey(known: "pool"),
      to: HeadObject.seal(object.head, object.table, keys: object.keys, using: &random))
  }

  /// A state of a branch that no other one equals.
  func state(_ name: String = "main") -> PushedState {
    pushCount += 1
    return PushedState(
      name: name, domain: .standard, lsn: LSN(pushCount), createdAt: Int64(pushCount))
  }

  /// The root of what was written to that segment.
  static func root(_ segment: UInt64) -> Ref {
    Ref(
      hash: PageHash(low: segment, high: 1),
      locator: Locator(
        name: FrameName(segment: SegmentID(segment), ordinal: 0), offset: 64, storedByteCount: 9,
        form: FrameForm(.tableNode, .columns)))
  }

  /// Of an entry: what mark would find.
  static func live(_ roots: CollectionRoots) -> Set<SegmentID> {
    Set(roots.entries.map { $0.root.locator.name.segment })
  }
}

/// A store's directory, and its way to the object store.
final class PoolStore {
  let world: PoolWorld
  let name: String
  private(set) var disk: SimulatedDisk
  private(set) var connection: SimulatedConnection

  init(_ world: PoolWorld, _ name: String) throws {
    self.world = world
    self.name = name
    disk = SimulatedDisk(seed: world.random.next())
    connection = world.objects.connection(name)
    try disk.makeDirectory("pool")
    try disk.syncDirectory("")
  }

  private init(copying other: PoolStore) {
    world = other.world
    name = other.name + " again"
    disk = other.disk.snapshot()
    connection = world.objects.connection(name)
  }

  /// The same directory on another machine.
  func copy() -> PoolStore { PoolStore(copying: self) }

  /// The directory is set back to what it was in a copy.
  func setBack(to copy: PoolStore) { disk = copy.disk.snapshot() }

  /// The next change of a member's object is on its way when the connection breaks.
  func loseNextChange() {
    world.objects.inject(ObjectFault(.lateRequest, .replace, keyPrefix: "members/"))
    let connection = connection
    world.objects.intercept(.replace, keyPrefix: "members/") { connection.isUp = false }
  }

  /// The power fails, and comes back.
  func cutPower() {
    disk.crash(seed: world.random.next())
    connection = world.objects.connection(name)
  }

  func site(place: String = PoolWorld.place, outer: OuterKey? = nil) -> PoolSite {
    let clock = world.clock
    return PoolSite(
      store: connection, place: place, outer: outer ?? world.outer, disk: disk, folder: "pool",
      patience: Patience(clock: clock) { pause in
        let parts = pause.components
        clock.advance(
          byNanoseconds: UInt64(parts.seconds) * 1_000_000_000
            + UInt64(parts.attoseconds / 1_000_000_000))
      }, random: RandomSource(SplitMix64(seed: world.random.next())))
  }

  func create() throws -> PoolAccess {
    try PoolAccess.create(site(), PoolWorld.family, keyLabel: "key", label: name)
  }

  /// A process that writes.
  func writer() throws -> PoolWriter { try PoolWriter.open(PoolAccess.open(site()), label: name) }
  func taker() throws -> PoolWriter { try PoolWriter.take(PoolAccess.open(site()), label: name) }
  func rejoiner() throws -> PoolWriter {
    try PoolWriter.rejoin(PoolAccess.open(site()), label: name)
  }

  func entries() throws -> [ListedEntry] {
    var access = try PoolAccess.open(site())
    return try access.entries()
  }

  /// What the push of a state writes to a segment: other bytes each time.
  static func content(_ id: UInt64, _ lsn: LSN) -> [UInt8] {
    var random = SplitMix64(seed: id << 32 | lsn.rawValue)
    return random.bytes(40)
  }

  /// Announces a push of one segment upon the branch's newest state.
  func announce(_ writer: PoolWriter, _ state: PushedState) throws -> OpenIntent {
    _ = try writer.domain(named: "raw", .raw)
    let entries = try writer.entries()
    let support = entries.last { $0.entry.name == state.name && $0.entry.flags == [] }
    return try writer.openIntent(
      idCount: 1, domain: .standard, supports: support.map { [$0.name] } ?? [])
  }

  /// Writes the segment of a push, and publishes it.
  func finish(
    _ writer: PoolWriter, _ intent: OpenIntent, _ state: PushedState
  ) throws -> PoolEntryName {
    let id = UInt64(try #require(intent.ids).first)
    let bytes = Self.content(id, state.lsn)
    let key = ObjectKey(known: PoolObjectName.segment(SegmentID(id)).key)
    let outcome = try connection.put(key, bytes, .ifAbsent)
    guard outcome.tag != nil else { throw StoreError(.unavailable, "a segment: \(outcome)") }
    return try writer.publish(
      state,
      PushedContent(
        root: PoolWorld.root(id),
        segments: [PushedSegment(id: SegmentID(id), byteCount: bytes.count)],
        logicalByteCount: 4096, newByteCount: 40),
      of: [intent])
  }

  @discardableResult
  func push(_ writer: PoolWriter, _ name: String = "main") throws -> PoolEntryName {
    let state = world.state(name)
    return try finish(writer, try announce(writer, state), state)
  }
}

/// What was thrown, which is to be of that kind.
@discardableResult
func expectFailure(
  _ kind: StoreError.Kind, _ reason: StoreError.Reason? = nil,
  sourceLocation: SourceLocation = #_sourceLocation, _ body: () throws -> Void
) -> StoreError? {
  let error = #expect(throws: StoreError.self, sourceLocation: sourceLocation) { try body() }
  #expect(
    error?.kind == kind && error?.reason == reason, "\(error.debugDescription)",
    sourceLocation: sourceLocation)
  return error
}
