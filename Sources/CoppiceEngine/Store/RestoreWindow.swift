/// Times of restore windows in nanoseconds. No window is too long: what would be past the end of
/// time never comes.
enum RestoreWindow {
  /// Whether a branch that was deleted then can be forgotten.
  static func isOver(_ window: Int64, deletedAt: Int64, now: Int64) -> Bool {
    let (age, isBeyond) = now.subtractingReportingOverflow(deletedAt)
    return isBeyond ? now > deletedAt : age >= window
  }

  /// When it can be.
  static func end(_ window: Int64, deletedAt: Int64) -> Int64 {
    let (end, isBeyond) = deletedAt.addingReportingOverflow(window)
    return isBeyond ? .max : end
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
