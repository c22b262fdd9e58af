/// The frame of what an object of a pool holds, a segment excepted. It lies in boxes.
///
///     0  magic   version u16   flags u16
///     8  bodyRawByteCount u64
///     16 xxh3 u64                 over header and stored body
///     24 body
///
/// The body is zstd without magic, unless its stored and raw byte counts are equal.
enum PoolBlock {
  private static let headerByteCount = 24
  private static let checksumOffset = 16
  /// No decoder expects a greater raw body.
  private static let bodyRawByteCountMax: UInt64 = 1 << 28

  static func encode(_ prefix: BlockPrefix, body: [UInt8]) -> [UInt8] {
    precondition(UInt64(body.count) <= bodyRawByteCountMax)
    let stored = body.withUnsafeBytes { Zstd.compress($0) } ?? body
    var writer = ByteWriter(byteCapacity: headerByteCount + stored.count)
    writer.append(prefix)
    writer.append(UInt64(body.count))
    writer.append(UInt64(0))
    writer.append(raw: stored)
    writer.seal(checksumAt: checksumOffset)
    return writer.bytes
  }

  /// Reads the body; `decode` must read all of it.
  ///
  /// Memory stays below a constant times the input, since zstd bodies that would grow more than
  /// 256-fold are refused.
  static func decode<Value>(
    _ bytes: RawSpan, _ prefix: BlockPrefix,
    _ decode: (inout ByteReader) throws(FormatError) -> Value
  ) throws(FormatError) -> Value {
    try bytes.withUnsafeBytes { (bytes) throws(FormatError) in
      try prefix.checkMagic(bytes, byteCount: headerByteCount)
      guard BlockChecksum.holds(bytes, at: checksumOffset) else {
        throw .checksum(what: prefix.what)
      }
      _ = try prefix.flags(bytes)
      let rawByteCount: UInt64 = bytes.integer(at: 8)
      guard rawByteCount <= bodyRawByteCountMax else {
        throw .outOfRange(
          what: "\(prefix.what) raw byte count", value: rawByteCount, limit: bodyRawByteCountMax)
      }
      let body = bytes.slice(headerByteCount..<bytes.count)
      if rawByteCount == UInt64(body.count) { return try read(body, prefix, decode) }
      let raw = try Zstd.decompress(body, byteCount: Int(rawByteCount), what: prefix.what)
      return try raw.span.bytes.withUnsafeBytes { (raw) throws(FormatError) in
        try read(raw, prefix, decode)
      }
    }
  }

  private static func read<Value>(
    _ body: UnsafeRawBufferPointer, _ prefix: BlockPrefix,
    _ decode: (inout ByteReader) throws(FormatError) -> Value
  ) throws(FormatError) -> Value {
    var reader = ByteReader(body, what: prefix.what)
    let value = try decode(&reader)
    try reader.finish()
    return value
  }
}
