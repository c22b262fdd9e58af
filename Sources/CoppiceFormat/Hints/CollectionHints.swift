/// What collections found, for choosing when and what to collect next. Byte counts are of stored
/// pages and nodes, and estimates.
///
///     cycleNumber u64   youngFrom u64   endedAt i64   fullAt i64
///     oldDeadByteCount u64   youngDeadByteCount u64
///     forgotten (count u32; see `ForgottenBranch`)
public struct CollectionHints: Hashable, Sendable {
  /// The last completed collection's number; they count from 1.
  public var cycleNumber: UInt64 = 0
  /// Segments with smaller ids were there when it began.
  public var youngFrom = SegmentID(0)
  /// When it ended, in nanoseconds since 1970; 0: never.
  public var endedAt: Int64 = 0
  /// When the last one that looked at all segments ended.
  public var fullAt: Int64 = 0
  /// What is dead in segments before `youngFrom`, and in those from it on.
  public var oldDeadByteCount: UInt64 = 0
  public var youngDeadByteCount: UInt64 = 0
  /// What became of forgotten branches, oldest first.
  public var forgotten: [ForgottenBranch] = []

  public init() {}

  public func encode() -> [UInt8] {
    var writer = HintsBlock.begin(.collection)
    writer.append(cycleNumber)
    writer.append(youngFrom.rawValue)
    writer.append(endedAt)
    writer.append(fullAt)
    writer.append(oldDeadByteCount)
    writer.append(youngDeadByteCount)
    writer.append(count: forgotten.count)
    for branch in forgotten { branch.encode(into: &writer) }
    return HintsBlock.finish(writer)
  }

  public static func decode(_ bytes: RawSpan) throws(FormatError) -> CollectionHints {
    try HintsBlock.decode(bytes, .collection) { (reader) throws(FormatError) in
      var hints = CollectionHints()
      hints.cycleNumber = try reader.integer()
      hints.youngFrom = SegmentID(
        try reader.integer("segment", atMost: 1 << UInt64(SegmentID.bitCount) - 1))
      hints.endedAt = try reader.integer()
      hints.fullAt = try reader.integer()
      hints.oldDeadByteCount = try reader.integer()
      hints.youngDeadByteCount = try reader.integer()
      for _ in 0..<(try reader.count(of: ForgottenBranch.byteCountMin)) {
        hints.forgotten.append(try ForgottenBranch(decoding: &reader))
      }
      return hints
    }
  }
}

/// A branch that a collection forgot, and the frames that died with it.
///
///     id u64   deletedAt i64   forgottenAt i64   cycleNumber u64   pageCount u64   byteCount u64
///     flags u8 (1: isComplete, 2: isErased, 4: isShared, 8: mayHaveBases, 16: isPartial)
///     name (byte count u16, UTF-8)
///     runs (count u32; first u64, frameCount u32)
///     and if isShared
///     heirs (count u32; branch u64)   sharedRuns, as runs
public struct ForgottenBranch: Hashable, Sendable {
  static let byteCountMin = 55

  /// Frames with successive names in one segment.
  public struct Run: Hashable, Sendable {
    static let byteCount = 12
    public var first: FrameName
    public var frameCount: UInt32

    public init(first: FrameName, frameCount: UInt32) {
      self.first = first
      self.frameCount = frameCount
    }
  }

  public var id: BranchID
  public var name: String
  /// Nanoseconds since 1970.
  public var deletedAt: Int64
  public var forgottenAt: Int64
  /// The collection that forgot it.
  public var cycleNumber: UInt64
  /// Pages, and stored bytes of pages and nodes, that nothing else kept; with the pages that were
  /// in memory and in the journal only.
  public var pageCount: UInt64
  public var byteCount: UInt64
  /// False when the collection did not look at old segments, or there were too many runs.
  public var isComplete: Bool
  /// Whether the journal was overwritten since, as far as it held records of the branch.
  public var isErased: Bool
  /// Whether the collection that looked at it did not find all that there was: then the counts are
  /// too low, also once it is complete.
  public var isPartial = false
  /// Whether some of its frames may stay that are not among `runs`, for others build on them: it
  /// was not complete until a later collection left nothing dead.
  public var mayHaveBases = false
  /// Frames that no other entry showed, be it that others built on them.
  public var runs: [Run]
  /// Branches that had layers of it when it was forgotten.
  public var heirs: [BranchID] = []
  /// Frames that others kept as well then, and that its own referred to: some of them.
  public var sharedRuns: [Run] = []

  public init(
    id: BranchID, name: String, deletedAt: Int64, forgottenAt: Int64, cycleNumber: UInt64,
    pageCount: UInt64 = 0, byteCount: UInt64 = 0, isComplete: Bool = true, isErased: Bool = false,
    runs: [Run] = []
  ) {
    self.id = id
    self.name = name
    self.deletedAt = deletedAt
    self.forgottenAt = forgottenAt
    self.cycleNumber = cycleNumber
    self.pageCount = pageCount
    self.byteCount = byteCount
    self.isComplete = isComplete
    self.isErased = isErased
    self.runs = runs
  }

  func encode(into writer: inout ByteWriter) {
    writer.append(id.rawValue)
    writer.append(deletedAt)
    writer.append(forgottenAt)
    writer.append(cycleNumber)
    writer.append(pageCount)
    writer.append(byteCount)
    let isShared = !heirs.isEmpty || !sharedRuns.isEmpty
    writer.append(
      UInt8(isComplete ? 1 : 0) | UInt8(isErased ? 2 : 0) | UInt8(isShared ? 4 : 0)
        | UInt8(mayHaveBases ? 8 : 0) | UInt8(isPartial ? 16 : 0))
    writer.append(text: name)
    Self.encode(runs, into: &writer)
    if isShared {
      writer.append(heirs)
      Self.encode(sharedRuns, into: &writer)
    }
  }

  private static func encode(_ runs: [Run], into writer: inout ByteWriter) {
    writer.append(count: runs.count)
    for run in runs {
      writer.append(run.first.rawValue)
      writer.append(run.frameCount)
    }
  }

  init(decoding reader: inout ByteReader) throws(FormatError) {
    id = BranchID(try reader.integer())
    deletedAt = try reader.integer()
    forgottenAt = try reader.integer()
    cycleNumber = try reader.integer()
    pageCount = try reader.integer()
    byteCount = try reader.integer()
    let flags = try reader.integer("flags", atMost: 31 as UInt8)
    isComplete = flags & 1 != 0
    isErased = flags & 2 != 0
    mayHaveBases = flags & 8 != 0
    isPartial = flags & 16 != 0
    name = try reader.text("branch name", atMost: UInt16(BranchEntry.nameByteCountMax))
    runs = try Self.runs(decoding: &reader)
    if flags & 4 != 0 {
      heirs = try reader.branchIDs()
      sharedRuns = try Self.runs(decoding: &reader)
    }
  }

  private static func runs(decoding reader: inout ByteReader) throws(FormatError) -> [Run] {
    try reader.array(of: Run.byteCount) { (reader) throws(FormatError) in
      let first = FrameName(rawValue: try reader.integer())
      let frameCount = try reader.integer(
        "frame count", atMost: 1 << UInt32(FrameName.ordinalBitCount) - first.ordinal)
      return Run(first: first, frameCount: frameCount)
    }
  }
}
