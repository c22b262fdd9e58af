internal import CoppicePlatform
internal import CoppicePools
internal import Synchronization

/// What an answer, or none, comes to.
enum S3Reading<Value> {
  case value(Value)
  case failed(S3Problem)

  /// Nothing that can be used; another answer may be.
  static func unusable(
    _ message: String, _ key: ObjectKey?, kind: ObjectStoreError.Kind = .unreachable,
    cause: String? = nil
  ) -> S3Reading {
    .failed(S3Problem(ObjectStoreError(kind, message, key: key, cause: cause), isPassing: true))
  }
}

/// Requests that may be sent again.
extension S3Store {
  /// Sends a request until its answer can be used, or nothing but the same is to be expected.
  func perform<Value>(
    _ request: S3Request, mayAskTwice: Bool = false, _ read: (Answer) -> S3Reading<Value>
  ) throws(ObjectStoreError) -> Value {
    var repeats = Repeats(limits: settings.limits, start: clock.monotonicNanoseconds())
    while true {
      switch read(try send(request, mayAskTwice: mayAskTwice)) {
      case .value(let value): return value
      case .failed(let problem):
        guard problem.isPassing, waitForRepeat(&repeats) else { throw problem.error }
      }
    }
  }

  /// Waits until a request may be sent again; whether it may.
  func waitForRepeat(_ repeats: inout Repeats) -> Bool {
    guard !closing.isClosed,
      repeats.count < settings.limits.repeatCountAtFirst || serverTime.offset != nil,
      let delay = repeats.next(now: clock.monotonicNanoseconds(), random: pacing.random())
    else { return false }
    counts.withLock { $0.repeatCount += 1 }
    sleep(delay)
    return !closing.isClosed
  }

  /// The failure of a request that had no whole answer.
  static func problem(_ failure: HTTPFailure, _ key: ObjectKey?) -> S3Problem {
    S3Problem(
      ObjectStoreError(
        .unreachable, "the store does not answer", key: key, cause: failure.cause),
      isPassing: true)
  }
}

/// When a request is sent again: after a random part of a time that doubles, so that many that
/// failed together do not come back together.
struct Repeats {
  private let limits: S3Limits
  private let start: UInt64
  private(set) var count = 0

  init(limits: S3Limits, start: UInt64) {
    self.limits = limits
    self.start = start
  }

  /// What to wait for; `nil` when it has been sent often enough.
  mutating func next(now: UInt64, random: Double) -> Duration? {
    guard count < limits.repeatCount, now - min(now, start) < limits.repeating.nanoseconds else {
      return nil
    }
    let longest = min(limits.firstDelay * (1 << min(count, 30)), limits.delayMax)
    count += 1
    return longest * random
  }
}
