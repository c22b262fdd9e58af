/// A call on a simulated disk. All but opening what is there and reading count as operations that a
/// power cut can come before.
public struct DiskOperation: Hashable, Sendable, CustomStringConvertible {
  public enum Kind: String, Hashable, Sendable, CaseIterable {
    case open, read, create, write, sync, allocate, truncate, makeDirectory, rename, remove
    case syncDirectory

    /// Whether the call may change the disk.
    var isChange: Bool { self != .open && self != .read }
  }

  public var kind: Kind
  public var name: String
  public var offset: UInt64 = 0
  public var byteCount: UInt64 = 0

  public var description: String {
    byteCount > 0 ? "\(kind.rawValue) \(name) \(offset)+\(byteCount)" : "\(kind.rawValue) \(name)"
  }
}

/// Which calls fail, and how.
public struct DiskFault: Sendable {
  public var kind: DiskOperation.Kind
  /// Only calls on names that begin so.
  public var namePrefix: String
  /// How many such calls succeed before.
  public var passing: Int
  /// How many fail then.
  public var failing: Int
  public var code: Int32

  public init(
    _ kind: DiskOperation.Kind, namePrefix: String = "", passing: Int = 0, failing: Int = 1,
    code: Int32
  ) {
    self.kind = kind
    self.namePrefix = namePrefix
    self.passing = passing
    self.failing = failing
    self.code = code
  }
}
