/// The records of a pax extended header: lines of `length key=value`, the length counting itself
/// and the newline, in decimal. Later records of a key win, but for the pairs of offset and byte
/// count of GNU's first sparse format, which repeat. A record with an empty value takes earlier
/// ones of its key back, global ones too: then the header's own field holds. An extended attribute
/// may be empty.
package struct PaxRecords: Hashable, Sendable {
  /// Of all records of one member: attributes as large as a file may have, and paths of any depth.
  package static let byteCountMax: UInt64 = 64 << 20

  /// Empty where a record takes others back.
  private var values: [String: [UInt8]] = [:]
  /// In the order they came.
  package private(set) var attributes: [TarEntry.Attribute] = []
  package private(set) var sparseRanges: [Range<UInt64>] = []
  private var sparseOffset: UInt64?
  private var byteCount: UInt64 = 0

  package init() {}

  package subscript(key: String) -> [UInt8]? {
    values[key].flatMap { $0.isEmpty ? nil : $0 }
  }

  package var keys: some Collection<String> { values.lazy.filter { !$0.value.isEmpty }.map(\.key) }

  /// Adds the records of one header's data.
  package mutating func decode(_ bytes: UnsafeRawBufferPointer) throws(TarError) {
    byteCount += UInt64(bytes.count)
    guard byteCount <= Self.byteCountMax else {
      throw .tooLong(what: "extended headers", byteCount: byteCount, limit: Self.byteCountMax)
    }
    var rest = bytes[...]
    while !rest.isEmpty {
      // Some writers pad with zeros.
      if rest.allSatisfy({ $0 == 0 }) { return }
      guard let space = rest.prefix(21).firstIndex(of: UInt8(ascii: " ")),
        let byteCount = PaxRecords.decimal(rest[rest.startIndex..<space]),
        byteCount <= rest.count, byteCount > 0
      else { throw .badExtendedHeader }
      let end = rest.startIndex + Int(byteCount)
      guard space + 1 < end, rest[end - 1] == UInt8(ascii: "\n"),
        let equals = rest[space + 1..<end - 1].firstIndex(of: UInt8(ascii: "="))
      else { throw .badExtendedHeader }
      let value = UnsafeRawBufferPointer(rebasing: rest[equals + 1..<end - 1])
      try add(key: rest[space + 1..<equals], value: Array(value))
      rest = rest[end...]
    }
  }

  private mutating func add(
    key: Slice<UnsafeRawBufferPointer>, value: [UInt8]
  ) throws(TarError) {
    let attributePrefix = Array("SCHILY.xattr.".utf8)
    if key.starts(with: attributePrefix) {
      return set(PaxRecords.unescape(key.dropFirst(attributePrefix.count)), to: value)
    }
    let encodedPrefix = Array("LIBARCHIVE.xattr.".utf8)
    if key.starts(with: encodedPrefix) {
      let attribute = try EncodedAttribute.decode(key.dropFirst(encodedPrefix.count), value)
      // Where both forms are there, the other one is exact.
      if !attributes.contains(where: { $0.name == attribute.name }) { attributes.append(attribute) }
      return
    }
    let name = String(decoding: key, as: UTF8.self)
    if value.isEmpty {
      values[name] = []
      return
    }
    switch name {
    case "RHT.security.selinux": set(Array("security.selinux".utf8), to: value)
    case "GNU.sparse.offset":
      sparseOffset = try PaxRecords.number(value, key: name)
    case "GNU.sparse.numbytes":
      let byteCount = try PaxRecords.number(value, key: name)
      guard let offset = sparseOffset, offset <= .max - byteCount else { throw .badSparseMap }
      sparseRanges.append(offset..<offset + byteCount)
      sparseOffset = nil
    default:
      values[name] = value
    }
  }

  private mutating func set(_ attribute: [UInt8], to value: [UInt8]) {
    attributes.removeAll { $0.name == attribute }
    attributes.append(TarEntry.Attribute(name: attribute, value: value))
  }

  /// Records of this header laid over those of an earlier, global one.
  package func over(_ global: PaxRecords) -> PaxRecords {
    var result = global
    result.values.merge(values) { $1 }
    for attribute in attributes {
      result.attributes.removeAll { $0.name == attribute.name }
      result.attributes.append(attribute)
    }
    if !sparseRanges.isEmpty { result.sparseRanges = sparseRanges }
    return result
  }

  /// A whole number, or `nil` when there is no such record.
  package func count(_ key: String) throws(TarError) -> UInt64? {
    guard let value = self[key] else { return nil }
    return try PaxRecords.number(value, key: key)
  }

  /// A time with up to nine decimals, in nanoseconds, cut to the nearest that 64 bits hold; `nil`
  /// when there is no such record.
  package func nanoseconds(_ key: String) throws(TarError) -> Int64? {
    guard let value = self[key] else { return nil }
    let isNegative = value.first == UInt8(ascii: "-")
    let parts = (isNegative ? value.dropFirst() : value[...]).split(
      separator: UInt8(ascii: "."), maxSplits: 1, omittingEmptySubsequences: false)
    let digits = parts.first ?? []
    let decimals = parts.count > 1 ? parts[1] : []
    guard !digits.isEmpty, (digits + decimals).allSatisfy(PaxRecords.isDigit) else {
      throw .badNumber(field: key)
    }
    // More seconds than 64 bits hold are as good as any that are too many.
    let seconds = Int128(PaxRecords.decimal(digits) ?? .max)
    let fraction =
      decimals.prefix(9) + repeatElement(UInt8(ascii: "0"), count: max(0, 9 - decimals.count))
    let magnitude = seconds * 1_000_000_000 + Int128(PaxRecords.decimal(fraction) ?? 0)
    return Int64(clamping: isNegative ? -magnitude : magnitude)
  }

  private static func isDigit(_ byte: UInt8) -> Bool {
    (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte)
  }

  /// Whether the ranges of a sparse file lie before its data (GNU's format 1.0).
  package var isSparseMapInData: Bool { values["GNU.sparse.major"] == [UInt8(ascii: "1")] }

  /// The byte count of a sparse file, holes included; `nil` when the records tell of none.
  package func sparseByteCount() throws(TarError) -> UInt64? {
    if let byteCount = try count("GNU.sparse.realsize") { return byteCount }
    return try count("GNU.sparse.size")
  }

  /// The ranges of a sparse file that its records list (GNU's formats 0.0 and 0.1).
  package func sparseMap() throws(TarError) -> [Range<UInt64>]? {
    if !sparseRanges.isEmpty { return sparseRanges }
    guard let map = self["GNU.sparse.map"] else { return nil }
    var numbers: [UInt64] = []
    for text in map.split(separator: UInt8(ascii: ",")) {
      numbers.append(try PaxRecords.number(Array(text), key: "GNU.sparse.map"))
    }
    guard numbers.count.isMultiple(of: 2) else { throw .badSparseMap }
    return stride(from: 0, to: numbers.count, by: 2).map {
      numbers[$0]..<numbers[$0] + numbers[$0 + 1]
    }
  }

  private static func number(_ value: [UInt8], key: String) throws(TarError) -> UInt64 {
    guard let number = decimal(value), number <= UInt64(Int64.max) else {
      throw .badNumber(field: key)
    }
    return number
  }

  /// `nil` unless all bytes are digits, one at least, and the number fits.
  package static func decimal(_ bytes: some Collection<UInt8>) -> UInt64? {
    guard !bytes.isEmpty else { return nil }
    var value: UInt64 = 0
    for byte in bytes {
      guard isDigit(byte) else { return nil }
      let (product, overflow) = value.multipliedReportingOverflow(by: 10)
      let (sum, carry) = product.addingReportingOverflow(UInt64(byte - UInt8(ascii: "0")))
      guard !overflow, !carry else { return nil }
      value = sum
    }
    return value
  }

  /// GNU tar's way to keep `=` out of a key: `%3D`, and `%25` for the sign itself.
  package static func escape(_ name: [UInt8]) -> [UInt8] {
    name.flatMap { byte in
      switch byte {
      case UInt8(ascii: "%"): Array("%25".utf8)
      case UInt8(ascii: "="): Array("%3D".utf8)
      default: [byte]
      }
    }
  }

  private static func unescape(_ name: some Collection<UInt8>) -> [UInt8] {
    var result: [UInt8] = []
    var rest = Array(name)[...]
    while let byte = rest.first {
      if rest.starts(with: "%25".utf8) || rest.starts(with: "%3D".utf8) {
        result.append(rest.starts(with: "%25".utf8) ? UInt8(ascii: "%") : UInt8(ascii: "="))
        rest = rest.dropFirst(3)
      } else {
        result.append(byte)
        rest = rest.dropFirst()
      }
    }
    return result
  }

  /// One record as a line.
  package static func encode(key: [UInt8], value: [UInt8]) -> [UInt8] {
    let bodyByteCount = key.count + value.count + 3
    var lengthDigits = 1
    while String(bodyByteCount + lengthDigits).utf8.count > lengthDigits { lengthDigits += 1 }
    var line = Array(String(bodyByteCount + lengthDigits).utf8)
    line.append(UInt8(ascii: " "))
    line += key
    line.append(UInt8(ascii: "="))
    line += value
    line.append(UInt8(ascii: "\n"))
    return line
  }
}
