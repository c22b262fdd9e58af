internal import CoppicePlatform

/// Waiting of a thread that may be called off.
package struct Pause {
  private let monitor = Monitor()
  private let clock = SystemClock()
  private static let sliceNanoseconds: UInt64 = 50_000_000

  package init() {}

  /// Waits that long, or until `isWanted` says no, which is asked some times a second.
  package func wait(nanoseconds: UInt64, while isWanted: () -> Bool = { true }) {
    let end = clock.monotonicNanoseconds() + nanoseconds
    while isWanted() {
      let now = clock.monotonicNanoseconds()
      guard now < end else { return }
      monitor.withLock {
        _ = monitor.wait(
          untilMonotonicNanoseconds: min(end, now + Self.sliceNanoseconds))
      }
    }
  }
}
