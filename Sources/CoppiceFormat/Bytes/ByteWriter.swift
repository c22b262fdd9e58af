/// Appends the fields of one structure in order.
struct ByteWriter {
  private(set) var bytes: [UInt8] = []

  init(byteCapacity: Int = 0) {
    bytes.reserveCapacity(byteCapacity)
  }

  mutating func append<T: FixedWidthInteger & BitwiseCopyable>(_ value: T) {
    withUnsafeBytes(of: value.littleEndian) { bytes.append(contentsOf: $0) }
  }

  mutating func append(count: Int) {
    append(UInt32(count))
  }

  /// A little-endian base-128 integer: 7 bits a byte, the last one below 0x80.
  mutating func append(varint value: UInt64) {
    var rest = value
    while rest >= 0x80 {
      bytes.append(UInt8(truncatingIfNeeded: rest) | 0x80)
      rest >>= 7
    }
    bytes.append(UInt8(rest))
  }

  /// A varint of a signed number: 0, -1, 1, -2, ...
  mutating func append(signedVarint value: Int64) {
    append(varint: UInt64(bitPattern: value << 1 ^ value >> 63))
  }

  mutating func append(text: String) {
    append(UInt16(text.utf8.count))
    bytes.append(contentsOf: text.utf8)
  }

  mutating func append(_ raw: UnsafeRawBufferPointer) {
    bytes.append(contentsOf: raw)
  }

  mutating func append(_ ref: Ref) {
    withUnsafeTemporaryAllocation(byteCount: Ref.byteCount, alignment: 8) { buffer in
      ref.encode(into: buffer)
      bytes.append(contentsOf: buffer)
    }
  }

  mutating func append(_ prefix: BlockPrefix, flags: UInt16 = 0) {
    append(prefix.magic)
    append(prefix.version)
    append(flags)
  }

  /// Appends zero bytes up to a multiple of `alignment`.
  mutating func pad(to alignment: Int) {
    while !bytes.count.isMultiple(of: alignment) { bytes.append(0) }
  }

  /// Writes the checksum of all bytes into the field at `offset`, which was appended as zero.
  mutating func seal(checksumAt offset: Int) {
    bytes.withUnsafeMutableBytes { BlockChecksum.seal($0, at: offset) }
  }
}
