internal import CoppicePlatform

/// An extended attribute as libarchive's records have it: the name with `%` escapes, the value in
/// base 64, with or without padding.
enum EncodedAttribute {
  static func decode(
    _ name: some Collection<UInt8>, _ value: [UInt8]
  ) throws(TarError) -> TarEntry.Attribute {
    guard let name = PercentCoding.decode(name) else { throw .badExtendedHeader }
    return TarEntry.Attribute(name: name, value: try decodeBase64(value))
  }

  private static func decodeBase64(_ text: [UInt8]) throws(TarError) -> [UInt8] {
    var result: [UInt8] = []
    result.reserveCapacity(text.count * 3 / 4)
    var bits: UInt32 = 0
    var bitCount = 0
    for byte in text where byte != UInt8(ascii: "=") && byte != UInt8(ascii: "\n") {
      guard let digit = digit(byte) else { throw .badExtendedHeader }
      bits = bits << 6 | digit
      bitCount += 6
      if bitCount >= 8 {
        bitCount -= 8
        result.append(UInt8(truncatingIfNeeded: bits >> UInt32(bitCount)))
      }
    }
    return result
  }

  private static func digit(_ byte: UInt8) -> UInt32? {
    switch byte {
    case UInt8(ascii: "A")...UInt8(ascii: "Z"): UInt32(byte - UInt8(ascii: "A"))
    case UInt8(ascii: "a")...UInt8(ascii: "z"): UInt32(byte - UInt8(ascii: "a")) + 26
    case UInt8(ascii: "0")...UInt8(ascii: "9"): UInt32(byte - UInt8(ascii: "0")) + 52
    case UInt8(ascii: "+"): 62
    case UInt8(ascii: "/"): 63
    default: nil
    }
  }
}
