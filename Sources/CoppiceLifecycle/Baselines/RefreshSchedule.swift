/// When a baseline is brought up to date by itself.
package enum RefreshSchedule: Hashable, Sendable {
  /// Each day at a minute of the day, UTC.
  case daily(minute: Int)
  /// So long after the last one began.
  case every(TimeSpan)

  private static let shortest = TimeSpan.minutes(1)

  /// From `03:00`, or a span such as `6h`; `nil` for any other text, and for less than a minute.
  package init?(_ text: String) {
    let parts = text.split(separator: ":", omittingEmptySubsequences: false)
    if parts.count == 2 {
      guard let hour = Self.number(parts[0], below: 24),
        let minute = Self.number(parts[1], below: 60)
      else { return nil }
      self = .daily(minute: hour * 60 + minute)
      return
    }
    // Seconds need no letter elsewhere: 0300 would be five minutes.
    guard text.utf8.contains(where: { !(48...57 ~= $0) }), let span = TimeSpan(text),
      span.seconds >= Self.shortest.seconds
    else { return nil }
    self = .every(span)
  }

  private static func number(_ text: Substring, below limit: Int) -> Int? {
    guard text.utf8.count == 2, text.utf8.allSatisfy({ 48...57 ~= $0 }), let number = Int(text),
      number < limit
    else { return nil }
    return number
  }

  /// Whether one is due, of a baseline whose last one began, or that was added, then. All in
  /// nanoseconds since 1970-01-01 UTC. A clock that went back has none due until it is that far
  /// again, but for at most one interval.
  package func isDue(since last: Int64, at now: Int64) -> Bool {
    switch self {
    case .every(let span):
      let passed = now.subtractingReportingOverflow(last)
      return passed.overflow || passed.partialValue >= span.nanoseconds
        || passed.partialValue <= -span.nanoseconds
    case .daily(let minute):
      let (day, offset) = (Self.dayNanoseconds, Int64(minute) * 60_000_000_000)
      return CivilTime.floor(now &- offset, day) != CivilTime.floor(last &- offset, day)
    }
  }

  private static let dayNanoseconds: Int64 = 86_400_000_000_000
}
