/// The plain part of a pool's head: from where its boxes end to the end of the object. What is in
/// it is no secret, and the boxed part has its SHA-256.
///
///     0  magic "CpPk"   version u16   flags u16
///     8  xxh3 u64
///     16 wrappers, keys: each a count u32 and its entries; extensions (Fields)
public struct PoolKeyTable: Hashable, Sendable {
  /// Ids ascending.
  public var wrappers: [PoolWrapper]
  /// Ids ascending.
  public var keys: [PoolKey]
  /// What this version does not know; with a critical tag the pool may only be read.
  public var extensions: Fields

  public init(
    wrappers: [PoolWrapper] = [], keys: [PoolKey] = [], extensions: Fields = Fields()
  ) {
    self.wrappers = wrappers
    self.keys = keys
    self.extensions = extensions
  }

  /// - Precondition: ids ascend.
  public func encode() -> [UInt8] {
    precondition(isOrdered)
    var writer = ByteWriter(byteCapacity: 64 + 128 * (wrappers.count + keys.count))
    writer.append(Self.prefix)
    writer.append(UInt64(0))
    writer.append(count: wrappers.count)
    for wrapper in wrappers { writer.append(wrapper) }
    writer.append(count: keys.count)
    for key in keys { key.append(to: &writer) }
    writer.append(extensions)
    writer.seal(checksumAt: Self.checksumOffset)
    return writer.bytes
  }

  public static func decode(_ bytes: RawSpan) throws(FormatError) -> PoolKeyTable {
    try bytes.withUnsafeBytes { (bytes) throws(FormatError) in
      try prefix.checkMagic(bytes, byteCount: headerByteCount)
      guard BlockChecksum.holds(bytes, at: checksumOffset) else {
        throw .checksum(what: prefix.what)
      }
      _ = try prefix.flags(bytes)
      var reader = ByteReader(bytes.slice(headerByteCount..<bytes.count), what: prefix.what)
      let wrappers = try reader.array(of: PoolWrapper.byteCountMin) {
        (reader) throws(FormatError) in try reader.poolWrapper()
      }
      let keys = try reader.array(of: PoolKey.byteCount) { (reader) throws(FormatError) in
        try PoolKey(reading: &reader)
      }
      let table = PoolKeyTable(
        wrappers: wrappers, keys: keys, extensions: try Fields(reading: &reader))
      try reader.finish()
      guard table.isOrdered else { throw .malformed(what: prefix.what) }
      return table
    }
  }

  private var isOrdered: Bool { wrappers.ascends(by: \.id) && keys.ascends(by: \.id) }

  private static let prefix = BlockPrefix(what: "pool key table", magic: "CpPk", version: 1)
  private static let checksumOffset = 8
  private static let headerByteCount = 16
}
