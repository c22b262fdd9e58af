internal import CoppicePlatform
internal import Synchronization

/// The lock of a branch's writers, with a way past them.
///
/// A writer that commits again and again takes the lock again before a thread that it woke has run.
/// Who changes the branch as a whole - a fork, a seal's freeze - would wait through thousands of
/// writes. It goes first instead: while it waits, writers stop before the lock.
final class WriterLock: Sendable {
  private let monitor = Monitor()
  /// Held while somebody waits to go first.
  private let turnstile = Monitor()
  private let isClaimed = Atomic<Bool>(false)

  /// For one write.
  func withLock<Result: ~Copyable, Failure: Error>(
    _ body: () throws(Failure) -> Result
  ) throws(Failure) -> Result {
    if isClaimed.load(ordering: .relaxed) { turnstile.withLock {} }
    return try monitor.withLock(body)
  }

  /// For changes of the branch as a whole: waits for one write at most.
  func withLockFirst<Result: ~Copyable, Failure: Error>(
    _ body: () throws(Failure) -> Result
  ) throws(Failure) -> Result {
    turnstile.withLock {
      isClaimed.store(true, ordering: .relaxed)
      monitor.lock()
      isClaimed.store(false, ordering: .relaxed)
    }
    defer { monitor.unlock() }
    return try body()
  }
}
