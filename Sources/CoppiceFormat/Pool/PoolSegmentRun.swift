/// Consecutive ids of segments, of realm 0 and at least one of them.
///
///     first u32   count u32        8 bytes
@frozen
public struct PoolSegmentRun: Hashable, Sendable {
  static let byteCount = 8

  public var first: UInt32
  public var count: UInt32

  public init(first: UInt32, count: UInt32) {
    self.first = first
    self.count = count
  }

  /// The ids, which 32 bits hold.
  public var ids: Range<UInt64> { UInt64(first)..<UInt64(first) + UInt64(count) }

  public func contains(_ id: SegmentID) -> Bool { ids.contains(id.rawValue) }

  var isValid: Bool { first > 0 && count > 0 && ids.upperBound <= 1 << 32 }
}

extension [PoolSegmentRun] {
  /// Whether they are all valid and none begins before the end of the one before.
  var isOrdered: Bool {
    allSatisfy(\.isValid)
      && zip(self, dropFirst()).allSatisfy { $0.ids.upperBound <= $1.ids.lowerBound }
  }
}

extension ByteReader {
  mutating func poolSegmentRun() throws(FormatError) -> PoolSegmentRun {
    let run = PoolSegmentRun(first: try integer(), count: try integer())
    guard run.isValid else { throw .malformed(what: "run of segment ids") }
    return run
  }
}

extension ByteWriter {
  mutating func append(_ run: PoolSegmentRun) {
    append(run.first)
    append(run.count)
  }
}
