/// From how little free space on the disk branches may not grow any more, so that what databases
/// cannot do without has room for longest: below the mark those that have an end, below half of it
/// all but protected ones. The engine's own reserve comes after that.
///
/// A store has none unless it is given some (`Store.spaceMarks`), be it embedded or served: on a
/// disk that is not much larger than the standard marks nothing could ever grow, and only who runs
/// it knows whether that is so.
public struct SpaceMarks: Hashable, Sendable {
  /// The mark is the greater of this and of `freeShare`. Default 2 GiB.
  public var freeByteCount: UInt64
  /// Of the disk's bytes. Default 3 %.
  public var freeShare: Double

  /// The standard marks, but for what is given.
  public init(freeByteCount: UInt64 = 2 << 30, freeShare: Double = 0.03) {
    self.freeByteCount = freeByteCount
    self.freeShare = freeShare
  }

  /// Who may grow.
  package enum Level: Hashable, Sendable {
    case everyone
    /// Those without an end.
    case lasting
    case protected
  }

  package func level(free: UInt64, total: UInt64) -> Level {
    let share = max(0, min(freeShare, 1)) * Double(total)
    let mark = max(freeByteCount, UInt64(share))
    if free >= mark { return .everyone }
    return free >= mark / 2 ? .lasting : .protected
  }
}
