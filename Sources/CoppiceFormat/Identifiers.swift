/// The place of a page in a volume, counted from 0. At most 40 bits.
@frozen
public struct PageNumber: Hashable, Comparable, Sendable {
  public static let bitCount = 40
  public var rawValue: UInt64
  @inlinable public init(_ rawValue: UInt64) { self.rawValue = rawValue }
  @inlinable public static func < (a: Self, b: Self) -> Bool { a.rawValue < b.rawValue }
}

/// The number of a volume, which is also its file's number. At most 40 bits, unique in the store,
/// never reused. Volume 0 of a branch holds names and attributes.
@frozen
public struct VolumeNumber: Hashable, Comparable, Sendable {
  public static let bitCount = 40
  public static let names = VolumeNumber(0)
  public var rawValue: UInt64
  @inlinable public init(_ rawValue: UInt64) { self.rawValue = rawValue }
  @inlinable public static func < (a: Self, b: Self) -> Bool { a.rawValue < b.rawValue }
}

/// The identity of a branch or snapshot entry: never reused, independent of its name.
@frozen
public struct BranchID: Hashable, Comparable, Sendable {
  public var rawValue: UInt64
  @inlinable public init(_ rawValue: UInt64) { self.rawValue = rawValue }
  @inlinable public static func < (a: Self, b: Self) -> Bool { a.rawValue < b.rawValue }
}

/// A trust domain: sharing, bases and evacuation never cross it.
@frozen
public struct DomainID: Hashable, Comparable, Sendable {
  public static let standard = DomainID(0)
  public var rawValue: UInt32
  @inlinable public init(_ rawValue: UInt32) { self.rawValue = rawValue }
  @inlinable public static func < (a: Self, b: Self) -> Bool { a.rawValue < b.rawValue }
}

/// The identity of a segment file. Ids only grow and are never reused. Of the 40 bits that names
/// keep for one the upper eight are the realm: whose names these are. 0 is the store itself, and
/// the only one that this version knows.
@frozen
public struct SegmentID: Hashable, Comparable, Sendable {
  public static let bitCount = 40
  /// Bits of an id within its realm.
  public static let localBitCount = 32
  public var rawValue: UInt64
  @inlinable public init(_ rawValue: UInt64) { self.rawValue = rawValue }
  @inlinable public static func < (a: Self, b: Self) -> Bool { a.rawValue < b.rawValue }
}

/// Log sequence number: counts the records of a store's journal from 1. 0 lies before all records.
@frozen
public struct LSN: Hashable, Comparable, Sendable {
  public static let zero = LSN(0)
  /// The upper end of an interval that is still being written.
  public static let open = LSN(.max)
  public var rawValue: UInt64
  @inlinable public init(_ rawValue: UInt64) { self.rawValue = rawValue }
  @inlinable public static func < (a: Self, b: Self) -> Bool { a.rawValue < b.rawValue }
  @inlinable public var next: LSN { LSN(rawValue + 1) }
}

/// The permanent name of a frame: the segment it was first written to (40 bits) and its ordinal
/// there (24 bits). Within a domain names order by time of appending.
@frozen
public struct FrameName: Hashable, Comparable, Sendable {
  public static let ordinalBitCount = 24
  public static let none = FrameName(rawValue: 0)
  public var rawValue: UInt64
  @inlinable public init(rawValue: UInt64) { self.rawValue = rawValue }
  @inlinable public init(segment: SegmentID, ordinal: UInt32) {
    rawValue = segment.rawValue << 24 | UInt64(ordinal)
  }
  @inlinable public var segment: SegmentID { SegmentID(rawValue >> 24) }
  @inlinable public var ordinal: UInt32 { UInt32(truncatingIfNeeded: rawValue & 0xFF_FFFF) }
  @inlinable public static func < (a: Self, b: Self) -> Bool { a.rawValue < b.rawValue }
}

extension FrameName: LosslessStringConvertible {
  /// As people and JSON write it: segment and ordinal, `12/207`.
  public var description: String { "\(segment.rawValue)/\(ordinal)" }

  public init?(_ description: String) {
    let parts = description.utf8.split(
      separator: UInt8(ascii: "/"), omittingEmptySubsequences: false)
    guard parts.count == 2, let segment = UInt64(Substring(parts[0])),
      let ordinal = UInt32(Substring(parts[1])), segment > 0,
      segment >> UInt64(SegmentID.bitCount) == 0, ordinal >> UInt32(Self.ordinalBitCount) == 0
    else { return nil }
    self.init(segment: SegmentID(segment), ordinal: ordinal)
  }
}

/// The 128-bit identity of a page's or node's content, keyed by the store's secret.
/// All zero bits mean a hole; content never hashes to that.
@frozen
public struct PageHash: Hashable, Sendable {
  public static let hole = PageHash(low: 0, high: 0)
  public var low: UInt64
  public var high: UInt64
  @inlinable public init(low: UInt64, high: UInt64) {
    self.low = low
    self.high = high
  }
}
