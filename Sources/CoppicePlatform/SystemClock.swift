internal import Glibc

/// The machine's clocks.
public final class SystemClock: StoreClock {
  public init() {}

  public func wallNanoseconds() -> Int64 { Int64(Self.read(CLOCK_REALTIME)) }

  public func monotonicNanoseconds() -> UInt64 { UInt64(Self.read(CLOCK_MONOTONIC)) }

  public func bootNanoseconds() -> UInt64 { UInt64(Self.read(CLOCK_BOOTTIME)) }

  private static func read(_ clock: clockid_t) -> Int {
    var time = timespec()
    clock_gettime(clock, &time)
    return time.tv_sec * 1_000_000_000 + time.tv_nsec
  }
}
