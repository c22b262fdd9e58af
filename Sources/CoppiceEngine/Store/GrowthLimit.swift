/// How many bytes a branch and its snapshots may add, and what follows from how many they have
/// added. Pure: who asks says what was added (`AddedBytes`).
package struct GrowthLimit: Hashable, Sendable {
  /// Ascending.
  package enum State: UInt8, Comparable, Sendable {
    case free
    /// From 80 % on: worth a warning.
    case near
    /// From 100 % on: files do not grow any more.
    case full
    /// From 150 % on, or `excessByteCountMin` above the limit if that is more: overwriting went on
    /// so long that the branch is to expire.
    case beyond

    package static func < (a: Self, b: Self) -> Bool { a.rawValue < b.rawValue }
  }

  /// Up to here every file grows whatever was added: databases write small files all the time, some
  /// of which they cannot do without.
  package static let fileByteCountMax: UInt64 = 64 << 10

  package static let excessByteCountMin: UInt64 = 1 << 30

  package var byteCount: UInt64
  private let excessByteCountMin: UInt64

  package init(_ byteCount: UInt64, excessByteCountMin: UInt64 = Self.excessByteCountMin) {
    self.byteCount = byteCount
    self.excessByteCountMin = excessByteCountMin
  }

  package func state(ofAdded added: UInt64) -> State {
    if added >= endByteCount { return .beyond }
    if added >= byteCount { return .full }
    return added >= byteCount - byteCount / 5 ? .near : .free
  }

  /// What may be added before the branch is to expire.
  package var endByteCount: UInt64 {
    let (end, isOver) = byteCount.addingReportingOverflow(
      max(byteCount / 2, excessByteCountMin))
    return isOver ? .max : end
  }

  /// Whether a change of a file's byte count is one that limits ask about.
  package static func concernsGrowth(from old: UInt64, to new: UInt64) -> Bool {
    new > old && new > fileByteCountMax
  }

  /// Whether an estimate is so coarse, compared with the limit, that it is worth a measurement
  /// before anything is refused.
  package func isCoarse(_ estimatedByteCount: UInt64) -> Bool {
    estimatedByteCount > byteCount / 64
  }
}
