/// A header block of 512 bytes: ustar, with what GNU and the seventh edition do differently.
///
///     name 100   mode 8   uid 8   gid 8   size 12   mtime 12   checksum 8   type 1   link name 100
///     magic 6 "ustar\0"   version 2 "00"   user 32   group 32   major 8   minor 8   prefix 155
///
/// Numbers are octal text, or big-endian binary when the first bit is set. GNU's magic is
/// `ustar  \0`; it has no prefix but, in a sparse header, four ranges of offset 12 and count 12
/// from byte 386 on, a flag at 482 that more follow, and the file's byte count at 483.
package struct TarHeader: Hashable, Sendable {
  package static let byteCount = 512

  package var name: [UInt8] = []
  package var mode: UInt32 = 0
  package var userID: UInt64 = 0
  package var groupID: UInt64 = 0
  package var byteCount: UInt64 = 0
  /// Seconds since 1970-01-01 UTC.
  package var modified: Int64 = 0
  package var type = UInt8(ascii: "0")
  package var linkName: [UInt8] = []
  package var deviceMajor: UInt32 = 0
  package var deviceMinor: UInt32 = 0
  /// Of a GNU sparse header (type S), else `nil`.
  package var sparse: Sparse?

  package struct Sparse: Hashable, Sendable {
    package var ranges: [Range<UInt64>]
    package var isContinued: Bool
    package var byteCount: UInt64
  }

  package init() {}

  /// Whether the block is all zero: the end of an archive.
  package static func isEnd(_ block: UnsafeRawBufferPointer) -> Bool {
    block.allSatisfy { $0 == 0 }
  }

  package init(decoding block: UnsafeRawBufferPointer) throws(TarError) {
    precondition(block.count == Self.byteCount)
    let fields = TarFields(block)
    guard try fields.hasValidChecksum() else { throw .headerChecksum }
    let magic = Array(block[257..<265])
    let isGNU = magic == Array("ustar  \0".utf8)
    let isUstar = !isGNU && magic.starts(with: "ustar".utf8)

    name = fields.text(0, 100)
    mode = UInt32(truncatingIfNeeded: try fields.number(100, 8, "mode")) & 0o7777
    userID = try fields.count(108, 8, "uid")
    groupID = try fields.count(116, 8, "gid")
    byteCount = try fields.count(124, 12, "size")
    modified = try fields.time(136, 12, "mtime")
    type = block[156] == 0 ? UInt8(ascii: "0") : block[156]
    linkName = fields.text(157, 100)
    if isGNU || isUstar {
      deviceMajor = try fields.word(329, 8, "devmajor")
      deviceMinor = try fields.word(337, 8, "devminor")
    }
    if isUstar {
      let prefix = fields.text(345, 155)
      if !prefix.isEmpty { name = prefix + [UInt8(ascii: "/")] + name }
    }
    if isGNU, type == UInt8(ascii: "S") {
      sparse = Sparse(
        ranges: try fields.ranges(at: 386, count: 4), isContinued: block[482] != 0,
        byteCount: try fields.count(483, 12, "realsize"))
    }
  }

  /// The ranges of a block that continues a GNU sparse header: 21 of them, then the flag.
  package static func decodeSparseExtension(
    _ block: UnsafeRawBufferPointer
  ) throws(TarError) -> (ranges: [Range<UInt64>], isContinued: Bool) {
    precondition(block.count == Self.byteCount)
    return (try TarFields(block).ranges(at: 0, count: 21), block[504] != 0)
  }

  /// The header as a ustar block. `name` and `linkName` are cut to 100 bytes: extended records then
  /// say what is so. Numbers that octal text does not hold are binary.
  package func encode() -> [UInt8] {
    var block = [UInt8](repeating: 0, count: Self.byteCount)
    func put(_ bytes: some Sequence<UInt8>, at offset: Int, limit: Int) {
      for (index, byte) in bytes.prefix(limit).enumerated() { block[offset + index] = byte }
    }
    func put(number: UInt64, at offset: Int, byteCount: Int) {
      let digits = String(number, radix: 8).utf8
      let width = byteCount - 1
      guard digits.count <= width else {
        for index in 0..<min(byteCount, 8) {
          block[offset + byteCount - 1 - index] = UInt8(truncatingIfNeeded: number >> (8 * index))
        }
        block[offset] |= 0x80
        return
      }
      let zeros = repeatElement(UInt8(ascii: "0"), count: width - digits.count)
      put(Array(zeros) + Array(digits), at: offset, limit: width)
    }
    put(name, at: 0, limit: 100)
    put(number: UInt64(mode), at: 100, byteCount: 8)
    put(number: userID, at: 108, byteCount: 8)
    put(number: groupID, at: 116, byteCount: 8)
    put(number: byteCount, at: 124, byteCount: 12)
    put(number: UInt64(max(0, modified)), at: 136, byteCount: 12)
    block[156] = type
    put(linkName, at: 157, limit: 100)
    put("ustar\u{0}00".utf8, at: 257, limit: 8)
    put(number: UInt64(deviceMajor), at: 329, byteCount: 8)
    put(number: UInt64(deviceMinor), at: 337, byteCount: 8)

    put(repeatElement(UInt8(ascii: " "), count: 8), at: 148, limit: 8)
    let sum = block.reduce(0 as UInt64) { $0 + UInt64($1) }
    put(number: sum, at: 148, byteCount: 7)
    block[154] = 0
    return block
  }

  /// The greatest number an octal field of this many bytes holds.
  package static func octalMax(fieldByteCount: Int) -> UInt64 {
    1 << UInt64(3 * (fieldByteCount - 1)) - 1
  }
}

