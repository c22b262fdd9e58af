/// The records of one writer that a layer holds: those with `from` < LSN <= `through`.
///
///     writer u64   from u64   through u64        24 bytes
@frozen
public struct Interval: Hashable, Sendable {
  public static let byteCount = 24

  /// The branch that wrote the records; others share them since.
  public var writer: BranchID
  public var from: LSN
  /// `.open` for the writer's own interval that still grows.
  public var through: LSN

  public init(writer: BranchID, from: LSN, through: LSN) {
    self.writer = writer
    self.from = from
    self.through = through
  }
}

/// How far a segment is published: everything before this end is synced.
///
///     segment u64   domain u32   frameCount u32   byteCount u64        24 bytes
@frozen
public struct SegmentEnd: Hashable, Sendable {
  public static let byteCount = 24

  public var segment: SegmentID
  public var domain: DomainID
  /// The end of the last published bundle, from the start of the file.
  public var byteCount: UInt64
  public var frameCount: UInt32

  public init(segment: SegmentID, domain: DomainID, byteCount: UInt64, frameCount: UInt32) {
    self.segment = segment
    self.domain = domain
    self.byteCount = byteCount
    self.frameCount = frameCount
  }
}

/// A segment whose live frames were copied, and the segments that host them now.
///
///     segment u64   hostCount u32   hosts u64 *
public struct RetiredSegment: Hashable, Sendable {
  public var id: SegmentID
  public var hosts: [SegmentID]

  public init(id: SegmentID, hosts: [SegmentID]) {
    self.id = id
    self.hosts = hosts
  }
}

/// A branch that ceases to be a root, and what it had beside its root.
///
///     branch u64   pageCount u64   flags u8 (1: hasRefs)        17 bytes
@frozen
public struct Condemnation: Hashable, Sendable {
  static let byteCount = 17

  public var branch: BranchID
  /// Pages that were in memory and in the journal only, and no other branch's.
  public var pageCount: UInt64
  /// Whether what was not sealed referred to frames, which its root may not lead to.
  public var hasRefs: Bool

  public init(branch: BranchID, pageCount: UInt64 = 0, hasRefs: Bool = false) {
    self.branch = branch
    self.pageCount = pageCount
    self.hasRefs = hasRefs
  }
}

extension ByteReader {
  mutating func condemnation() throws(FormatError) -> Condemnation {
    let branch = BranchID(try integer())
    let pageCount: UInt64 = try integer()
    let flags: UInt8 = try integer("condemned branch's flags", atMost: 1)
    return Condemnation(branch: branch, pageCount: pageCount, hasRefs: flags == 1)
  }

  mutating func branchIDs() throws(FormatError) -> [BranchID] {
    try array(of: MemoryLayout<UInt64>.size) { (reader) throws(FormatError) in
      BranchID(try reader.integer())
    }
  }

  mutating func segmentID() throws(FormatError) -> SegmentID {
    let rawValue: UInt64 = try integer()
    try SegmentID.check(rawValue)
    return SegmentID(rawValue)
  }

  mutating func segmentIDs() throws(FormatError) -> [SegmentID] {
    try array(of: MemoryLayout<UInt64>.size) { (reader) throws(FormatError) in
      try reader.segmentID()
    }
  }

  mutating func intervals() throws(FormatError) -> [Interval] {
    try array(of: Interval.byteCount) { (reader) throws(FormatError) in
      let interval = Interval(
        writer: BranchID(try reader.integer()), from: LSN(try reader.integer()),
        through: LSN(try reader.integer()))
      guard interval.from <= interval.through else { throw .malformed(what: "interval") }
      return interval
    }
  }

  mutating func segmentEnds() throws(FormatError) -> [SegmentEnd] {
    try array(of: SegmentEnd.byteCount) { (reader) throws(FormatError) in
      let segment = try reader.segmentID()
      let domain = DomainID(try reader.integer())
      let frameCount: UInt32 = try reader.integer()
      return SegmentEnd(
        segment: segment, domain: domain, byteCount: try reader.integer(), frameCount: frameCount)
    }
  }

  mutating func retiredSegments() throws(FormatError) -> [RetiredSegment] {
    try array(of: 12) { (reader) throws(FormatError) in
      RetiredSegment(id: try reader.segmentID(), hosts: try reader.segmentIDs())
    }
  }

  /// A count, then as many elements of at least `elementByteCount` bytes.
  mutating func array<Element>(
    of elementByteCount: Int,
    _ element: (inout ByteReader) throws(FormatError) -> Element
  ) throws(FormatError) -> [Element] {
    let count = try count(of: elementByteCount)
    var elements: [Element] = []
    elements.reserveCapacity(count)
    for _ in 0..<count { elements.append(try element(&self)) }
    return elements
  }
}

extension ByteWriter {
  mutating func append(_ condemnation: Condemnation) {
    append(condemnation.branch.rawValue)
    append(condemnation.pageCount)
    append(UInt8(condemnation.hasRefs ? 1 : 0))
  }

  mutating func append(_ ids: [BranchID]) {
    append(count: ids.count)
    for id in ids { append(id.rawValue) }
  }

  mutating func append(_ ids: [SegmentID]) {
    append(count: ids.count)
    for id in ids { append(id.rawValue) }
  }

  mutating func append(_ intervals: [Interval]) {
    append(count: intervals.count)
    for interval in intervals {
      append(interval.writer.rawValue)
      append(interval.from.rawValue)
      append(interval.through.rawValue)
    }
  }

  mutating func append(_ ends: [SegmentEnd]) {
    append(count: ends.count)
    for end in ends {
      append(end.segment.rawValue)
      append(end.domain.rawValue)
      append(end.frameCount)
      append(end.byteCount)
    }
  }

  mutating func append(_ retired: [RetiredSegment]) {
    append(count: retired.count)
    for segment in retired {
      append(segment.id.rawValue)
      append(segment.hosts)
    }
  }
}
