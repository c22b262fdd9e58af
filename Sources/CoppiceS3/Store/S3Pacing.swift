internal import CoppicePlatform

/// How waits between requests are made, so that tests can do without them.
package struct S3Pacing: Sendable {
  /// Waits; `nil` waits by the machine's clock, and ends early when the store is closed.
  package var sleep: (@Sendable (Duration) -> Void)?
  /// A number from 0 to 1.
  package var random: @Sendable () -> Double

  package init(
    sleep: (@Sendable (Duration) -> Void)? = nil,
    random: @escaping @Sendable () -> Double = { Double.random(in: 0...1) }
  ) {
    self.sleep = sleep
    self.random = random
  }
}

/// Whether a store is closed, for those that wait.
final class Closing: @unchecked Sendable {
  private let monitor = Monitor()
  private let clock = SystemClock()
  /// Guarded by the monitor.
  private var isSet = false

  var isClosed: Bool { monitor.withLock { isSet } }

  func close() {
    monitor.withLock {
      isSet = true
      monitor.broadcast()
    }
  }

  func wait(for duration: Duration) {
    let end = clock.monotonicNanoseconds() + duration.nanoseconds
    monitor.withLock {
      while !isSet, clock.monotonicNanoseconds() < end {
        monitor.wait(untilMonotonicNanoseconds: end)
      }
    }
  }
}