/// Reads the fields of a header block.
private struct TarFields {
  let block: UnsafeRawBufferPointer

  init(_ block: UnsafeRawBufferPointer) { self.block = block }

  func text(_ offset: Int, _ byteCount: Int) -> [UInt8] {
    Array(block[offset..<offset + byteCount].prefix { $0 != 0 })
  }

  /// Some old programs summed signed bytes.
  func hasValidChecksum() throws(TarError) -> Bool {
    var unsigned: Int64 = 0
    var signed: Int64 = 0
    for (index, byte) in block.enumerated() {
      let counted = (148..<156).contains(index) ? UInt8(ascii: " ") : byte
      unsigned += Int64(counted)
      signed += Int64(Int8(bitPattern: counted))
    }
    let stored = try number(148, 8, "checksum")
    return stored == unsigned || stored == signed
  }

  func number(_ offset: Int, _ byteCount: Int, _ field: String) throws(TarError) -> Int64 {
    let bytes = block[offset..<offset + byteCount]
    if block[offset] & 0x80 != 0 {
      guard let value = Int64(exactly: binary(bytes)) else { throw .badNumber(field: field) }
      return value
    }
    var value: UInt64 = 0
    var text = bytes.drop { $0 == UInt8(ascii: " ") }
    text = text.prefix { $0 != 0 && $0 != UInt8(ascii: " ") }
    for byte in text {
      guard (UInt8(ascii: "0")...UInt8(ascii: "7")).contains(byte), value >> 60 == 0 else {
        throw .badNumber(field: field)
      }
      value = value << 3 | UInt64(byte - UInt8(ascii: "0"))
    }
    return Int64(value)
  }

  /// Seconds; those that 64 bits do not hold are cut to the nearest.
  func time(_ offset: Int, _ byteCount: Int, _ field: String) throws(TarError) -> Int64 {
    if block[offset] & 0x80 == 0 { return try number(offset, byteCount, field) }
    return Int64(clamping: binary(block[offset..<offset + byteCount]))
  }

  func count(_ offset: Int, _ byteCount: Int, _ field: String) throws(TarError) -> UInt64 {
    let value = try number(offset, byteCount, field)
    guard value >= 0 else { throw .badNumber(field: field) }
    return UInt64(value)
  }

  func word(_ offset: Int, _ byteCount: Int, _ field: String) throws(TarError) -> UInt32 {
    guard let value = UInt32(exactly: try number(offset, byteCount, field)) else {
      throw .badNumber(field: field)
    }
    return value
  }

  /// Pairs of offset and byte count; an empty pair ends the list.
  func ranges(at offset: Int, count rangeCount: Int) throws(TarError) -> [Range<UInt64>] {
    var ranges: [Range<UInt64>] = []
    for index in 0..<rangeCount {
      let place = offset + 24 * index
      if block[place] == 0 { break }
      let start = try count(place, 12, "sparse offset")
      let byteCount = try count(place + 12, 12, "sparse size")
      guard start <= .max - byteCount else { throw .badSparseMap }
      ranges.append(start..<start + byteCount)
    }
    return ranges
  }

  /// Two's complement, big-endian; the first bit marks the form, the second is the sign. Twelve
  /// bytes at most.
  private func binary(_ bytes: Slice<UnsafeRawBufferPointer>) -> Int128 {
    let isNegative = (bytes.first ?? 0) & 0x40 != 0
    var value: Int128 = isNegative ? -1 : 0
    for (index, byte) in bytes.enumerated() {
      let digit = index > 0 ? byte : isNegative ? byte | 0x80 : byte & 0x7F
      value = value << 8 | Int128(digit)
    }
    return value
  }
}
