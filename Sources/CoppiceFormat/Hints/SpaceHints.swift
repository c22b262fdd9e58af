/// What the store took and had over time, and what branches added.
///
///     samples (count u32, 32 bytes each)   added (count u32, 32 bytes each)
///     sample = time i64   storedByteCount u64   garbageByteCount u64   freeByteCount u64
///     added  = branch u64   state u64   byteCount u64   measuredAt i64
public struct SpaceHints: Hashable, Sendable {
  /// The store at one moment.
  public struct Sample: Hashable, Sendable {
    static let byteCount = 32
    /// Nanoseconds since 1970.
    public var time: Int64
    /// The published part of all segment files.
    public var storedByteCount: UInt64
    /// Of these, what nothing keeps, by estimate.
    public var garbageByteCount: UInt64
    /// Of the disk that holds the store.
    public var freeByteCount: UInt64

    public init(
      time: Int64, storedByteCount: UInt64, garbageByteCount: UInt64, freeByteCount: UInt64
    ) {
      self.time = time
      self.storedByteCount = storedByteCount
      self.garbageByteCount = garbageByteCount
      self.freeByteCount = freeByteCount
    }
  }

  /// What a branch and its snapshots added.
  public struct Added: Hashable, Sendable {
    static let byteCount = 32
    public var branch: BranchID
    /// Stands for the roots that it holds for: with any other one the branch is measured anew.
    public var state: UInt64
    /// Stored bytes: at least what they added, and that exactly when they were measured.
    public var byteCount: UInt64
    /// Nanoseconds since 1970.
    public var measuredAt: Int64

    public init(branch: BranchID, state: UInt64, byteCount: UInt64, measuredAt: Int64) {
      self.branch = branch
      self.state = state
      self.byteCount = byteCount
      self.measuredAt = measuredAt
    }
  }

  /// In order of time.
  public var samples: [Sample]
  public var added: [Added]

  public init(samples: [Sample] = [], added: [Added] = []) {
    self.samples = samples
    self.added = added
  }

  public func encode() -> [UInt8] {
    var writer = HintsBlock.begin(.space)
    writer.append(count: samples.count)
    for sample in samples {
      writer.append(sample.time)
      writer.append(sample.storedByteCount)
      writer.append(sample.garbageByteCount)
      writer.append(sample.freeByteCount)
    }
    writer.append(count: added.count)
    for entry in added {
      writer.append(entry.branch.rawValue)
      writer.append(entry.state)
      writer.append(entry.byteCount)
      writer.append(entry.measuredAt)
    }
    return HintsBlock.finish(writer)
  }

  public static func decode(_ bytes: RawSpan) throws(FormatError) -> SpaceHints {
    try HintsBlock.decode(bytes, .space) { (reader) throws(FormatError) in
      let samples = try reader.array(of: Sample.byteCount) { (reader) throws(FormatError) in
        Sample(
          time: try reader.integer(), storedByteCount: try reader.integer(),
          garbageByteCount: try reader.integer(), freeByteCount: try reader.integer())
      }
      let added = try reader.array(of: Added.byteCount) { (reader) throws(FormatError) in
        Added(
          branch: BranchID(try reader.integer()), state: try reader.integer(),
          byteCount: try reader.integer(), measuredAt: try reader.integer())
      }
      return SpaceHints(samples: samples, added: added)
    }
  }
}
