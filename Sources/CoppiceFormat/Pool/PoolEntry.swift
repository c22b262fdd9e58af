/// What holds for an entry of a pool. Of the bits that this version does not know, who meets one of
/// the lower sixteen refuses the object; the upper ones are kept and may be ignored.
@frozen
public struct PoolEntryFlags: OptionSet, Hashable, Sendable {
  public let rawValue: UInt32
  @inlinable public init(rawValue: UInt32) { self.rawValue = rawValue }
  /// A snapshot; else a state of a branch.
  public static let snapshot = PoolEntryFlags(rawValue: 1)
  public static let deleted = PoolEntryFlags(rawValue: 2)
  /// The branch's writer is `movedTo`.
  public static let moved = PoolEntryFlags(rawValue: 4)
  /// Kept for readers that register nowhere.
  public static let held = PoolEntryFlags(rawValue: 8)
  /// A newer state of the branch was published.
  public static let superseded = PoolEntryFlags(rawValue: 16)
  /// Listed by a member that is about to become the writer.
  public static let taking = PoolEntryFlags(rawValue: 32)

  static let known: PoolEntryFlags = [.snapshot, .deleted, .moved, .held, .superseded, .taking]
  static let ignorable = PoolEntryFlags(rawValue: 0xFFFF_0000)
}

/// An entry of any member.
///
///     member u16   entry u64        10 bytes
@frozen
public struct PoolEntryName: Hashable, Sendable {
  static let byteCount = 10

  public var member: PoolMemberNumber
  public var entry: PoolEntryID

  public init(member: PoolMemberNumber, entry: PoolEntryID) {
    self.member = member
    self.entry = entry
  }
}

/// A mark that a member uses an entry: it stays a root.
///
///     member u16   purpose u16   incarnation u64   since i64        20 bytes
///
/// Purposes: 1 a branch that is attached. Unknown ones are kept, and pin as well.
@frozen
public struct PoolPin: Hashable, Sendable {
  static let byteCount = 20
  public static let purposeAttached: UInt16 = 1

  public var member: PoolMemberNumber
  public var purpose: UInt16
  /// Of the member, when it pinned.
  public var incarnation: UInt64
  /// Nanoseconds since 1970.
  public var since: Int64

  public init(
    member: PoolMemberNumber, purpose: UInt16 = purposeAttached, incarnation: UInt64, since: Int64
  ) {
    self.member = member
    self.purpose = purpose
    self.incarnation = incarnation
    self.since = since
  }
}

/// What the last drill of an entry found.
///
///     at i64   status i32   seconds u32   byteCount u64        24 bytes; zero before the first
@frozen
public struct PoolDrill: Hashable, Sendable {
  /// Nanoseconds since 1970; 0 when there was none.
  public var at: Int64 = 0
  /// The exit status of its command.
  public var status: Int32 = 0
  public var seconds: UInt32 = 0
  /// Bytes that it read from the pool.
  public var byteCount: UInt64 = 0

  public init() {}

  public init(at: Int64, status: Int32, seconds: UInt32, byteCount: UInt64) {
    self.at = at
    self.status = status
    self.seconds = seconds
    self.byteCount = byteCount
  }
}

/// One state of a branch, or a snapshot: a root of the pool, which never changes.
///
///     id u64   branch u64   epoch u32   flags u32   domain u32   lastCycle u64   root[32]
///     lsn u64   createdAt i64   publishedAt i64   verifiedAt i64   drill 24
///     deletedAt i64   releasedAt i64   lockedUntil i64
///     logicalByteCount u64   newByteCount u64   movedTo u16
///     name (byte count u16, UTF-8)   annotations (Fields)   pins (count u32, 20 bytes each)
///
/// Flags: 1 snapshot, 2 deleted, 4 moved, 8 held, 16 superseded, 32 taking.
///
/// Times are nanoseconds since 1970, 0 for never.
public struct PoolEntry: Hashable, Sendable {
  static let byteCountMin = 176

