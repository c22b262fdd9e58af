/// Reads the fields of one structure in order, and never past its end.
///
/// The bytes must outlive the reader.
struct ByteReader {
  /// The structure's name in errors.
  let what: String
  private let bytes: UnsafeRawBufferPointer
  private(set) var offset = 0

  init(_ bytes: UnsafeRawBufferPointer, what: String) {
    self.bytes = bytes
    self.what = what
  }

  var remainingByteCount: Int { bytes.count - offset }

  mutating func integer<T: FixedWidthInteger & BitwiseCopyable>(
    as: T.Type = T.self
  ) throws(FormatError) -> T {
    let start = try skip(MemoryLayout<T>.size)
    return bytes.integer(at: start, as: T.self)
  }

  /// A field whose values end at `limit`, included.
  mutating func integer<T: FixedWidthInteger & BitwiseCopyable & UnsignedInteger>(
    _ field: String, atMost limit: T
  ) throws(FormatError) -> T {
    let value: T = try integer()
    guard value <= limit else {
      throw .outOfRange(what: field, value: UInt64(value), limit: UInt64(limit))
    }
    return value
  }

  /// A count of elements that take at least `elementByteCount` bytes each, all of them still to
  /// be read: an array of that many never takes more memory than a constant times the input.
  mutating func count(of elementByteCount: Int) throws(FormatError) -> Int {
    let count = Int(try integer(as: UInt32.self))
    guard count <= remainingByteCount / elementByteCount else {
      throw .truncated(
        what: what, needed: count * elementByteCount, available: remainingByteCount)
    }
    return count
  }

  mutating func bytes(_ count: Int) throws(FormatError) -> UnsafeRawBufferPointer {
    let start = try skip(count)
    return bytes.slice(start..<start + count)
  }

  /// A little-endian base-128 integer of at most 10 bytes.
  mutating func varint() throws(FormatError) -> UInt64 {
    var value: UInt64 = 0
    var shift: UInt64 = 0
    while true {
      let byte = bytes[try skip(1)]
      guard shift < 63 || byte <= 1 else {
        throw .malformed(what: what)
      }
      value |= UInt64(byte & 0x7F) << shift
      if byte < 0x80 { return value }
      shift += 7
    }
  }

  /// A varint of a signed number: 0, -1, 1, -2, ...
  mutating func signedVarint() throws(FormatError) -> Int64 {
    let value = try varint()
    return Int64(bitPattern: value >> 1) ^ -Int64(bitPattern: value & 1)
  }

  /// Text of at most `limit` bytes, with its byte count as u16 before it.
  mutating func text(_ field: String, atMost limit: UInt16) throws(FormatError) -> String {
    let count: UInt16 = try integer(field, atMost: limit)
    guard let text = String(validating: try bytes(Int(count)), as: UTF8.self) else {
      throw .malformed(what: field)
    }
    return text
  }

  mutating func hash() throws(FormatError) -> PageHash {
    PageHash(low: try integer(), high: try integer())
  }

  mutating func ref() throws(FormatError) -> Ref {
    try Ref(decoding: bytes(Ref.byteCount))
  }

  /// Throws unless all bytes were read, but for fewer than `alignment` zero bytes of padding.
  func finish(alignment: Int = 1) throws(FormatError) {
    let rest = bytes.slice(offset..<bytes.count)
    guard rest.count < alignment, rest.isZero else { throw .malformed(what: what) }
  }

  private mutating func skip(_ count: Int) throws(FormatError) -> Int {
    guard count <= remainingByteCount else {
      throw .truncated(what: what, needed: count, available: remainingByteCount)
    }
    defer { offset += count }
    return offset
  }
}
