internal import CoppicePlatform

/// The name of an object below the prefix of a pool: words of letters, digits, `-`, `.`, `_` with
/// `/` between them, none of which is `.` or `..`.
///
/// Such a key is the same in a URL, in XML and in a signature, so no store reads it differently.
/// Keys are ordered by their bytes, as stores list them.
public struct ObjectKey: Hashable, Comparable, Sendable, CustomStringConvertible {
  /// Leaves room for a prefix: stores take 1,024 bytes of both.
  public static let byteCountMax = 512

  public let text: String

  /// `nil` for what is no key.
  public init?(_ text: String) {
    guard !text.isEmpty, text.utf8.count <= Self.byteCountMax else { return nil }
    for word in text.split(byte: UInt8(ascii: "/"), keepsEmpty: true) {
      guard !word.isEmpty, word != ".", word != "..", word.utf8.allSatisfy(Self.isPlain) else {
        return nil
      }
    }
    self.text = text
  }

  /// A key that this program makes of fixed words and numbers.
  ///
  /// - Precondition: `text` is a key.
  public init(known text: String) {
    guard let key = ObjectKey(text) else { preconditionFailure("no key: \(text)") }
    self = key
  }

  public var description: String { text }

  public static func < (first: ObjectKey, second: ObjectKey) -> Bool {
    first.text.precedes(second.text)
  }

  private static func isPlain(_ byte: UInt8) -> Bool {
    switch byte {
    case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
      UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "-"), UInt8(ascii: "."),
      UInt8(ascii: "_"):
      true
    default: false
    }
  }
}
