package import CoppicePlatform

/// How long a store waits for an object store, and how it waits.
package struct Patience: Sendable {
  let clock: any StoreClock
  let limit: Duration
  let beginning: Duration
  private let pause: @Sendable (Duration) -> Void

  /// - Parameters:
  ///   - limit: after which a read or a change of one object is given up.
  ///   - beginning: after which a pool is given up that never answered.
  ///   - pause: waits for that time.
  package init(
    clock: any StoreClock, limit: Duration = .seconds(60), beginning: Duration = .seconds(60),
    pause: @escaping @Sendable (Duration) -> Void
  ) {
    self.clock = clock
    self.limit = limit
    self.beginning = beginning
    self.pause = pause
  }

  /// The waiting of one read or change, which begins now.
  struct Waiting {
    private let patience: Patience
    private let end: UInt64
    private var next = Duration.milliseconds(20)

    init(_ patience: Patience, atMost limit: Duration? = nil) {
      self.patience = patience
      let limit = (limit ?? patience.limit).components
      end =
        patience.clock.monotonicNanoseconds() + UInt64(limit.seconds) * 1_000_000_000
        + UInt64(limit.attoseconds / 1_000_000_000)
    }

    /// Waits, longer each time; false when the time is over.
    mutating func goOn() -> Bool {
      guard patience.clock.monotonicNanoseconds() < end else { return false }
      patience.pause(next)
      next = min(next * 2, .seconds(2))
      return true
    }
  }
}
