internal import CLinux

/// Time as the store sees it. Simulations pass their own.
public protocol StoreClock: AnyObject, Sendable {
  /// Nanoseconds since 1970-01-01 UTC. May jump.
  func wallNanoseconds() -> Int64
  /// Nanoseconds since some fixed moment. Never goes back.
  func monotonicNanoseconds() -> UInt64
  /// Nanoseconds since the machine started, those that it slept through too. Never goes back while
  /// it runs.
  func bootNanoseconds() -> UInt64
}

/// Moments as they are kept: nanoseconds since 1970-01-01 UTC in 64 bits, which reach from 1677 to
/// 2262.
public enum StoredTime {
  /// Of seconds and nanoseconds as in a `timespec`. A moment beyond these years becomes the nearest
  /// one in them, whichever way it comes.
  public static func nanoseconds(seconds: Int64, nanoseconds: Int64 = 0) -> Int64 {
    clinux_nanoseconds(seconds, nanoseconds)
  }
}
