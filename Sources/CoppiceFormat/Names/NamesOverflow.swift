/// Stands in a leaf cell for a value too large for it: the value lies in a chain of overflow pages.
///
///     0  byteCount u32    4  firstPage u32    8  xxh3 u64 over the value
///
/// The checksum makes the cell change whenever the value does, so that two states of a tree can be
/// compared by their leaves alone.
public struct NamesOverflow: Hashable, Sendable {
  public static let byteCount = 16
  /// The largest value: an extended attribute of 64 KiB.
  public static let valueByteCountMax = 1 << 16

  public var valueByteCount: Int
  public var firstPage: UInt32
  public var checksum: UInt64

  public init(of value: UnsafeRawBufferPointer, firstPage: UInt32) {
    valueByteCount = value.count
    self.firstPage = firstPage
    checksum = checksum64(value)
  }

  public init(decoding bytes: UnsafeRawBufferPointer) throws(FormatError) {
    var reader = ByteReader(bytes, what: "names overflow reference")
    valueByteCount = Int(
      try reader.integer("names value byte count", atMost: UInt32(Self.valueByteCountMax)))
    firstPage = try reader.integer()
    checksum = try reader.integer()
    try reader.finish()
    guard firstPage != 0 else { throw .malformed(what: "names overflow reference") }
  }

  public func encode() -> [UInt8] {
    var writer = ByteWriter(byteCapacity: Self.byteCount)
    writer.append(count: valueByteCount)
    writer.append(firstPage)
    writer.append(checksum)
    return writer.bytes
  }

  /// Throws when the value collected from the chain is not the one that was stored.
  public func verify(_ value: UnsafeRawBufferPointer) throws(FormatError) {
    guard value.count == valueByteCount, checksum64(value) == checksum else {
      throw .checksum(what: "names value")
    }
  }
}
