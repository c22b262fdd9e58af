internal import CoppicePlatform

/// A moment in nanoseconds since 1970-01-01 UTC.
public struct Timestamp: Hashable, Comparable, Sendable {
  /// Since 1970-01-01 UTC; negative before.
  public var nanoseconds: Int64

  /// That many nanoseconds since 1970-01-01 UTC.
  public init(nanoseconds: Int64) { self.nanoseconds = nanoseconds }

  /// Seconds and nanoseconds as in a `timespec`; a moment beyond 1677...2262 becomes the
  /// nearest one in these years.
  public init(seconds: Int64, nanoseconds: Int64) {
    self.nanoseconds = StoredTime.nanoseconds(seconds: seconds, nanoseconds: nanoseconds)
  }

  /// Whole seconds, rounded down.
  public var seconds: Int64 {
    let (quotient, remainder) = nanoseconds.quotientAndRemainder(dividingBy: 1_000_000_000)
    return remainder < 0 ? quotient - 1 : quotient
  }
  /// 0 to 999,999,999, to be added to `seconds`.
  public var subsecondNanoseconds: Int64 {
    let remainder = nanoseconds % 1_000_000_000
    return remainder < 0 ? remainder + 1_000_000_000 : remainder
  }

  /// Earlier moments come first.
  public static func < (a: Timestamp, b: Timestamp) -> Bool { a.nanoseconds < b.nanoseconds }
}
