/// What tells one writing of a member's object from that of a copy of its store.
///
///     incarnation u64   changeCount u64        16 bytes
@frozen
public struct PoolStamp: Hashable, Sendable {
  static let byteCount = 16

  public var incarnation: UInt64
  public var changeCount: UInt64

  public init(incarnation: UInt64 = 0, changeCount: UInt64 = 0) {
    self.incarnation = incarnation
    self.changeCount = changeCount
  }
}

/// The newest state of an object that a store has seen, and how its own changes of it ended.
///
///     key (byte count u16, UTF-8)   sequence u64   nonce[16]   answered u64   unresolved u64
public struct PoolSighting: Hashable, Sendable {
  static let byteCountMin = 42
  static let keyByteCountMax: UInt16 = 64

  /// 0 for an object that was never seen.
  public var sequence: UInt64
  /// 16 bytes: with the sequence they stand for one body.
  public var nonce: [UInt8]
  /// The newest attempt that is known to have changed the object; 0 for none.
  public var answered: PoolAttempt
  /// The newest attempt, while it may have changed the object, or may still do so.
  public var unresolved: PoolAttempt?

  public init(
    sequence: UInt64 = 0,
    nonce: [UInt8] = [UInt8](repeating: 0, count: PoolRevision.nonceByteCount),
    answered: PoolAttempt = PoolAttempt(0), unresolved: PoolAttempt? = nil
  ) {
    self.sequence = sequence
    self.nonce = nonce
    self.answered = answered
    self.unresolved = unresolved
  }
}

/// What a store must not forget of a pool that it is a member of. It is a file of the store, never
/// an object of the pool.
///
/// The body of a block with the magic "CpPn":
///
///     pool[16]   member[16]   former[16]   number u16   attempt u64
///     stamp (incarnation u64, changeCount u64)
///     candidates (count u32; incarnation u64, changeCount u64)
///     objects (count u32; key, sequence u64, nonce[16], answered u64, unresolved u64)
///
/// An `unresolved` of 0 is none, and so is a `former` of zeros.
public struct PoolNotes: Hashable, Sendable {
  public var pool: StoreUUID
  /// The store's own id in the pool.
  public var member: PoolMemberID
  /// What the store was before it began anew as another member, until the head lists that.
  public private(set) var former: PoolMemberID?
  /// Nobody until the head has listed it.
  public private(set) var number = PoolMemberNumber.none
  /// The last number that was given to an attempt, of whatever object.
  public var attempt = PoolAttempt(0)
  /// Of the own object, as it was changed last.
  public var stamp = PoolStamp()
  /// What the own object has if an attempt took place whose outcome is unknown.
  public var candidates: [PoolStamp] = []
  private var objects: [PoolObjectName: PoolSighting] = [:]

  /// Of a store that has just heard of the pool.
  public init(pool: StoreUUID, member: PoolMemberID) {
    self.pool = pool
    self.member = member
  }

  /// Begins anew as another member. What objects say of the former one's attempts says nothing of
  /// this one's; those that may still land stay so.
  public mutating func restart(as member: PoolMemberID) {
    if number != .none || former == nil { former = self.member }
    self.member = member
    number = .none
    stamp = PoolStamp()
    candidates = []
    for name in objects.keys { objects[name]?.answered = PoolAttempt(0) }
  }

  /// Notes which number the head has given to the member.
  public mutating func join(as number: PoolMemberNumber) {
    self.number = number
    former = nil
  }

  public subscript(name: PoolObjectName) -> PoolSighting {
    get { objects[name] ?? PoolSighting() }
    set { objects[name] = newValue }
  }

  public func encode() -> [UInt8] {
    var writer = ByteWriter(byteCapacity: 128 + 128 * objects.count)
    writer.append(pool)
    writer.append(member)
    writer.append(former ?? Self.nobody)
    writer.append(number.rawValue)
    writer.append(attempt.rawValue)
    writer.append(stamp)
    writer.append(count: candidates.count)
    for candidate in candidates { writer.append(candidate) }
    writer.append(count: objects.count)
    for (key, sighting) in objects.map({ ($0.key, $1) }).sorted(by: { $0.0 < $1.0 }) {
      writer.append(text: key, atMost: PoolSighting.keyByteCountMax)
      writer.append(sighting.sequence)
      writer.append(raw: sighting.nonce)
      writer.append(sighting.answered.rawValue)
      writer.append(sighting.unresolved?.rawValue ?? 0)
    }
    return PoolBlock.encode(Self.prefix, body: writer.bytes)
  }

  public static func decode(_ bytes: RawSpan) throws(FormatError) -> PoolNotes {
    try PoolBlock.decode(bytes, prefix) { (reader) throws(FormatError) in
      try PoolNotes(reading: &reader)
    }
  }

  private static let nobody = PoolMemberID(low: 0, high: 0)
  private static let prefix = BlockPrefix(what: "pool notes", magic: "CpPn", version: 1)

  private init(reading reader: inout ByteReader) throws(FormatError) {
    pool = StoreUUID(try reader.bytes(StoreUUID.byteCount), at: 0)
    member = try reader.memberID()
    let before = try reader.memberID()
    former = before == Self.nobody ? nil : before
    number = try reader.memberNumber()
    attempt = PoolAttempt(try reader.integer())
    stamp = try reader.poolStamp()
    candidates = try reader.array(of: PoolStamp.byteCount) { (reader) throws(FormatError) in
      try reader.poolStamp()
    }
    let all = try reader.array(of: PoolSighting.byteCountMin) { (reader) throws(FormatError) in
      try reader.poolSighting()
    }
    for (name, sighting) in all { objects[name] = sighting }
    guard objects.count == all.count else { throw .malformed(what: Self.prefix.what) }
  }
}

extension ByteReader {
  fileprivate mutating func poolStamp() throws(FormatError) -> PoolStamp {
    PoolStamp(incarnation: try integer(), changeCount: try integer())
  }

  fileprivate mutating func poolSighting() throws(FormatError) -> (PoolObjectName, PoolSighting) {
    let key = try text("key of an object", atMost: PoolSighting.keyByteCountMax)
    guard let name = PoolObjectName(key: key) else { throw .malformed(what: "key of an object") }
    var sighting = PoolSighting(
      sequence: try integer(), nonce: Array(try bytes(PoolRevision.nonceByteCount)),
      answered: PoolAttempt(try integer()))
    let unresolved: UInt64 = try integer()
    sighting.unresolved = unresolved == 0 ? nil : PoolAttempt(unresolved)
    return (name, sighting)
  }
}

extension ByteWriter {
  fileprivate mutating func append(_ stamp: PoolStamp) {
    append(stamp.incarnation)
    append(stamp.changeCount)
  }
}
