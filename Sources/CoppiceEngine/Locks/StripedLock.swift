internal import CoppicePlatform

/// A value that is read all the time, from every core, and changed now and then.
///
/// Each core has a lock of its own: a reader takes that one, so readers on two cores share no cache
/// line; whoever changes the value takes all of them. The locks are not recursive.
final class StripedLock<State>: @unchecked Sendable {
  /// Read under any lock, changed under all.
  private let state: UnsafeMutablePointer<State>
  private let locks = CoreLocks()

  init(_ state: State) {
    self.state = .allocate(capacity: 1)
    self.state.initialize(to: state)
  }

  deinit {
    state.deinitialize(count: 1)
    state.deallocate()
  }

  /// Excludes everybody else.
  func withLock<Result, Failure: Error>(
    _ body: (inout State) throws(Failure) -> Result
  ) throws(Failure) -> Result {
    locks.lockAll()
    defer { locks.unlockAll() }
    return try body(&state.pointee)
  }

  /// Excludes whoever changes the value. `core` is the number of the lock taken, for caches that
  /// are kept by core; another thread may use the same one at the same time.
  func withReadLock<Result, Failure: Error>(
    _ body: (_ state: borrowing State, _ core: Int) throws(Failure) -> Result
  ) throws(Failure) -> Result {
    let core = CoreLocks.current
    locks.lock(core)
    defer { locks.unlock(core) }
    return try body(state.pointee, core)
  }
}
