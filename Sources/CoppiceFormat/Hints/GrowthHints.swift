/// What branches stored over time.
///
///     branches (count u32): branch u64   samples (count u32, 48 bytes each)
///     sample = time i64   storedByteCount u64   newPageCount u64   deltaPageCount u64
///              duplicatePageCount u64   nodeByteCount u64
public struct GrowthHints: Hashable, Sendable {
  /// Sums since the branch was made, at one moment.
  public struct Sample: Hashable, Sendable {
    static let byteCount = 48
    /// Nanoseconds since 1970.
    public var time: Int64
    /// Bytes that the branch's seals have stored, nodes included.
    public var storedByteCount: UInt64 = 0
    /// Pages that were stored in full, as differences, and not at all because an equal page was.
    public var newPageCount: UInt64 = 0
    public var deltaPageCount: UInt64 = 0
    public var duplicatePageCount: UInt64 = 0
    public var nodeByteCount: UInt64 = 0

    public init(time: Int64) { self.time = time }
  }

  public struct Branch: Hashable, Sendable {
    public var id: BranchID
    /// In order of time.
    public var samples: [Sample]

    public init(id: BranchID, samples: [Sample]) {
      self.id = id
      self.samples = samples
    }
  }

  public var branches: [Branch]

  public init(branches: [Branch] = []) { self.branches = branches }

  public func encode() -> [UInt8] {
    var writer = HintsBlock.begin(.growth)
    writer.append(count: branches.count)
    for branch in branches {
      writer.append(branch.id.rawValue)
      writer.append(count: branch.samples.count)
      for sample in branch.samples {
        writer.append(sample.time)
        writer.append(sample.storedByteCount)
        writer.append(sample.newPageCount)
        writer.append(sample.deltaPageCount)
        writer.append(sample.duplicatePageCount)
        writer.append(sample.nodeByteCount)
      }
    }
    return HintsBlock.finish(writer)
  }

  public static func decode(_ bytes: RawSpan) throws(FormatError) -> GrowthHints {
    try HintsBlock.decode(bytes, .growth) { (reader) throws(FormatError) in
      var hints = GrowthHints()
      for _ in 0..<(try reader.count(of: 12)) {
        var branch = Branch(id: BranchID(try reader.integer()), samples: [])
        for _ in 0..<(try reader.count(of: Sample.byteCount)) {
          var sample = Sample(time: try reader.integer())
          sample.storedByteCount = try reader.integer()
          sample.newPageCount = try reader.integer()
          sample.deltaPageCount = try reader.integer()
          sample.duplicatePageCount = try reader.integer()
          sample.nodeByteCount = try reader.integer()
          branch.samples.append(sample)
        }
        hints.branches.append(branch)
      }
      return hints
    }
  }
}
