/// What a frame holds. 5 is the index of a pool's segment, which no ref leads to, 6 to 15 are
/// reserved.
public enum FrameKind: UInt8, Sendable, CaseIterable {
  case hole = 0
  case page = 1
  case volumeNode = 2
  case tableNode = 3
  case note = 4
}

/// How a frame's bytes are stored. 5 to 15 are reserved.
public enum FrameEncoding: UInt8, Sendable, CaseIterable {
  case raw = 0
  case zstd = 1
  /// A page as zstd with a full page as prefix. The stored bytes begin with the base's locator.
  case zstdOnBase = 2
  /// A node as columns, compressed.
  case columns = 3
  /// A node as differences to a full node. The stored bytes begin with the base's locator.
  case overridesOnBase = 4
}

/// Kind and encoding of a frame in one byte: `kind << 4 | encoding`.
@frozen
public struct FrameForm: Hashable, Sendable {
  public static let hole = FrameForm(rawValue: 0)
  public var rawValue: UInt8
  @inlinable public init(rawValue: UInt8) { self.rawValue = rawValue }
  @inlinable public init(_ kind: FrameKind, _ encoding: FrameEncoding) {
    rawValue = kind.rawValue << 4 | encoding.rawValue
  }
  /// `nil` when the bits name no known kind.
  @inlinable public var kind: FrameKind? { FrameKind(rawValue: rawValue >> 4) }
  /// `nil` when the bits name no known encoding.
  @inlinable public var encoding: FrameEncoding? { FrameEncoding(rawValue: rawValue & 0xF) }
  /// Whether the frame is stored as a difference to a full frame.
  @inlinable public var isDerived: Bool {
    let encoding = rawValue & 0xF
    return encoding == FrameEncoding.zstdOnBase.rawValue
      || encoding == FrameEncoding.overridesOnBase.rawValue
  }
}

/// Where a frame was written: its name, and a place that holds while its segment is not retired.
///
///     name u64   offset u32   storedLength u24 | form u8       16 bytes, little-endian
@frozen
public struct Locator: Hashable, Sendable {
  public static let byteCount = 16
  public static let storedByteCountMax = 0xFF_FFFF
  public static let hole = Locator(
    name: .none, offset: 0, storedByteCount: 0, form: .hole)
  public var name: FrameName
  /// Bytes from the start of the segment file.
  public var offset: UInt32
  @usableFromInline var lengthAndForm: UInt32

  @inlinable
  public init(name: FrameName, offset: UInt32, storedByteCount: Int, form: FrameForm) {
    self.name = name
    self.offset = offset
    lengthAndForm = UInt32(truncatingIfNeeded: storedByteCount) | UInt32(form.rawValue) << 24
  }
  @inlinable public var storedByteCount: Int { Int(lengthAndForm & 0xFF_FFFF) }
  @inlinable public var form: FrameForm { FrameForm(rawValue: UInt8(lengthAndForm >> 24)) }
}

/// A child pointer: what the content is, and where it lies. A hole is 32 zero bytes.
@frozen
public struct Ref: Hashable, Sendable {
  public static let byteCount = 32
  public static let hole = Ref(hash: .hole, locator: .hole)
  public var hash: PageHash
  public var locator: Locator
  @inlinable public init(hash: PageHash, locator: Locator) {
    self.hash = hash
    self.locator = locator
  }
  @inlinable public var isHole: Bool { hash.low | hash.high == 0 }
}
