/// What a node says of itself beside its refs.
///
///     0  magic "CpNd"   version u8
///     5  kind u8   level u8   flags u8
///     8  count u16              slots that follow: non-holes, or the overridden ones
///     10 hashCount u16          those of them that are no holes
///     12 columnsRawByteCount u16
///     14 reserved u16
///     16 firstKey u64
///     24 id[16]
///     40 xxh3 u64               over the base locator, this header and everything behind it
///     48 byteCount u64   modified i64        if flagged, else both are 0
///
/// Flags: 1 the columns are compressed, 2 the header ends with byte count and modification time.
/// Most nodes are small sets of overrides below a top node, so these 16 bytes count.
@frozen
public struct NodeHeader: Hashable, Sendable {
  /// Five levels of 256 refs span 40 bits.
  public static let levelMax: UInt8 = 4

  /// `.volumeNode` or `.tableNode`.
  public var kind: FrameKind
  /// 0 is a leaf: of a volume, its slots are pages; of a table, top nodes of volumes.
  public var level: UInt8
  /// The number of the page or volume in slot 0 of the first leaf below: a multiple of
  /// `256 << (8 * level)`.
  public var firstKey: UInt64
  /// The volume's byte count in its top node, else 0.
  public var byteCount: UInt64
  /// The volume's modification time in its top node, nanoseconds since 1970, else 0.
  public var modified: Int64
  /// What `NodeCodec.identify` gives for this node.
  public var id: PageHash

  public init(
    kind: FrameKind, level: UInt8, firstKey: UInt64, byteCount: UInt64 = 0, modified: Int64 = 0,
    id: PageHash = .hole
  ) {
    self.kind = kind
    self.level = level
    self.firstKey = firstKey
    self.byteCount = byteCount
    self.modified = modified
    self.id = id
  }

  /// What a slot of this node may refer to.
  public var childKind: FrameKind {
    if level > 0 { return kind }
    return kind == .tableNode ? .volumeNode : .page
  }

  var isValid: Bool {
    (kind == .volumeNode || kind == .tableNode) && level <= Self.levelMax
      && firstKey < 1 << UInt64(PageNumber.bitCount)
      && firstKey & (1 << (8 * (UInt64(level) + 1)) - 1) == 0
      && byteCount <= VolumeNumber.byteCountMax && id != .hole
  }
}

/// The stored header: the value, and how the rest of the node is laid out.
struct StoredNodeHeader {
  static let idOffset = 24
  static let checksumOffset = 40
  static let byteCountMax = 64
  private static let byteCountMin = 48
  private static let compressedFlag: UInt8 = 1
  private static let attributesFlag: UInt8 = 2
  private static let magic: UInt32 = 0x64_4E_70_43
  private static let version: UInt8 = 1

  var header: NodeHeader
  var count: Int
  var hashCount: Int
  var columnsRawByteCount: Int
  var isCompressed: Bool

  init(
    _ header: NodeHeader, count: Int, hashCount: Int, columnsRawByteCount: Int, isCompressed: Bool
  ) {
    self.header = header
    self.count = count
    self.hashCount = hashCount
    self.columnsRawByteCount = columnsRawByteCount
    self.isCompressed = isCompressed
  }

  /// The header at `offset` of a stored node.
  ///
  /// - Parameter isChecked: whether the node's checksum must hold.
  init(_ node: UnsafeRawBufferPointer, at offset: Int, isChecked: Bool = true) throws(FormatError) {
    let available = node.count - offset
    guard available >= Self.byteCountMin else {
      throw .truncated(what: "node", needed: Self.byteCountMin, available: available)
    }
    let block = node.slice(offset..<node.count)
    let magic: UInt32 = block.integer(at: 0)
    guard magic == Self.magic else { throw .badMagic(what: "node", found: UInt64(magic)) }
    guard !isChecked || BlockChecksum.holds(node, at: offset + Self.checksumOffset) else {
      throw .checksum(what: "node")
    }
    guard block[4] == Self.version else {
      throw .unsupportedVersion(what: "node", found: UInt32(block[4]))
    }
    let flags = block[7]
    guard flags & ~(Self.compressedFlag | Self.attributesFlag) == 0 else {
      throw .unknownFlags(what: "node", bits: UInt64(flags))
    }
    guard let kind = FrameKind(rawValue: block[5]) else {
      throw .outOfRange(what: "node kind", value: UInt64(block[5]), limit: 3)
    }
    header = NodeHeader(
      kind: kind, level: block[6], firstKey: block.integer(at: 16),
      id: PageHash(low: block.integer(at: 24), high: block.integer(at: 32)))
    if flags & Self.attributesFlag != 0 {
      guard available >= Self.byteCountMax else {
        throw .truncated(what: "node", needed: Self.byteCountMax, available: available)
      }
      header.byteCount = block.integer(at: 48)
      header.modified = block.integer(at: 56)
      guard header.byteCount != 0 || header.modified != 0 else { throw .malformed(what: "node") }
    }
    count = Int(block.integer(at: 8, as: UInt16.self))
    hashCount = Int(block.integer(at: 10, as: UInt16.self))
    columnsRawByteCount = Int(block.integer(at: 12, as: UInt16.self))
    isCompressed = flags & Self.compressedFlag != 0
    let reserved: UInt16 = block.integer(at: 14)
    guard header.isValid, reserved == 0 else { throw .malformed(what: "node") }
    try checkCounts()
  }

  /// Whether a header may begin at `offset`.
  static func isLikely(_ bytes: UnsafeRawBufferPointer, at offset: Int) -> Bool {
    bytes.count >= offset + byteCountMin && bytes.integer(at: offset, as: UInt32.self) == magic
  }

  /// Bytes of the header: those of a node without attributes are fewer.
  var byteCount: Int { hasAttributes ? Self.byteCountMax : Self.byteCountMin }

  private var hasAttributes: Bool { header.byteCount != 0 || header.modified != 0 }

  /// Stores the header, with a checksum of zero.
  func store(to block: UnsafeMutableRawPointer) {
    let flags =
      (isCompressed ? Self.compressedFlag : 0) | (hasAttributes ? Self.attributesFlag : 0)
    block.store(integer: Self.magic, at: 0)
    block.store(integer: Self.version, at: 4)
    block.store(integer: header.kind.rawValue, at: 5)
    block.store(integer: header.level, at: 6)
    block.store(integer: flags, at: 7)
    block.store(integer: UInt16(count), at: 8)
    block.store(integer: UInt16(hashCount), at: 10)
    block.store(integer: UInt16(columnsRawByteCount), at: 12)
    block.store(integer: UInt16(0), at: 14)
    block.store(integer: header.firstKey, at: 16)
    block.store(integer: header.id.low, at: 24)
    block.store(integer: header.id.high, at: 32)
    block.store(integer: UInt64(0), at: Self.checksumOffset)
    guard hasAttributes else { return }
    block.store(integer: header.byteCount, at: 48)
    block.store(integer: header.modified, at: 56)
  }

  private func checkCounts() throws(FormatError) {
    guard count <= NodeCodec.slotCount, hashCount <= count else {
      throw .outOfRange(
        what: "node slot count", value: UInt64(count), limit: UInt64(NodeCodec.slotCount))
    }
    guard columnsRawByteCount <= NodeColumns.byteCountMax else {
      throw .outOfRange(
        what: "node column byte count", value: UInt64(columnsRawByteCount),
        limit: UInt64(NodeColumns.byteCountMax))
    }
  }
}
