internal import CoppicePlatform

/// Keeps the moments at which a collection takes stock, or a deletion for good condemns, apart from
/// the stretch, in a seal or an import, between looking a frame up and making it reachable from a
/// root.
///
/// Sealing and importing hold it together with others, collections and deletions alone. Who waits
/// to hold it alone goes first, so that a stream of short holders cannot keep him out.
final class SealLatch: Sendable {
  private let monitor = Monitor()
  // Guarded by `monitor`.
  nonisolated(unsafe) private var holderCount = 0
  nonisolated(unsafe) private var isExclusive = false
  nonisolated(unsafe) private var waitingCount = 0

  func withShared<Result, Failure: Error>(_ body: () throws(Failure) -> Result) throws(Failure)
    -> Result
  {
    monitor.withLock {
      while isExclusive || waitingCount > 0 { monitor.wait() }
      holderCount += 1
    }
    defer {
      monitor.withLock {
        holderCount -= 1
        if holderCount == 0 { monitor.broadcast() }
      }
    }
    return try body()
  }

  func withExclusive<Result, Failure: Error>(_ body: () throws(Failure) -> Result) throws(Failure)
    -> Result
  {
    monitor.withLock {
      waitingCount += 1
      while isExclusive || holderCount > 0 { monitor.wait() }
      waitingCount -= 1
      isExclusive = true
    }
    defer {
      monitor.withLock {
        isExclusive = false
        monitor.broadcast()
      }
    }
    return try body()
  }
}
