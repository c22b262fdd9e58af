/// The object of one member: the entries that it lists, and what keeps them. It is written by that
/// member, but for what others note in it.
///
/// The body of a block with the magic "CpPm":
///
///     revision (PoolRevision)   id[16]   number u16   state u8   reserved u8
///     cycle u64   incarnation u64   changeCount u64   nextID u64   nextEntry u64   lastContact i64
///     entries, anchors (member u16, entry u64), intents, published, shredded (domain u32):
///     each a count u32 and its entries; extensions (Fields)
///
/// States are those in the head.
public struct PoolMember: Hashable, Sendable {
  public var revision: PoolRevision
  public var id: PoolMemberID
  public var number: PoolMemberNumber
  public var state: PoolMemberState
  /// The collection whose barrier passed last.
  public var cycle: UInt64 = 0
  /// Random, anew with every process that writes.
  public var incarnation: UInt64 = 0
  /// One more with every change of the member's own that a copy of its store must not repeat.
  public var changeCount: UInt64 = 0
  /// Ids of segments of its blocks below this one are or were in use.
  public var nextID: UInt64 = 1
  /// Ids of entries below this one are or were in use.
  public var nextEntry: UInt64 = 1
  /// Nanoseconds since 1970.
  public var lastContact: Int64 = 0
  /// Ids ascending, all below `nextEntry`.
  public var entries: [PoolEntry] = []
  /// Under which entries frames lie that its store refers to.
  public var anchors: [PoolEntryName] = []
  public var intents: [PoolIntent] = []
  /// Ids ascending.
  public var published: [PoolPublishedRun] = []
  /// Domains whose entries it ended because their keys are gone; ascending.
  public var shredded: [DomainID] = []
  /// What this version does not know; with a critical tag the object may only be read.
  public var extensions = Fields()

  public init(
    revision: PoolRevision, id: PoolMemberID, number: PoolMemberNumber,
    state: PoolMemberState = .joined
  ) {
    self.revision = revision
    self.id = id
    self.number = number
    self.state = state
  }

  /// Whether this code may change the object.
  public var isWritable: Bool { extensions.criticalTags.isEmpty }

  /// - Precondition: ids ascend, texts and fields keep to their limits.
  public func encode() -> [UInt8] {
    precondition(isOrdered)
    var writer = ByteWriter(byteCapacity: 256 + 224 * entries.count)
    writer.append(revision)
    writer.append(id)
    writer.append(number.rawValue)
    writer.append(state.rawValue)
    writer.append(UInt8(0))
    writer.append(cycle)
    writer.append(incarnation)
    writer.append(changeCount)
    writer.append(nextID)
    writer.append(nextEntry)
    writer.append(lastContact)
    writer.append(count: entries.count)
    for entry in entries { writer.append(entry) }
    writer.append(anchors)
    writer.append(count: intents.count)
    for intent in intents { writer.append(intent) }
    writer.append(count: published.count)
    for run in published { writer.append(run) }
    writer.append(count: shredded.count)
    for domain in shredded { writer.append(domain.rawValue) }
    writer.append(extensions)
    return PoolBlock.encode(Self.prefix, body: writer.bytes)
  }

  public static func decode(_ bytes: RawSpan) throws(FormatError) -> PoolMember {
    try PoolBlock.decode(bytes, prefix) { (reader) throws(FormatError) in
      try PoolMember(reading: &reader)
    }
  }

  private static let prefix = BlockPrefix(what: "pool member", magic: "CpPm", version: 1)

  private var isOrdered: Bool {
    entries.ascends(by: \.id) && published.map(\.run).isOrdered && shredded.ascends { $0 }
      && entries.last.map { $0.id.rawValue < nextEntry } ?? true
  }

  private init(reading reader: inout ByteReader) throws(FormatError) {
    revision = try PoolRevision(reading: &reader)
    id = try reader.memberID()
    number = try reader.memberNumber()
    let code: UInt8 = try reader.integer()
    guard let state = PoolMemberState(rawValue: code) else {
      throw .unsupported(what: "state of a pool's member", found: UInt64(code))
    }
    self.state = state
    let reserved: UInt8 = try reader.integer()
    cycle = try reader.integer()
    incarnation = try reader.integer()
    changeCount = try reader.integer()
    nextID = try reader.integer()
    nextEntry = try reader.integer()
    lastContact = try reader.integer()
    entries = try reader.array(of: PoolEntry.byteCountMin) { (reader) throws(FormatError) in
      try PoolEntry(reading: &reader)
    }
    anchors = try reader.poolEntryNames()
    intents = try reader.array(of: PoolIntent.byteCountMin) { (reader) throws(FormatError) in
      try reader.poolIntent()
    }
    published = try reader.array(of: PoolPublishedRun.byteCount) { (reader) throws(FormatError) in
      try reader.poolPublishedRun()
    }
    shredded = try reader.array(of: MemoryLayout<UInt32>.size) { (reader) throws(FormatError) in
      DomainID(try reader.integer())
    }
    extensions = try Fields(reading: &reader)
    guard reserved == 0, isOrdered else { throw .malformed(what: Self.prefix.what) }
  }
}
