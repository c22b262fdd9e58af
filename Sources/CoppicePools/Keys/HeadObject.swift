package import CoppiceErrors
package import CoppiceFormat
internal import Crypto

/// The object `pool`: header and boxes of the head, and behind them, in plain, the table of keys,
/// without which nobody could open the boxes. The head has the table's SHA-256, so neither can be
/// exchanged alone.
package struct HeadObject: Sendable {
  package var head: PoolHead
  package var table: PoolKeyTable
  package var keys: PoolKeys

  /// Of a pool that is about to be made.
  ///
  /// - Precondition: as for `seal`.
  package init(_ head: PoolHead, _ table: PoolKeyTable, keys: PoolKeys) {
    self.head = head
    self.table = table
    self.keys = keys
  }

  /// What can be read without a key. Throws `corrupt`, `unsupportedFormat`.
  package static func plain(
    _ object: [UInt8]
  ) throws(StoreError) -> (pool: StoreUUID, table: PoolKeyTable) {
    let (header, bytes) = try split(object)
    return (header.pool, try decode(bytes))
  }

  /// Opens the object `pool` by an outer key.
  ///
  /// Throws `denied` for a key that does not open it, `corrupt`, `unsupportedFormat`.
  package init(_ object: [UInt8], opening outer: OuterKey) throws(StoreError) {
    let (header, bytes) = try Self.split(object)
    let table = try Self.decode(bytes)
    let keys = try PoolKeys(of: table, pool: header.pool, opening: outer)
    let reader = try BoxReader(header: object.span.bytes, of: .head, keys: keys)
    let boxes = header.boxes
    let content = try reader.open(
      0..<boxes.count, from: object[PoolObjectHeader.byteCount..<boxes.objectByteCount])
    head = try StoreError.decoding(PoolObjectName.head.key) { () throws(FormatError) in
      try PoolHead.decode(content.span.bytes)
    }
    guard head.keyTableDigest == Self.digest(of: bytes) else {
      throw StoreError(
        .corrupt, "its table of keys is another one than the head was written with",
        object: PoolObjectName.head.key)
    }
    self.table = table
    self.keys = keys
  }

  /// The bytes of the object `pool`. The head's digest of the table is set here.
  ///
  /// - Precondition: the keys have the pool's own, and the table is theirs.
  package static func seal(
    _ head: PoolHead, _ table: PoolKeyTable, keys: PoolKeys,
    using generator: inout some RandomNumberGenerator
  ) -> [UInt8] {
    let bytes = table.encode()
    var head = head
    head.keyTableDigest = digest(of: bytes)
    return keys.seal(head.encode(), as: .head, using: &generator) + bytes
  }

  private static func digest(of bytes: some Collection<UInt8>) -> [UInt8] {
    Array(SHA256.hash(data: Array(bytes)))
  }

  /// The header, and the bytes behind the boxes.
  private static func split(
    _ object: [UInt8]
  ) throws(StoreError) -> (header: PoolObjectHeader, table: [UInt8]) {
    let header = try BoxReader.header(object.span.bytes, of: .head)
    let end = header.boxes.objectByteCount
    guard object.count >= end else {
      throw StoreError(
        .corrupt, "has \(object.count) bytes where there should be more than \(end)",
        object: PoolObjectName.head.key)
    }
    return (header, Array(object[end...]))
  }

  private static func decode(_ bytes: [UInt8]) throws(StoreError) -> PoolKeyTable {
    try StoreError.decoding(PoolObjectName.head.key) { () throws(FormatError) in
      try PoolKeyTable.decode(bytes.span.bytes)
    }
  }
}
