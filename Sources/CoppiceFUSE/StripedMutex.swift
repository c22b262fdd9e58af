internal import Synchronization

/// Locks for many files: each file has one of them, which it shares with others.
final class StripedMutex: Sendable {
  private static let count: UInt64 = 64
  private let locks = (0..<count).map { _ in Stripe() }

  private final class Stripe: Sendable { let mutex = Mutex(()) }

  func withLock<Result, Failure: Error>(
    _ node: UInt64, _ body: () throws(Failure) -> Result
  ) throws(Failure) -> Result {
    try locks[Int(node % Self.count)].mutex.withLock { _ throws(Failure) in try body() }
  }
}
