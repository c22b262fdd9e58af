internal import CoppicePlatform

/// The way from a branch's root directory to a file: names in order, none for the root itself.
public struct BranchPath: Hashable, Sendable {
  /// As PATH_MAX, without the NUL at the end: what `init(bytes:)` takes. Trees may be deeper, and
  /// paths that are put together from names longer.
  public static let byteCountMax = 4095
  /// The path without names.
  public static let root = BranchPath(components: [])

  /// The names with `/` between them, without one at the start.
  public private(set) var bytes: [UInt8]

  /// The names in order; none for the root.
  public init(components: [FileName]) {
    bytes = []
    bytes.reserveCapacity(components.reduce(0) { $0 + $1.bytes.count + 1 })
    for name in components { append(name) }
  }

  /// Names with `/` between them. Leading, trailing and doubled slashes and `.` say nothing.
  /// Throws `invalid` for `..`, NUL, a name or a path that is too long.
  public init(bytes: some Collection<UInt8>) throws(StoreError) {
    guard bytes.count <= Self.byteCountMax else {
      throw StoreError(
        .invalid, "a path has at most \(Self.byteCountMax) bytes, this one \(bytes.count)",
        reason: .nameTooLong)
    }
    self = .root
    for part in bytes.split(separator: Self.separator) where !part.elementsEqual(".".utf8) {
      append(try FileName(bytes: part))
    }
  }

  /// As `init(bytes:)`, of UTF-8. A string literal makes a path without `try`.
  public init(_ text: String) throws(StoreError) { try self.init(bytes: text.utf8) }

  /// The path with this `description`.
  public init(escaped text: String) throws(StoreError) {
    try self.init(bytes: ByteText.bytes(text))
  }

  /// From the root on.
  public var components: [FileName] {
    bytes.split(separator: Self.separator).map { FileName(stored: Array($0)) }
  }

  /// `nil` for the root.
  public var parent: BranchPath? {
    guard !bytes.isEmpty else { return nil }
    var parent = self
    parent.bytes.removeSubrange((bytes.lastIndex(of: Self.separator) ?? 0)...)
    return parent
  }
  /// `nil` for the root.
  public var lastComponent: FileName? {
    guard !bytes.isEmpty else { return nil }
    let start = bytes.lastIndex(of: Self.separator).map { $0 + 1 } ?? 0
    return FileName(stored: Array(bytes[start...]))
  }

  /// The path of a name in the directory that this one leads to.
  public func appending(_ name: FileName) -> BranchPath {
    var path = self
    path.append(name)
    return path
  }

  private mutating func append(_ name: FileName) {
    if !bytes.isEmpty { bytes.append(Self.separator) }
    bytes += name.bytes
  }

  private static let separator = UInt8(ascii: "/")
}

extension BranchPath: Comparable {
  /// Name by name, so that a directory comes right before what is in it.
  public static func < (a: BranchPath, b: BranchPath) -> Bool {
    let shared = a.bytes.commonPrefixCount(with: b.bytes)
    guard shared < a.bytes.count, shared < b.bytes.count else {
      return a.bytes.count < b.bytes.count
    }
    // A name ends before every one that goes on.
    if a.bytes[shared] == separator { return true }
    return b.bytes[shared] != separator && a.bytes[shared] < b.bytes[shared]
  }
}

extension [UInt8] {
  /// How many bytes both begin with.
  func commonPrefixCount(with other: [UInt8]) -> Int {
    withUnsafeBytes { left in
      other.withUnsafeBytes { right in
        let end = Swift.min(left.count, right.count)
        var start = 0
        // Equal stretches are skipped as a whole: paths of a deep tree have most in common.
        while start < end {
          let stop = Swift.min(start + 256, end)
          let isEqual = UnsafeRawBufferPointer(rebasing: left[start..<stop])
            .hasEqualBytes(as: UnsafeRawBufferPointer(rebasing: right[start..<stop]))
          if !isEqual { break }
          start = stop
        }
        while start < end, left[start] == right[start] { start += 1 }
        return start
      }
    }
  }
}

extension BranchPath: CustomStringConvertible {
  /// The path as text; bytes that are not UTF-8 are written as `$'\xE9'`: see `init(escaped:)`.
  public var description: String { ByteText.text(bytes) }
}

extension BranchPath: ExpressibleByStringLiteral {
  /// A literal that is not a path stops the program.
  public init(stringLiteral text: String) {
    do throws(StoreError) {
      try self.init(text)
    } catch {
      preconditionFailure(error.description)
    }
  }
}
