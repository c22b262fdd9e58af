/// A key of the names tree. Keys order as their bytes do.
///
///     inode      1, file u40 big-endian
///     entry      2, directory u40 big-endian, name (1-255 bytes)
///     attribute  3, file u40 big-endian, attribute name (1-255 bytes)
///     orphan     4, file u40 big-endian
public struct NamesKey: Hashable, Comparable, Sendable {
  public static let nameByteCountMax = 255
  public static let byteCountMax = 6 + nameByteCountMax

  public var bytes: [UInt8]

  public init(bytes: [UInt8]) { self.bytes = bytes }

  private init(_ tag: UInt8, _ number: VolumeNumber, _ name: [UInt8] = []) {
    bytes = []
    bytes.reserveCapacity(6 + name.count)
    bytes.append(tag)
    for shift in stride(from: 32, through: 0, by: -8) {
      bytes.append(UInt8(truncatingIfNeeded: number.rawValue >> UInt64(shift)))
    }
    bytes += name
  }

  public static func inode(_ file: VolumeNumber) -> NamesKey { NamesKey(1, file) }
  /// With an empty name: the prefix of all entries of the directory.
  public static func entry(_ directory: VolumeNumber, _ name: [UInt8]) -> NamesKey {
    NamesKey(2, directory, name)
  }
  /// With an empty name: the prefix of all attributes of the file.
  public static func attribute(_ file: VolumeNumber, _ name: [UInt8]) -> NamesKey {
    NamesKey(3, file, name)
  }
  public static func orphan(_ file: VolumeNumber) -> NamesKey { NamesKey(4, file) }

  /// The prefixes of all keys of one sort.
  public static let inodePrefix = NamesKey(bytes: [1])
  public static let entryPrefix = NamesKey(bytes: [2])
  public static let orphanPrefix = NamesKey(bytes: [4])

  public static func < (a: NamesKey, b: NamesKey) -> Bool {
    a.bytes.withUnsafeBytes { left in
      b.bytes.withUnsafeBytes { right in NamesPage.compare(left, right) < 0 }
    }
  }

  public func hasPrefix(_ prefix: NamesKey) -> Bool { bytes.starts(with: prefix.bytes) }

  /// What a key says.
  public enum Content: Hashable, Sendable {
    case inode(VolumeNumber)
    case entry(directory: VolumeNumber, name: [UInt8])
    case attribute(VolumeNumber, name: [UInt8])
    case orphan(VolumeNumber)
  }

  /// Reads a key from a stored page.
  public func decode() throws(FormatError) -> Content {
    guard bytes.count >= 6 else {
      throw .truncated(what: "names key", needed: 6, available: bytes.count)
    }
    guard bytes.count <= Self.byteCountMax else {
      throw .outOfRange(
        what: "names key byte count", value: UInt64(bytes.count), limit: UInt64(Self.byteCountMax))
    }
    let number = VolumeNumber(bytes[1..<6].reduce(0) { $0 << 8 | UInt64($1) })
    let name = Array(bytes[6...])
    switch (bytes[0], name.isEmpty) {
    case (1, true): return .inode(number)
    case (2, false): return .entry(directory: number, name: name)
    case (3, false): return .attribute(number, name: name)
    case (4, true): return .orphan(number)
    default: throw .outOfRange(what: "names key tag", value: UInt64(bytes[0]), limit: 4)
    }
  }
}
