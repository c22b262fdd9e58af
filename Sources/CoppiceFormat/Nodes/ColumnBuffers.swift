/// Appends to memory that the caller owns and has sized for the worst case.
struct ColumnWriter {
  private let target: UnsafeMutableRawPointer
  private(set) var byteCount = 0

  init(_ target: UnsafeMutableRawPointer) {
    self.target = target
  }

  @inline(__always)
  mutating func append<T: FixedWidthInteger & BitwiseCopyable>(_ value: T) {
    target.store(integer: value, at: byteCount)
    byteCount &+= MemoryLayout<T>.size
  }

  /// As `ByteWriter.append(signedVarint:)`.
  @inline(__always)
  mutating func append(signedVarint value: Int64) {
    var rest = UInt64(bitPattern: value << 1 ^ value >> 63)
    while rest >= 0x80 {
      append(UInt8(truncatingIfNeeded: rest) | 0x80)
      rest >>= 7
    }
    append(UInt8(truncatingIfNeeded: rest))
  }
}

/// Reads a node's columns, never past their end.
struct ColumnReader {
  private let bytes: UnsafeRawBufferPointer
  private var offset = 0

  init(_ bytes: UnsafeRawBufferPointer) {
    self.bytes = bytes
  }

  var isAtEnd: Bool { offset == bytes.count }

  @inline(__always)
  mutating func byte() throws(FormatError) -> UInt8 {
    guard offset < bytes.count else { throw truncated(1) }
    defer { offset &+= 1 }
    return bytes[offset]
  }

  mutating func bytes(_ count: Int) throws(FormatError) -> UnsafeRawBufferPointer {
    guard count <= bytes.count - offset else { throw truncated(count) }
    defer { offset &+= count }
    return bytes.slice(offset..<offset + count)
  }

  mutating func integer<T: FixedWidthInteger & BitwiseCopyable>() throws(FormatError) -> T {
    try bytes(MemoryLayout<T>.size).integer(at: 0)
  }

  /// As `ByteReader.signedVarint`, but of at most 42 bits, which columns never exceed.
  @inline(__always)
  mutating func signedVarint() throws(FormatError) -> Int64 {
    var value: UInt64 = 0
    var shift: UInt64 = 0
    while true {
      let byte = try byte()
      value |= UInt64(byte & 0x7F) &<< shift
      if byte < 0x80 { break }
      shift &+= 7
      guard shift < 42 else { throw .malformed(what: "node columns") }
    }
    return Int64(bitPattern: value >> 1) ^ -Int64(bitPattern: value & 1)
  }

  private func truncated(_ count: Int) -> FormatError {
    .truncated(what: "node columns", needed: count, available: bytes.count - offset)
  }
}

extension Locator {
  /// Where the next frame begins if it lies behind this one.
  @inline(__always)
  var end: UInt64 { UInt64(offset) &+ UInt64(storedByteCount) }
}
