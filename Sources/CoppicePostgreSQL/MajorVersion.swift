/// A major version of PostgreSQL: its servers read each other's data directories, others' not.
public struct MajorVersion: Hashable, Comparable, Sendable, Codable, CustomStringConvertible {
  /// For example 15.
  public let number: Int

  /// Those whose files and settings this code knows.
  public static let known = 14...18

  public init(_ number: Int) { self.number = number }

  /// The content of a data directory's file `PG_VERSION`; `nil` when it names no version.
  public init?(versionFile bytes: [UInt8]) {
    let text = String(decoding: bytes.prefix { $0 != UInt8(ascii: "\n") }, as: UTF8.self)
    guard text.utf8.count <= 4, let number = Int(text), number > 0 else { return nil }
    self.number = number
  }

  public init(from decoder: any Decoder) throws {
    number = try decoder.singleValueContainer().decode(Int.self)
  }

  public func encode(to encoder: any Encoder) throws {
    var container = encoder.singleValueContainer()
    try container.encode(number)
  }

  public static func < (left: Self, right: Self) -> Bool { left.number < right.number }

  public var description: String { String(number) }
}
