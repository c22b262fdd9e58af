internal import Glibc

/// A lock with one condition that threads can wait for.
///
/// All calls but `withLock` must be made inside `withLock`, by the thread that holds it. The lock
/// is not recursive: a thread that asks for what it holds traps. Waking up proves nothing: wait in
/// a loop that tests what was waited for.
public final class Monitor: @unchecked Sendable {
  private let mutex: UnsafeMutablePointer<pthread_mutex_t>
  private let condition: UnsafeMutablePointer<pthread_cond_t>

  public init() {
    mutex = .allocate(capacity: 1)
    mutex.initialize(to: pthread_mutex_t())
    condition = .allocate(capacity: 1)
    condition.initialize(to: pthread_cond_t())
    var attributes = pthread_condattr_t()
    pthread_condattr_init(&attributes)
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC)
    var kind = pthread_mutexattr_t()
    pthread_mutexattr_init(&kind)
    pthread_mutexattr_settype(&kind, Int32(PTHREAD_MUTEX_ERRORCHECK))
    let isReady =
      pthread_mutex_init(mutex, &kind) == 0 && pthread_cond_init(condition, &attributes) == 0
    precondition(isReady)
    pthread_mutexattr_destroy(&kind)
    pthread_condattr_destroy(&attributes)
  }

  deinit {
    pthread_cond_destroy(condition)
    pthread_mutex_destroy(mutex)
    condition.deallocate()
    mutex.deallocate()
  }

  @inlinable
  public func withLock<Result: ~Copyable, Failure: Error>(
    _ body: () throws(Failure) -> Result
  ) throws(Failure) -> Result {
    lock()
    defer { unlock() }
    return try body()
  }

  /// Takes the lock; the same thread must give it back.
  public func lock() {
    let code = pthread_mutex_lock(mutex)
    precondition(code != EDEADLK, "a thread that holds this lock asked for it again")
    precondition(code == 0)
  }

  public func unlock() {
    let code = pthread_mutex_unlock(mutex)
    precondition(code == 0)
  }

  /// Gives the lock back, waits for a signal and takes the lock again.
  public func wait() {
    let code = pthread_cond_wait(condition, mutex)
    precondition(code == 0)
  }

  /// As `wait`, but no longer than until the monotonic clock (`SystemClock`) shows that time.
  /// Returns whether it was woken before.
  @discardableResult
  public func wait(untilMonotonicNanoseconds deadline: UInt64) -> Bool {
    var time = timespec(
      tv_sec: Int(deadline / 1_000_000_000), tv_nsec: Int(deadline % 1_000_000_000))
    let code = pthread_cond_timedwait(condition, mutex, &time)
    precondition(code == 0 || code == ETIMEDOUT)
    return code == 0
  }

  /// Wakes one waiting thread.
  public func signal() { pthread_cond_signal(condition) }

  /// Wakes all waiting threads.
  public func broadcast() { pthread_cond_broadcast(condition) }
}
