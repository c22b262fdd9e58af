/// The first file that opening a store reads: what the store is and which code may touch it.
///
/// It is written once, as two equal copies of 4,096 bytes; either suffices. Magic, version and
/// checksum keep their places in every later version.
///
///     0    magic "Coppice\0"
///     8    formatVersion u32   reserved u32
///     16   compatibleFlags u64        unknown ones may be ignored
///     24   readCompatibleFlags u64    unknown ones forbid writing
///     32   incompatibleFlags u64      unknown ones forbid opening
///     40   uuid[16]
///     56   hashKind u8   pageShift u8   nodeShift u8   reserved[5]
///     64   secret[192]
///     256  reserved[3832]
///     4088 xxh3 u64
public struct Superblock: Hashable, Sendable {
  /// Both copies.
  public static let byteCount = 2 * copyByteCount
  public static let copyByteCount = 4096
  public static let formatVersionCurrent: UInt32 = 1
  /// XXH3-128 keyed by the secret, the only kind of this format.
  public static let hashKindXXH3: UInt8 = 1
  /// Pages of 4 KiB to 64 KiB.
  public static let pageShifts: ClosedRange<UInt8> = 12...16
  /// 256 refs a node.
  public static let nodeShiftStandard: UInt8 = 8

  public var formatVersion = formatVersionCurrent
  public var compatibleFlags: UInt64 = 0
  public var readCompatibleFlags: UInt64 = 0
  public var incompatibleFlags: UInt64 = 0
  public var uuid: StoreUUID
  public var hashKind = hashKindXXH3
  public var pageShift: UInt8
  public var nodeShift = nodeShiftStandard
  /// `HashSecret.byteCount` random bytes.
  public var secret: [UInt8]

  /// - Precondition: `pageShift` lies in `pageShifts`, `secret` has `HashSecret.byteCount` bytes.
  public init(uuid: StoreUUID, pageShift: UInt8, secret: [UInt8]) {
    precondition(Self.pageShifts.contains(pageShift) && secret.count == HashSecret.byteCount)
    self.uuid = uuid
    self.pageShift = pageShift
    self.secret = secret
  }

  public var pageByteCount: Int { 1 << Int(pageShift) }

  /// Whether this code may write to the store: it knows every flag that writers must know.
  public var isWritable: Bool { readCompatibleFlags == 0 }

  /// Both copies, `byteCount` bytes.
  public func encode() -> [UInt8] {
    var copy = [UInt8](repeating: 0, count: Self.copyByteCount)
    copy.withUnsafeMutableBytes { block in
      block.store(integer: Self.magic, at: 0)
      block.store(integer: formatVersion, at: 8)
      block.store(integer: compatibleFlags, at: 16)
      block.store(integer: readCompatibleFlags, at: 24)
      block.store(integer: incompatibleFlags, at: 32)
      uuid.store(to: block, at: 40)
      block[56] = hashKind
      block[57] = pageShift
      block[58] = nodeShift
      UnsafeMutableRawBufferPointer(rebasing: block[64...]).copyBytes(from: secret)
      BlockChecksum.seal(block, at: Self.checksumOffset)
    }
    return copy + copy
  }

  /// Decodes the first of the two copies that is whole.
  ///
  /// Throws `.unsupportedVersion` or `.unknownFlags` for a store that this code must not open;
  /// if neither copy is whole, what is wrong with the first.
  public static func decode(_ bytes: RawSpan) throws(FormatError) -> Superblock {
    try bytes.withUnsafeBytes { (bytes) throws(FormatError) in
      let first = min(bytes.count, copyByteCount)
      let second = min(bytes.count, byteCount)
      do throws(FormatError) {
        return try decode(copy: bytes.slice(0..<first))
      } catch let error where !error.isUnsupported {
        guard let copy = try? decode(copy: bytes.slice(first..<second)) else { throw error }
        return copy
      }
    }
  }

  private static let magic: UInt64 = 0x00_65_63_69_70_70_6F_43
  static let checksumOffset = copyByteCount - BlockChecksum.byteCount

  private static func decode(copy: UnsafeRawBufferPointer) throws(FormatError) -> Superblock {
    guard copy.count == copyByteCount else {
      throw .truncated(what: "superblock", needed: copyByteCount, available: copy.count)
    }
    let found: UInt64 = copy.integer(at: 0)
    guard found == magic else { throw .badMagic(what: "superblock", found: found) }
    guard BlockChecksum.holds(copy, at: checksumOffset) else {
      throw .checksum(what: "superblock")
    }
    let version: UInt32 = copy.integer(at: 8)
    guard version == formatVersionCurrent else {
      throw .unsupportedVersion(what: "superblock", found: version)
    }
    let incompatible: UInt64 = copy.integer(at: 32)
    guard incompatible == 0 else {
      throw .unknownFlags(what: "superblock", bits: incompatible)
    }
    guard copy[56] == hashKindXXH3 else {
      throw .unsupportedVersion(what: "hash kind", found: UInt32(copy[56]))
    }
    guard pageShifts.contains(copy[57]) else {
      throw .outOfRange(what: "page shift", value: UInt64(copy[57]), limit: 16)
    }
    guard copy[58] == nodeShiftStandard else {
      throw .outOfRange(what: "node shift", value: UInt64(copy[58]), limit: 8)
    }
    var superblock = Superblock(
      uuid: StoreUUID(copy, at: 40), pageShift: copy[57],
      secret: Array(copy.slice(64..<64 + HashSecret.byteCount)))
    superblock.compatibleFlags = copy.integer(at: 16)
    superblock.readCompatibleFlags = copy.integer(at: 24)
    return superblock
  }
}
