/// What a journal record says.
public enum RecordKind: UInt8, Sendable, CaseIterable {
  /// Nothing: carries a batch that only vouches for the synced LSN.
  case empty = 0
  /// Ops on the volumes of one branch.
  case write = 1
  case fork = 2
  case create = 3
  case rename = 4
  case delete = 5
  case restore = 6
  case forget = 7
  case reset = 8
  case publish = 9
  case moved = 10
  case reserve = 11
  case replace = 12
  case unlinked = 13
  case annotate = 14
  case set = 15
  case condemn = 16

  /// Whether the record changes the catalogue.
  public var isControl: Bool { rawValue >= RecordKind.fork.rawValue }
}

/// How a record belongs to the next one.
@frozen
public struct RecordFlags: OptionSet, Hashable, Sendable {
  public let rawValue: UInt8
  @inlinable public init(rawValue: UInt8) { self.rawValue = rawValue }
  /// The transaction goes on in the next record; replay applies all of it or nothing.
  public static let continues = RecordFlags(rawValue: 1)
}

/// The head of a journal record. Records have successive LSNs, the batch's `firstLSN` first.
///
///     0  byteCount u32     of the record with this header, a multiple of 8
///     4  kind u8   flags u8   opCount u16
///     8  branch u64
///     16 time i64          nanoseconds since 1970
///
/// Flags: 1 continues.
///
/// A write record's payload is its ops, any other's is its `ControlRecord`.
@frozen
public struct RecordHeader: Hashable, Sendable {
  public static let byteCount = 24
  public static let alignment = 8
  /// With the header: so a batch with it takes 512 KiB, blocks included.
  public static let recordByteCountMax = 508 << 10

  /// Bytes of the record with this header, a multiple of `alignment`.
  public var recordByteCount: UInt32
  public var kind: RecordKind
  public var flags: RecordFlags
  /// 0 in control records.
  public var opCount: UInt16
  public var branch: BranchID
  public var time: Int64

  public init(
    recordByteCount: UInt32, kind: RecordKind, flags: RecordFlags = [], opCount: UInt16 = 0,
    branch: BranchID, time: Int64
  ) {
    self.recordByteCount = recordByteCount
    self.kind = kind
    self.flags = flags
    self.opCount = opCount
    self.branch = branch
    self.time = time
  }

  /// Stores the header's `byteCount` bytes at `target`, of any alignment.
  public static func store(_ header: RecordHeader, to target: UnsafeMutableRawPointer) {
    target.store(integer: header.recordByteCount, at: 0)
    target.store(integer: header.kind.rawValue, at: 4)
    target.store(integer: header.flags.rawValue, at: 5)
    target.store(integer: header.opCount, at: 6)
    target.store(integer: header.branch.rawValue, at: 8)
    target.store(integer: header.time, at: 16)
  }

  /// The header in the `byteCount` bytes at `source`.
  ///
  /// Throws `.outOfRange`, `.malformed`, `.unsupported`, `.unknownFlags`; the caller compares
  /// `recordByteCount` with the bytes it has.
  public static func load(from source: UnsafeRawPointer) throws(FormatError) -> RecordHeader {
    let recordByteCount: UInt32 = source.integer(at: 0)
    guard recordByteCount <= UInt32(recordByteCountMax) else {
      throw .outOfRange(
        what: "record byte count", value: UInt64(recordByteCount),
        limit: UInt64(recordByteCountMax))
    }
    guard recordByteCount >= UInt32(byteCount), recordByteCount % UInt32(alignment) == 0 else {
      throw .malformed(what: "record byte count")
    }
    let rawKind: UInt8 = source.integer(at: 4)
    guard let kind = RecordKind(rawValue: rawKind) else {
      throw .unsupported(what: "record kind", found: UInt64(rawKind))
    }
    let flags = RecordFlags(rawValue: source.integer(at: 5))
    guard flags.isSubset(of: .continues) else {
      throw .unknownFlags(what: "record", bits: UInt64(flags.rawValue))
    }
    return RecordHeader(
      recordByteCount: recordByteCount, kind: kind, flags: flags,
      opCount: source.integer(at: 6), branch: BranchID(source.integer(at: 8)),
      time: source.integer(at: 16))
  }
}
