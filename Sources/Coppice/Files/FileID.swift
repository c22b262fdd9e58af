package import CoppiceFormat

/// The number of a file in its store: unique, never reused, the same in every branch that shares
/// the file. It is also the number of the volume that holds the file's content.
public struct FileID: Hashable, Comparable, Sendable, CustomStringConvertible {
  /// The directory at the top of every branch.
  public static let root = FileID(VolumeNumber(1))

  /// The volume that holds the content.
  package let volume: VolumeNumber

  /// The file whose content the volume holds.
  package init(_ volume: VolumeNumber) { self.volume = volume }

  /// A number that came from `rawValue`, of this store. Others lead to `notFound`.
  public init(rawValue: UInt64) { volume = VolumeNumber(rawValue) }

  /// At most 40 bits; fits into an inode number.
  public var rawValue: UInt64 { volume.rawValue }
  /// For messages: `file 17`.
  public var description: String { "file \(rawValue)" }

  /// By number: older files first.
  public static func < (a: FileID, b: FileID) -> Bool { a.volume < b.volume }
}

/// As the number.
extension FileID: Codable {
  public init(from decoder: any Decoder) throws {
    self.init(rawValue: try decoder.singleValueContainer().decode(UInt64.self))
  }

  public func encode(to encoder: any Encoder) throws {
    var container = encoder.singleValueContainer()
    try container.encode(rawValue)
  }
}
