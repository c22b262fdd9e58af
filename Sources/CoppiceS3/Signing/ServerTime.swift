package import CoppicePlatform
internal import Synchronization

/// What time the store has, by the `Date` of its last answer: signatures follow it, so a clock of
/// this machine that is wrong, or jumps, stops nothing.
package final class ServerTime: Sendable {
  private struct Known {
    /// Of the store, since 1970-01-01 UTC.
    var seconds: Int64
    /// Of this machine, when the answer came.
    var bootNanoseconds: UInt64
  }

  private let clock: any StoreClock
  private let known = Mutex<Known?>(nil)

  package init(_ clock: any StoreClock) { self.clock = clock }

  /// Takes the `Date` header of an answer; text that is no date says nothing.
  package func learn(_ header: String) {
    guard let seconds = SigningTime(httpDate: header)?.seconds else { return }
    let now = clock.bootNanoseconds()
    known.withLock { $0 = Known(seconds: seconds, bootNanoseconds: now) }
  }

  /// What the store's clock shows now, or this machine's until an answer came.
  package var now: SigningTime {
    let own = clock.wallNanoseconds() / 1_000_000_000
    guard let known = known.withLock({ $0 }) else { return SigningTime(seconds: own) }
    let passed = clock.bootNanoseconds() - min(known.bootNanoseconds, clock.bootNanoseconds())
    return SigningTime(seconds: known.seconds + Int64(passed / 1_000_000_000))
  }

  /// The store's clock minus this machine's, to the second; `nil` until an answer came.
  package var offset: Duration? {
    guard known.withLock({ $0 }) != nil else { return nil }
    return .seconds(now.seconds - clock.wallNanoseconds() / 1_000_000_000)
  }
}
