internal import CoppicePlatform

/// One name in a directory: 1 to 255 bytes, neither `/` nor NUL among them, and neither `.` nor
/// `..`. Names are bytes, not text; they order by byte.
public struct FileName: Hashable, Comparable, Sendable {
  /// As NAME_MAX.
  public static let byteCountMax = 255

  /// As they are stored.
  public let bytes: [UInt8]

  /// Throws `invalid`; its reason is `nameTooLong` for more than `byteCountMax` bytes.
  public init(bytes: some Collection<UInt8>) throws(StoreError) {
    guard bytes.count <= Self.byteCountMax else {
      throw StoreError(
        .invalid, "a file name has at most \(Self.byteCountMax) bytes, this one \(bytes.count)",
        reason: .nameTooLong)
    }
    let isSpecial = bytes.isEmpty || bytes.elementsEqual(".".utf8) || bytes.elementsEqual("..".utf8)
    guard !isSpecial, !bytes.contains(0), !bytes.contains(UInt8(ascii: "/")) else {
      throw StoreError(
        .invalid, "not a file name", object: ByteText.text(bytes))
    }
    self.bytes = Array(bytes)
  }

  /// As `init(bytes:)`, of UTF-8. A string literal makes a name without `try`.
  public init(_ text: String) throws(StoreError) { try self.init(bytes: text.utf8) }

  /// The name with this `description`.
  public init(escaped text: String) throws(StoreError) {
    try self.init(bytes: ByteText.bytes(text))
  }

  /// A name that is known to obey the rules, from a decoded entry.
  init(stored bytes: [UInt8]) { self.bytes = bytes }

  /// By the bytes.
  public static func < (a: FileName, b: FileName) -> Bool {
    a.bytes.lexicographicallyPrecedes(b.bytes)
  }
}

extension FileName: CustomStringConvertible {
  /// The name as text; bytes that are not UTF-8 are written as `$'\xE9'`: see `init(escaped:)`.
  public var description: String { ByteText.text(bytes) }
}

extension FileName: ExpressibleByStringLiteral {
  /// A literal that is not a name stops the program.
  public init(stringLiteral text: String) {
    do throws(StoreError) {
      try self.init(text)
    } catch {
      preconditionFailure(error.description)
    }
  }
}

/// The name of an extended attribute: 1 to 255 bytes without NUL, for example `user.origin`.
public struct AttributeName: Hashable, Comparable, Sendable {
  /// As NAME_MAX.
  public static let byteCountMax = 255

  /// As they are stored.
  public let bytes: [UInt8]

  /// Throws `invalid`; its reason is `nameTooLong` for more than `byteCountMax` bytes.
  public init(bytes: some Collection<UInt8>) throws(StoreError) {
    guard bytes.count <= Self.byteCountMax else {
      throw StoreError(
        .invalid,
        "an attribute name has at most \(Self.byteCountMax) bytes, this one \(bytes.count)",
        reason: .nameTooLong)
    }
    guard !bytes.isEmpty, !bytes.contains(0) else {
      throw StoreError(
        .invalid, "not an attribute name", object: ByteText.text(bytes))
    }
    self.bytes = Array(bytes)
  }

  /// As `init(bytes:)`, of UTF-8. A string literal makes a name without `try`.
  public init(_ text: String) throws(StoreError) { try self.init(bytes: text.utf8) }

  init(stored bytes: [UInt8]) { self.bytes = bytes }

  /// By the bytes.
  public static func < (a: AttributeName, b: AttributeName) -> Bool {
    a.bytes.lexicographicallyPrecedes(b.bytes)
  }
}

extension AttributeName: CustomStringConvertible {
  /// The name as text; bytes that are not UTF-8 are written as `$'\xE9'`: see `init(escaped:)`.
  public var description: String { ByteText.text(bytes) }
}

extension AttributeName: ExpressibleByStringLiteral {
  /// A literal that is not a name stops the program.
  public init(stringLiteral text: String) {
    do throws(StoreError) {
      try self.init(text)
    } catch {
      preconditionFailure(error.description)
    }
  }
}
