internal import CoppiceFormat
internal import CoppicePlatform

/// Until when a deleted entry can be restored. Times are nanoseconds; no window is too long: what
/// would be past the end of time never comes.
///
/// An entry that is kept until a time has a window of its own, which does not end by the wall clock
/// alone: a clock that leaps must not destroy anything. So much of the window, an hour at most, has
/// to pass by the boot clock too, as far as this process has seen it.
enum RestoreWindow {
  struct Moment {
    var wall: Int64
    var boot: UInt64

    init(_ clock: any StoreClock) {
      wall = clock.wallNanoseconds()
      boot = clock.bootNanoseconds()
    }
  }

  static let seenNanosecondsMax: UInt64 = 3600 * 1_000_000_000

  /// Whether a deleted entry can be forgotten.
  static func isOver(
    _ window: Int64, _ entry: BranchEntry, _ branch: EngineBranch?, at moment: Moment
  ) -> Bool {
    rest(window, entry, branch, at: moment) == 0
  }

  /// Until it can be; `nil`: never.
  static func rest(
    _ window: Int64, _ entry: BranchEntry, _ branch: EngineBranch?, at moment: Moment
  ) -> UInt64? {
    guard let rest = rest(until: end(window, of: entry), at: moment) else { return nil }
    guard let keepUntil = entry.annotations.keepUntil else { return rest }
    let (own, isBeyond) = keepUntil.subtractingReportingOverflow(entry.deletedAt)
    let toSee = isBeyond ? seenNanosecondsMax : min(UInt64(max(own, 0)), seenNanosecondsMax)
    let seen = branch?.deletedNanoseconds(at: moment.boot) ?? 0
    return max(rest, toSee > seen ? toSee - seen : 0)
  }

  /// By the wall clock.
  static func end(_ window: Int64, of entry: BranchEntry) -> Int64 {
    if let keepUntil = entry.annotations.keepUntil { return keepUntil }
    let (end, isBeyond) = entry.deletedAt.addingReportingOverflow(window)
    return isBeyond ? .max : end
  }

  private static func rest(until end: Int64, at moment: Moment) -> UInt64? {
    if end == .max { return nil }
    let (rest, isBeyond) = end.subtractingReportingOverflow(moment.wall)
    if isBeyond { return end > moment.wall ? UInt64(Int64.max) : 0 }
    return UInt64(max(rest, 0))
  }
}

extension AutomaticCollection {
  /// Sets the restore window; a negative one is none.
  package mutating func setRestoreWindow(_ window: Duration) {
    let (seconds, attoseconds) = window.components
    if seconds < 0 || attoseconds < 0 {
      restoreWindow = 0
      return
    }
    let (whole, isBeyond) = seconds.multipliedReportingOverflow(by: 1_000_000_000)
    let (sum, isSumBeyond) = whole.addingReportingOverflow(attoseconds / 1_000_000_000)
    restoreWindow = isBeyond || isSumBeyond ? .max : sum
  }
}
