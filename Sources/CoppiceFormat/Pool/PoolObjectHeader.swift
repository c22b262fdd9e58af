/// What an object of a pool holds. 5 is reserved for a hot list, 6 for a log.
public enum PoolObjectKind: UInt8, Sendable, CaseIterable {
  case head = 1
  case member = 2
  case segment = 3
  case retired = 4
}

/// The first 96 bytes of every object of a pool. Boxes follow, then, in the head alone, the table
/// of keys.
///
///     0  magic "CpPo"   version u16   kind u8   flags u8
///     8  pool[16]
///     24 name u64             0 for the head, bytes 0-7 of a member's id, a segment's id, a cycle
///     32 keyID u32   boxShift u8   reserved[3]
///     40 byteCount u64        of the content, without boxes
///     48 salt[32]             random, for this object alone
///     80 reserved[8]
///     88 xxh3 u64
///
/// It is not secret. Every box authenticates it, so nothing in it can be changed or exchanged.
public struct PoolObjectHeader: Hashable, Sendable {
  public static let byteCount = 96
  public static let saltByteCount = 32
  /// Content of one object.
  public static let contentByteCountMax = 64 << 20

  public var kind: PoolObjectKind
  /// The pool's identity, which the headers of its segments repeat.
  public var pool: StoreUUID
  public var name: UInt64
  /// What the key of its boxes is derived from.
  public var key: PoolKeyID
  public var contentByteCount: Int
  /// `saltByteCount` bytes.
  public var salt: [UInt8]

  /// - Precondition: the salt has `saltByteCount` bytes, the content at most `contentByteCountMax`.
  public init(
    _ object: PoolObjectName, pool: StoreUUID, key: PoolKeyID, contentByteCount: Int, salt: [UInt8]
  ) {
    precondition(salt.count == Self.saltByteCount)
    precondition(0...Self.contentByteCountMax ~= contentByteCount)
    kind = object.kind
    self.pool = pool
    name = object.number
    self.key = key
    self.contentByteCount = contentByteCount
    self.salt = salt
  }

  private init(_ block: UnsafeRawBufferPointer, kind: PoolObjectKind, contentByteCount: Int) {
    self.kind = kind
    pool = StoreUUID(block, at: 8)
    name = block.integer(at: 24)
    key = PoolKeyID(block.integer(at: 32))
    self.contentByteCount = contentByteCount
    salt = Array(block.slice(48..<48 + Self.saltByteCount))
  }

  /// Whether the object is the one of that name.
  public func isHeader(of object: PoolObjectName) -> Bool {
    kind == object.kind && name == object.number
  }

  /// The header's bytes.
  public func encode() -> [UInt8] {
    var bytes = [UInt8](repeating: 0, count: Self.byteCount)
    bytes.withUnsafeMutableBytes { block in
      block.store(integer: Self.magic, at: 0)
      block.store(integer: Self.version, at: 4)
      block[6] = kind.rawValue
      pool.store(to: block, at: 8)
      block.store(integer: name, at: 24)
      block.store(integer: key.rawValue, at: 32)
      block[36] = Self.boxShift
      block.store(integer: UInt64(contentByteCount), at: 40)
      UnsafeMutableRawBufferPointer(rebasing: block[48...]).copyBytes(from: salt)
      BlockChecksum.seal(block, at: Self.checksumOffset)
    }
    return bytes
  }

  /// Decodes the first `byteCount` bytes.
  public static func decode(_ bytes: RawSpan) throws(FormatError) -> PoolObjectHeader {
    try bytes.withUnsafeBytes { (bytes) throws(FormatError) in
      guard bytes.count >= byteCount else {
        throw .truncated(what: what, needed: byteCount, available: bytes.count)
      }
      let block = bytes.slice(0..<byteCount)
      let found: UInt32 = block.integer(at: 0)
      guard found == magic else { throw .badMagic(what: what, found: UInt64(found)) }
      guard BlockChecksum.holds(block, at: checksumOffset) else { throw .checksum(what: what) }
      let version: UInt16 = block.integer(at: 4)
      guard version == Self.version else {
        throw .unsupportedVersion(what: what, found: UInt32(version))
      }
      guard block[7] == 0 else { throw .unknownFlags(what: what, bits: UInt64(block[7])) }
      guard let kind = PoolObjectKind(rawValue: block[6]) else {
        throw .unsupported(what: "kind of a pool's object", found: UInt64(block[6]))
      }
      guard block[36] == boxShift else {
        throw .unsupported(what: "box shift", found: UInt64(block[36]))
      }
      let contentByteCount: UInt64 = block.integer(at: 40)
      guard contentByteCount <= UInt64(contentByteCountMax) else {
        throw .outOfRange(
          what: "content byte count", value: contentByteCount, limit: UInt64(contentByteCountMax))
      }
      guard block.slice(37..<40).isZero, block.slice(80..<88).isZero else {
        throw .malformed(what: what)
      }
      return PoolObjectHeader(block, kind: kind, contentByteCount: Int(contentByteCount))
    }
  }

  private static let what = "pool object header"
  private static let magic: UInt32 = 0x6F_50_70_43
  private static let version: UInt16 = 1
  private static let boxShift: UInt8 = 16
  private static let checksumOffset = 88
}