  public var id: PoolEntryID
  /// In the head's directory.
  public var branch: BranchID
  /// One more with every take of the branch.
  public var epoch: UInt32 = 0
  public var flags: PoolEntryFlags = []
  /// Of the pool.
  public var domain: DomainID
  /// The cycle of the last change that let go of it: a collection of this or an earlier cycle
  /// keeps it.
  public var lastCycle: UInt64 = 0
  /// A table node of the pool, or a hole for an empty branch.
  public var root: Ref
  /// The store's, when the state was taken.
  public var lsn: LSN = .zero
  /// When the state was taken, which rules of keeping go by.
  public var createdAt: Int64
  public var publishedAt: Int64 = 0
  /// When all that it reaches was last read and verified.
  public var verifiedAt: Int64 = 0
  public var drill = PoolDrill()
  /// When it became a tombstone, from which its restore window counts.
  public var deletedAt: Int64 = 0
  /// When a hold ends that was released.
  public var releasedAt: Int64 = 0
  /// Until when nobody deletes it.
  public var lockedUntil: Int64 = 0
  /// All that the state holds.
  public var logicalByteCount: UInt64 = 0
  /// What its push added to the pool.
  public var newByteCount: UInt64 = 0
  /// The branch's writer, if it moved.
  public var movedTo = PoolMemberNumber.none
  /// `branch` or `branch@snapshot`.
  public var name: String
  /// Those that branches made from it inherit; with a critical tag that this version does not know
  /// no branch is made from it.
  public var annotations = Fields()
  public var pins: [PoolPin] = []

  public init(
    id: PoolEntryID, branch: BranchID, domain: DomainID, root: Ref, createdAt: Int64, name: String
  ) {
    self.id = id
    self.branch = branch
    self.domain = domain
    self.root = root
    self.createdAt = createdAt
    self.name = name
  }

  init(reading reader: inout ByteReader) throws(FormatError) {
    id = PoolEntryID(try reader.integer())
    branch = BranchID(try reader.integer())
    epoch = try reader.integer()
    flags = PoolEntryFlags(rawValue: try reader.integer())
    let unknown = flags.subtracting([.known, .ignorable])
    guard unknown.isEmpty else {
      throw .unknownFlags(what: "pool entry", bits: UInt64(unknown.rawValue))
    }
    domain = DomainID(try reader.integer())
    lastCycle = try reader.integer()
    root = try reader.root()
    lsn = LSN(try reader.integer())
    createdAt = try reader.integer()
    publishedAt = try reader.integer()
    verifiedAt = try reader.integer()
    drill = PoolDrill(
      at: try reader.integer(), status: try reader.integer(), seconds: try reader.integer(),
      byteCount: try reader.integer())
    deletedAt = try reader.integer()
    releasedAt = try reader.integer()
    lockedUntil = try reader.integer()
    logicalByteCount = try reader.integer()
    newByteCount = try reader.integer()
    movedTo = try reader.memberNumber()
    name = try reader.branchName()
    annotations = try Fields(reading: &reader)
    pins = try reader.array(of: PoolPin.byteCount) { (reader) throws(FormatError) in
      PoolPin(
        member: try reader.memberNumber(), purpose: try reader.integer(),
        incarnation: try reader.integer(), since: try reader.integer())
    }
  }
}

extension ByteReader {
  mutating func poolEntryNames() throws(FormatError) -> [PoolEntryName] {
    try array(of: PoolEntryName.byteCount) { (reader) throws(FormatError) in
      PoolEntryName(
        member: try reader.memberNumber(), entry: PoolEntryID(try reader.integer()))
    }
  }
}

extension ByteWriter {
  mutating func append(_ names: [PoolEntryName]) {
    append(count: names.count)
    for name in names {
      append(name.member.rawValue)
      append(name.entry.rawValue)
    }
  }

  mutating func append(_ entry: PoolEntry) {
    append(entry.id.rawValue)
    append(entry.branch.rawValue)
    append(entry.epoch)
    append(entry.flags.rawValue)
    append(entry.domain.rawValue)
    append(entry.lastCycle)
    append(entry.root)
    append(entry.lsn.rawValue)
    for time in [entry.createdAt, entry.publishedAt, entry.verifiedAt, entry.drill.at] {
      append(time)
    }
    append(entry.drill.status)
    append(entry.drill.seconds)
    append(entry.drill.byteCount)
    append(entry.deletedAt)
    append(entry.releasedAt)
    append(entry.lockedUntil)
    append(entry.logicalByteCount)
    append(entry.newByteCount)
    append(entry.movedTo.rawValue)
    append(branchName: entry.name)
    append(entry.annotations)
    append(count: entry.pins.count)
    for pin in entry.pins {
      append(pin.member.rawValue)
      append(pin.purpose)
      append(pin.incarnation)
      append(pin.since)
    }
  }
}
