/// The frame of a file of hints: what a store remembers for estimates and reports. Such a file may
/// be lost or old at any time, and nothing that counts depends on it.
///
///     0  magic "CpHi"   version u16   flags u16
///     8  kind u32   reserved u32
///     16 xxh3 u64
///     24 payload
enum HintsBlock {
  static let headerByteCount = 24
  private static let checksumOffset = 16
  private static let prefix = BlockPrefix(what: "hints", magic: "CpHi", version: 1)

  /// What a file is about.
  enum Kind: UInt32 {
    case collection = 1
    case scrub = 2
    case growth = 3
    case space = 4
  }

  static func begin(_ kind: Kind) -> ByteWriter {
    var writer = ByteWriter(byteCapacity: 256)
    writer.append(prefix)
    writer.append(kind.rawValue)
    writer.append(UInt32(0))
    writer.append(UInt64(0))
    return writer
  }

  static func finish(_ writer: consuming ByteWriter) -> [UInt8] {
    writer.seal(checksumAt: checksumOffset)
    return writer.bytes
  }

  /// Reads the payload; `body` must read all of it.
  static func decode<Value>(
    _ bytes: RawSpan, _ kind: Kind, _ body: (inout ByteReader) throws(FormatError) -> Value
  ) throws(FormatError) -> Value {
    try bytes.withUnsafeBytes { (bytes) throws(FormatError) in
      try prefix.checkMagic(bytes, byteCount: headerByteCount)
      guard BlockChecksum.holds(bytes, at: checksumOffset) else {
        throw .checksum(what: prefix.what)
      }
      _ = try prefix.flags(bytes)
      var reader = ByteReader(bytes, what: prefix.what)
      _ = try reader.bytes(BlockPrefix.byteCount)
      let found: UInt32 = try reader.integer()
      guard found == kind.rawValue else { throw .malformed(what: prefix.what) }
      _ = try reader.bytes(headerByteCount - BlockPrefix.byteCount - 4)
      let value = try body(&reader)
      try reader.finish()
      return value
    }
  }
}
