extension SegmentID {
  /// The greatest id of a segment of the store itself.
  public static let localMax = SegmentID(1 << UInt64(localBitCount) - 1)

  /// Throws `.outOfRange` unless `rawValue` is the id of a segment, not 0 and at most 40 bits, and
  /// `.unsupported` for one of another realm.
  static func check(_ rawValue: UInt64) throws(FormatError) {
    let limit: UInt64 = 1 << UInt64(bitCount) - 1
    guard rawValue > 0, rawValue <= limit else {
      throw .outOfRange(what: "segment id", value: rawValue, limit: limit)
    }
    guard rawValue <= localMax.rawValue else {
      throw .unsupported(what: "realm", found: rawValue >> UInt64(localBitCount))
    }
  }
}

extension VolumeNumber {
  /// Throws unless `rawValue` is a volume's number.
  static func check(_ rawValue: UInt64) throws(FormatError) {
    let limit: UInt64 = 1 << UInt64(bitCount) - 1
    guard rawValue <= limit else {
      throw .outOfRange(what: "volume number", value: rawValue, limit: limit)
    }
  }
}

extension PageNumber {
  /// Throws unless `rawValue` is a page's number.
  static func check(_ rawValue: UInt64) throws(FormatError) {
    let limit: UInt64 = 1 << UInt64(bitCount) - 1
    guard rawValue <= limit else {
      throw .outOfRange(what: "page number", value: rawValue, limit: limit)
    }
  }
}

extension VolumeNumber {
  /// The greatest byte count of a volume: 2^40 pages of the greatest page.
  public static let byteCountMax: UInt64 = 1 << 56
}
