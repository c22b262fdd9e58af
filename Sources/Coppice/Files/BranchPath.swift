public import CoppiceEngine
internal import CoppicePlatform

/// The way from a branch's root directory to a file: names in order, none for the root itself.
public struct BranchPath: Hashable, Sendable {
  /// As PATH_MAX, without the NUL at the end.
  public static let byteCountMax = 4095
  /// The path without names.
  public static let root = BranchPath(components: [])

  /// From the root on.
  public var components: [FileName]

  /// The names in order; none for the root.
  public init(components: [FileName]) { self.components = components }

  /// Names with `/` between them. Leading, trailing and doubled slashes and `.` say nothing.
  /// Throws `invalid` for `..`, NUL, a name or a path that is too long.
  public init(bytes: some Collection<UInt8>) throws(StoreError) {
    guard bytes.count <= Self.byteCountMax else {
      throw StoreError(
        .invalid, "a path has at most \(Self.byteCountMax) bytes, this one \(bytes.count)",
        reason: .nameTooLong)
    }
    components = []
    for part in bytes.split(separator: UInt8(ascii: "/")) where !part.elementsEqual(".".utf8) {
      components.append(try FileName(bytes: part))
    }
  }

  /// As `init(bytes:)`, of UTF-8. A string literal makes a path without `try`.
  public init(_ text: String) throws(StoreError) { try self.init(bytes: text.utf8) }

  /// The path with this `description`.
  public init(escaped text: String) throws(StoreError) {
    try self.init(bytes: ByteText.bytes(text))
  }

  /// `nil` for the root.
  public var parent: BranchPath? {
    components.isEmpty ? nil : BranchPath(components: components.dropLast())
  }
  /// `nil` for the root.
  public var lastComponent: FileName? { components.last }

  /// The path of a name in the directory that this one leads to.
  public func appending(_ name: FileName) -> BranchPath {
    BranchPath(components: components + [name])
  }

  /// The names with `/` between them, without one at the start.
  public var bytes: [UInt8] { Array(components.map(\.bytes).joined(separator: [0x2F])) }
}

extension BranchPath: Comparable {
  /// Name by name, so that a directory comes right before what is in it.
  public static func < (a: BranchPath, b: BranchPath) -> Bool {
    a.components.lexicographicallyPrecedes(b.components)
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
