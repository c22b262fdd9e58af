/// The identity of a member of a pool: 16 random bytes of its own. Never the store's uuid, since
/// stores get copied.
@frozen
public struct PoolMemberID: Hashable, Sendable {
  public static let byteCount = 16
  /// Bytes 0-7 and 8-15, little-endian.
  public var low: UInt64
  public var high: UInt64

  @inlinable public init(low: UInt64, high: UInt64) {
    self.low = low
    self.high = high
  }
}

extension PoolMemberID: LosslessStringConvertible {
  private static let digitCount = 2 * byteCount

  /// 32 hexadecimal digits, the bytes in order.
  public var description: String {
    String(hexadecimal: low.byteSwapped) + String(hexadecimal: high.byteSwapped)
  }

  public init?(_ description: String) {
    guard description.utf8.count == Self.digitCount,
      let low = UInt64(hexadecimal: description.prefix(16)),
      let high = UInt64(hexadecimal: description.suffix(16))
    else { return nil }
    self.init(low: low.byteSwapped, high: high.byteSwapped)
  }
}

/// A member's short number in its pool, from 1. Never given again.
@frozen
public struct PoolMemberNumber: Hashable, Comparable, Sendable {
  /// Nobody.
  public static let none = PoolMemberNumber(0)
  public var rawValue: UInt16
  @inlinable public init(_ rawValue: UInt16) { self.rawValue = rawValue }
  @inlinable public static func < (a: Self, b: Self) -> Bool { a.rawValue < b.rawValue }
}

/// The identity of an entry among those of its member. Only grows.
@frozen
public struct PoolEntryID: Hashable, Comparable, Sendable {
  public var rawValue: UInt64
  @inlinable public init(_ rawValue: UInt64) { self.rawValue = rawValue }
  @inlinable public static func < (a: Self, b: Self) -> Bool { a.rawValue < b.rawValue }
}

/// Which key of a pool: the pool's own, or a domain's in one generation. Never given again.
@frozen
public struct PoolKeyID: Hashable, Comparable, Sendable {
  public var rawValue: UInt32
  @inlinable public init(_ rawValue: UInt32) { self.rawValue = rawValue }
  @inlinable public static func < (a: Self, b: Self) -> Bool { a.rawValue < b.rawValue }
}

/// Which wrapper of a pool's root key, of those that there are.
@frozen
public struct PoolWrapperID: Hashable, Comparable, Sendable {
  public var rawValue: UInt32
  @inlinable public init(_ rawValue: UInt32) { self.rawValue = rawValue }
  @inlinable public static func < (a: Self, b: Self) -> Bool { a.rawValue < b.rawValue }
}

/// A numbered change of one object by one member. Only grows.
@frozen
public struct PoolAttempt: Hashable, Comparable, Sendable {
  public var rawValue: UInt64
  @inlinable public init(_ rawValue: UInt64) { self.rawValue = rawValue }
  @inlinable public static func < (a: Self, b: Self) -> Bool { a.rawValue < b.rawValue }
}

extension String {
  /// All digits of the number, with leading zeros.
  init(hexadecimal value: some FixedWidthInteger & UnsignedInteger) {
    let digits = String(value, radix: 16)
    self = String(repeating: "0", count: value.bitWidth / 4 - digits.utf8.count) + digits
  }
}

extension FixedWidthInteger where Self: UnsignedInteger {
  /// `nil` unless the text is all digits of a number as `String(hexadecimal:)` writes them.
  init?(hexadecimal text: some StringProtocol) {
    let isLowerCase = text.utf8.allSatisfy {
      UInt8(ascii: "0")...UInt8(ascii: "9") ~= $0 || UInt8(ascii: "a")...UInt8(ascii: "f") ~= $0
    }
    guard isLowerCase, text.utf8.count == Self.bitWidth / 4, let value = Self(text, radix: 16)
    else { return nil }
    self = value
  }
}

extension Array {
  /// Whether each element's key is greater than the one before.
  func ascends(by key: (Element) -> some Comparable) -> Bool {
    zip(self, dropFirst()).allSatisfy { key($0) < key($1) }
  }
}

extension ByteReader {
  mutating func memberID() throws(FormatError) -> PoolMemberID {
    PoolMemberID(low: try integer(), high: try integer())
  }

  mutating func memberNumber() throws(FormatError) -> PoolMemberNumber {
    PoolMemberNumber(try integer())
  }
}

extension ByteWriter {
  mutating func append(_ id: PoolMemberID) {
    append(id.low)
    append(id.high)
  }

  /// - Precondition: the text has at most `limit` bytes.
  mutating func append(text: String, atMost limit: UInt16) {
    precondition(text.utf8.count <= limit)
    append(text: text)
  }

  mutating func append(raw bytes: [UInt8]) {
    bytes.withUnsafeBytes { append($0) }
  }
}
