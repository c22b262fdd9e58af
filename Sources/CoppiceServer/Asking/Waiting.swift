package import Coppice
internal import CoppicePlatform
internal import Synchronization

/// The step from a command, which is one thread that waits, to what is asynchronous.
package enum Waiting {
  /// Runs `body` while the calling thread, which must not be one of the concurrency pool's, waits.
  package static func run<Value: Sendable>(
    _ body: @escaping @Sendable () async -> Result<Value, StoreError>
  ) -> Result<Value, StoreError> {
    let outcome = Outcome<Value>()
    Task { outcome.set(await body()) }
    return outcome.wait()
  }
}

/// A result that one thread waits for and another sets.
private final class Outcome<Value: Sendable>: Sendable {
  private let monitor = Monitor()
  private let result = Mutex<Result<Value, StoreError>?>(nil)

  func set(_ result: Result<Value, StoreError>) {
    monitor.withLock {
      self.result.withLock { $0 = result }
      monitor.broadcast()
    }
  }

  func wait() -> Result<Value, StoreError> {
    monitor.withLock {
      while true {
        if let result = result.withLock({ $0 }) { return result }
        monitor.wait()
      }
    }
  }
}
