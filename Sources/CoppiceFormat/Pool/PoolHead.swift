/// The boxed part of a pool's head: what all members share, and is changed rarely.
///
/// The body of a block with the magic "CpPh":
///
///     revision (PoolRevision)   keyTableDigest[32]        SHA-256 of the plain part
///     compatibleFlags u64        unknown ones may be ignored
///     readCompatibleFlags u64    unknown ones forbid writing
///     incompatibleFlags u64      unknown ones forbid opening
///     pageShift u8   nodeShift u8   hashKind u8   reserved u8   secret[192]
///     cycle u64   collector u16   retired u64   nextBranch u64
///     place (byte count u16, UTF-8)
///     domains, members, blocks, branches: each a count u32 and its entries; extensions (Fields)
public struct PoolHead: Hashable, Sendable {
  public static let placeByteCountMax: UInt16 = 2048
  static let digestByteCount = 32

  public var revision: PoolRevision
  /// SHA-256 of the plain part's bytes, so that nobody exchanges it alone.
  public var keyTableDigest: [UInt8]
  public var compatibleFlags: UInt64 = 0
  public var readCompatibleFlags: UInt64 = 0
  public var incompatibleFlags: UInt64 = 0
  public var pageShift: UInt8
  /// `HashSecret.byteCount` bytes: those of the family.
  public var secret: [UInt8]
  /// The newest collection; 0 before the first.
  public var cycle: UInt64 = 0
  /// Who began it.
  public var collector = PoolMemberNumber.none
  /// The cycle of the retired table that holds; 0 without one.
  public var retired: UInt64 = 0
  /// Branch ids of the pool below this one are or were in use.
  public var nextBranch: UInt64 = 1
  /// Bucket and prefix, as `BUCKET/PREFIX`: elsewhere it is a copy.
  public var place: String
  /// Numbers ascending.
  public var domains: [PoolDomain] = []
  /// Numbers ascending.
  public var members: [PoolMemberListing] = []
  /// Ids ascending.
  public var blocks: [PoolSegmentBlock] = []
  /// Ids ascending, all below `nextBranch`.
  public var branches: [PoolBranch] = []
  /// What this version does not know; with a critical tag the pool may only be read.
  public var extensions = Fields()

  /// - Precondition: `pageShift` lies in `Superblock.pageShifts`, `secret` has
  ///   `HashSecret.byteCount` bytes.
  public init(revision: PoolRevision, pageShift: UInt8, secret: [UInt8], place: String) {
    precondition(Superblock.pageShifts.contains(pageShift))
    precondition(secret.count == HashSecret.byteCount)
    self.revision = revision
    self.pageShift = pageShift
    self.secret = secret
    self.place = place
    keyTableDigest = [UInt8](repeating: 0, count: Self.digestByteCount)
  }

  /// Whether this code may change the pool: it knows every flag and field that writers must know.
  public var isWritable: Bool { readCompatibleFlags == 0 && extensions.criticalTags.isEmpty }

  /// - Precondition: numbers and ids ascend, texts keep to their limits.
  public func encode() -> [UInt8] {
    precondition(isOrdered && keyTableDigest.count == Self.digestByteCount)
    var writer = ByteWriter(byteCapacity: 512 + 64 * (members.count + branches.count))
    writer.append(revision)
    writer.append(raw: keyTableDigest)
    writer.append(compatibleFlags)
    writer.append(readCompatibleFlags)
    writer.append(incompatibleFlags)
    writer.append(pageShift)
    writer.append(Superblock.nodeShiftStandard)
    writer.append(Superblock.hashKindXXH3)
    writer.append(UInt8(0))
    writer.append(raw: secret)
    writer.append(cycle)
    writer.append(collector.rawValue)
    writer.append(retired)
    writer.append(nextBranch)
    writer.append(text: place, atMost: Self.placeByteCountMax)
    writer.append(count: domains.count)
    for domain in domains { writer.append(domain) }
    writer.append(count: members.count)
    for member in members { writer.append(member) }
    writer.append(count: blocks.count)
    for block in blocks { writer.append(block) }
    writer.append(count: branches.count)
    for branch in branches { writer.append(branch) }
    writer.append(extensions)
    return PoolBlock.encode(Self.prefix, body: writer.bytes)
  }

  public static func decode(_ bytes: RawSpan) throws(FormatError) -> PoolHead {
    try PoolBlock.decode(bytes, prefix) { (reader) throws(FormatError) in
      try PoolHead(reading: &reader)
    }
  }

  private static let prefix = BlockPrefix(what: "pool head", magic: "CpPh", version: 1)

  private var isOrdered: Bool {
    domains.ascends(by: \.number) && members.ascends(by: \.number)
      && blocks.map(\.run).isOrdered && branches.ascends(by: \.id)
      && branches.last.map { $0.id.rawValue < nextBranch } ?? true
      && members.first.map { $0.number > .none } ?? true
      && Set(members.map(\.id.low)).count == members.count
  }

  private init(reading reader: inout ByteReader) throws(FormatError) {
    revision = try PoolRevision(reading: &reader)
    keyTableDigest = Array(try reader.bytes(Self.digestByteCount))
    compatibleFlags = try reader.integer()
    readCompatibleFlags = try reader.integer()
    incompatibleFlags = try reader.integer()
    guard incompatibleFlags == 0 else {
      throw .unknownFlags(what: Self.prefix.what, bits: incompatibleFlags)
    }
    pageShift = try reader.integer()
    try Self.checkKinds(pageShift: pageShift, &reader)
    secret = Array(try reader.bytes(HashSecret.byteCount))
    cycle = try reader.integer()
    collector = try reader.memberNumber()
    retired = try reader.integer()
    nextBranch = try reader.integer()
    place = try reader.text("pool's place", atMost: Self.placeByteCountMax)
    domains = try reader.array(of: PoolDomain.byteCountMin) { (reader) throws(FormatError) in
      try reader.poolDomain()
    }
    members = try reader.array(of: PoolMemberListing.byteCountMin) {
      (reader) throws(FormatError) in try reader.poolMemberListing()
    }
    blocks = try reader.array(of: PoolSegmentBlock.byteCount) { (reader) throws(FormatError) in
      try reader.poolSegmentBlock()
    }
    branches = try reader.array(of: PoolBranch.byteCountMin) { (reader) throws(FormatError) in
      try reader.poolBranch()
    }
    extensions = try Fields(reading: &reader)
    guard isOrdered else { throw .malformed(what: Self.prefix.what) }
  }

  private static func checkKinds(
    pageShift: UInt8, _ reader: inout ByteReader
  ) throws(FormatError) {
    let nodeShift: UInt8 = try reader.integer()
    let hashKind: UInt8 = try reader.integer()
    let reserved: UInt8 = try reader.integer()
    guard Superblock.pageShifts.contains(pageShift) else {
      throw .outOfRange(what: "page shift", value: UInt64(pageShift), limit: 16)
    }
    guard nodeShift == Superblock.nodeShiftStandard else {
      throw .outOfRange(what: "node shift", value: UInt64(nodeShift), limit: 8)
    }
    guard hashKind == Superblock.hashKindXXH3 else {
      throw .unsupportedVersion(what: "hash kind", found: UInt32(hashKind))
    }
    guard reserved == 0 else { throw .malformed(what: prefix.what) }
  }
}
