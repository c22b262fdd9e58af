/// Time as the store sees it. Simulations pass their own.
public protocol StoreClock: AnyObject, Sendable {
  /// Nanoseconds since 1970-01-01 UTC. May jump.
  func wallNanoseconds() -> Int64
  /// Nanoseconds since some fixed moment. Never goes back.
  func monotonicNanoseconds() -> UInt64
}
