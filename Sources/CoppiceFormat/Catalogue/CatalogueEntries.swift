/// What holds for a branch entry.
@frozen
public struct BranchFlags: OptionSet, Hashable, Sendable {
  public let rawValue: UInt32
  @inlinable public init(rawValue: UInt32) { self.rawValue = rawValue }
  /// A snapshot: its state never changes.
  public static let readOnly = BranchFlags(rawValue: 1)
  /// Hidden, but still a root until it is forgotten.
  public static let deleted = BranchFlags(rawValue: 2)

  /// Deleted, no root any more, and never restored; on record until its removal is through.
  public static let condemned = BranchFlags(rawValue: 4)
  /// Condemned, and to be gone for good: from segments and from the journal.
  public static let forGood = BranchFlags(rawValue: 8)
  /// Condemned, and more than its root led to frames that were its own.
  public static let hadRefs = BranchFlags(rawValue: 16)

  static let known: BranchFlags = [.readOnly, .deleted, .condemned, .forGood, .hadRefs]
}

/// A branch or snapshot.
///
///     id u64   domain u32   flags u32   createdAt i64   deletedAt i64   parent u64   parentLSN u64
///     start u64   root 32   intervals (count u32, 24 each)   name (byte count u16, UTF-8)
///     annotations (Fields)
///
/// Flags: 1 read-only: a snapshot; 2 deleted; 4 condemned; 8 for good; 16 had refs beside its root.
///
/// A condemned entry has no intervals, and of annotations that of tag 0, the count u64 of its pages
/// that only the journal had, and one that ended by itself `owner`, `labels`, `origin` and
/// `ending`.
public struct BranchEntry: Hashable, Sendable {
  /// A branch's name, `@`, and a snapshot's name, 200 bytes each.
  public static let nameByteCountMax = 401

  public var id: BranchID
  /// `branch` or `branch@snapshot`.
  public var name: String
  public var domain: DomainID
  public var flags: BranchFlags
  /// A table node, or a hole for an empty branch.
  public var root: Ref
  /// The journal records that lie over the root, oldest first.
  public var intervals: [Interval]
  /// Nanoseconds since 1970.
  public var createdAt: Int64
  /// Nanoseconds since 1970; 0 unless deleted.
  public var deletedAt: Int64
  /// The branch it was forked from, 0 for none. A note: it may be gone.
  public var parent: BranchID
  /// The LSN of the fork.
  public var parentLSN: LSN
  /// Where its own frames begin: all of the state that it began with, or took at its last reset,
  /// has names up to this one, all that was stored for it since has greater ones. `.none` when it
  /// began with nothing, `openStart` as long as layers of that state are not sealed.
  public var start: FrameName
  public var annotations: Fields

  public init(
    id: BranchID, name: String, domain: DomainID = .standard, flags: BranchFlags = [],
    root: Ref = .hole, intervals: [Interval] = [], createdAt: Int64, deletedAt: Int64 = 0,
    parent: BranchID = BranchID(0), parentLSN: LSN = .zero, start: FrameName = .none,
    annotations: Fields = Fields()
  ) {
    self.id = id
    self.name = name
    self.domain = domain
    self.flags = flags
    self.root = root
    self.intervals = intervals
    self.createdAt = createdAt
    self.deletedAt = deletedAt
    self.parent = parent
    self.parentLSN = parentLSN
    self.start = start
    self.annotations = annotations
  }

  /// What `start` is until it is known.
  public static let openStart = FrameName(rawValue: .max)

  private static let unsealedPageCountTag = FieldTag(0)

  /// Makes it a condemned one.
  public mutating func condemn(_ condemnation: Condemnation, isForGood: Bool) {
    flags.formUnion([.deleted, .condemned])
    if isForGood { flags.insert(.forGood) }
    if condemnation.hasRefs { flags.insert(.hadRefs) }
    intervals = []
    let kept = endedByItself ? Self.provenTags : []
    let known = annotations
    annotations = Fields()
    for tag in kept { annotations[tag] = known[tag] }
    annotations[Self.unsealedPageCountTag] = withUnsafeBytes(
      of: condemnation.pageCount.littleEndian, Array.init)
  }

  /// Of a condemned entry: its pages that were in memory and in the journal only, when it was
  /// condemned.
  public var unsealedPageCount: UInt64 {
    guard let bytes = annotations[Self.unsealedPageCountTag], bytes.count == 8 else { return 0 }
    return bytes.withUnsafeBytes { $0.integer(at: 0) }
  }
}

/// What holds for a segment entry.
@frozen
public struct SegmentFlags: OptionSet, Hashable, Sendable {
  public let rawValue: UInt32
  @inlinable public init(rawValue: UInt32) { self.rawValue = rawValue }
  /// When the catalogue was written it was known that nothing will be appended to it any more.
  public static let closed = SegmentFlags(rawValue: 1)
  /// It holds only evacuated bundles and names no frames itself.
  public static let host = SegmentFlags(rawValue: 2)
  /// Its live frames lie elsewhere; the file is about to be unlinked, or was.
  public static let reclaimed = SegmentFlags(rawValue: 4)

  static let known: SegmentFlags = [.closed, .host, .reclaimed]
}

/// A segment file, as far as it is published.
///
///     id u64   domain u32   flags u32   byteCount u64   frameCount u32   extensions (Fields)
///
/// Flags: 1 closed; 2 host; 4 reclaimed.
public struct SegmentEntry: Hashable, Sendable {
  static let byteCountMin = 32

  public var id: SegmentID
  public var domain: DomainID
  public var flags: SegmentFlags
  /// The end of the last published bundle, from the start of the file.
  public var byteCount: UInt64
  public var frameCount: UInt32
  /// What this version does not know; with a critical tag the store may only be read.
  public var extensions: Fields

  public init(
    id: SegmentID, domain: DomainID, flags: SegmentFlags = [], byteCount: UInt64,
    frameCount: UInt32, extensions: Fields = Fields()
  ) {
    self.id = id
    self.domain = domain
    self.flags = flags
    self.byteCount = byteCount
    self.frameCount = frameCount
    self.extensions = extensions
  }
}

/// A journal file that was in use when the catalogue was written.
///
///     sequence u64   firstLSN u64   lastLSN u64   flags u32 (1 only control records)   28 bytes
@frozen
public struct JournalFileEntry: Hashable, Sendable {
  static let byteCountStored = 28

  public var sequence: UInt64
  public var firstLSN: LSN
  public var lastLSN: LSN
  public var isControl: Bool

  public init(sequence: UInt64, firstLSN: LSN, lastLSN: LSN, isControl: Bool) {
    self.sequence = sequence
    self.firstLSN = firstLSN
    self.lastLSN = lastLSN
    self.isControl = isControl
  }
}
