/// Where a name leads: the value of a directory entry's key.
///
///     0  file u40 | kind u8 << 56        8 bytes; the kind repeats the inode's
public struct EntryRecord: Hashable, Sendable {
  public static let byteCount = 8

  public var file: VolumeNumber
  public var kind: UInt8

  public init(file: VolumeNumber, kind: UInt8) {
    self.file = file
    self.kind = kind
  }

  public init(decoding bytes: UnsafeRawBufferPointer) throws(FormatError) {
    var reader = ByteReader(bytes, what: "directory entry")
    let word: UInt64 = try reader.integer()
    try reader.finish()
    kind = UInt8(word >> 56)
    file = VolumeNumber(word & 0xFF_FFFF_FFFF)
    guard (1...7).contains(kind), word >> 40 & 0xFFFF == 0, file.rawValue != 0 else {
      throw .malformed(what: "directory entry")
    }
  }

  public func encode() -> [UInt8] {
    var writer = ByteWriter(byteCapacity: Self.byteCount)
    writer.append(file.rawValue | UInt64(kind) << 56)
    return writer.bytes
  }
}
