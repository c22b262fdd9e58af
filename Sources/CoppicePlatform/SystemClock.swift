internal import Glibc

/// The machine's clocks.
public final class SystemClock: StoreClock {
  public init() {}

  /// What is past 2262 is the end of that time.
  public func wallNanoseconds() -> Int64 {
    var time = timespec()
    clock_gettime(CLOCK_REALTIME, &time)
    return StoredTime.nanoseconds(seconds: Int64(time.tv_sec), nanoseconds: Int64(time.tv_nsec))
  }

  public func monotonicNanoseconds() -> UInt64 { UInt64(Self.read(CLOCK_MONOTONIC)) }

  public func bootNanoseconds() -> UInt64 { UInt64(Self.read(CLOCK_BOOTTIME)) }

  private static func read(_ clock: clockid_t) -> Int {
    var time = timespec()
    clock_gettime(clock, &time)
    return time.tv_sec * 1_000_000_000 + time.tv_nsec
  }
}
