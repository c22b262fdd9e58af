internal import CoppicePlatform

/// How many requests run at once: fewer when the store has too much to do, and more again, one by
/// one, as it answers; and when it asks for a pause, none.
final class RequestGate: @unchecked Sendable {
  private struct State {
    /// At most as many at once.
    var limit: Int
    var runningCount = 0
    /// Answers since the limit last changed.
    var answerCount = 0
    /// How often the limit was halved: many requests that fail together do so for one reason.
    var halvingCount = 0
    /// The machine's monotonic time until which nothing is sent.
    var pauseEnd: UInt64 = 0
  }

  private let monitor = Monitor()
  private let limitMax: Int
  /// Guarded by the monitor.
  private var state: State

  init(limit: Int) {
    precondition(limit > 0)
    limitMax = limit
    state = State(limit: limit)
  }

  /// How many may run at once now.
  var limit: Int { monitor.withLock { state.limit } }

  /// Waits for its turn; returns how often the limit had been halved then.
  func enter() -> Int {
    monitor.withLock {
      while state.runningCount >= state.limit { monitor.wait() }
      state.runningCount += 1
      return state.halvingCount
    }
  }

  /// Takes a turn if one is free, without waiting.
  func tryEnter() -> Bool {
    monitor.withLock {
      guard state.runningCount < state.limit else { return false }
      state.runningCount += 1
      return true
    }
  }

  func leave() {
    monitor.withLock {
      state.runningCount -= 1
      monitor.signal()
    }
  }

  /// The store has answered as it should.
  func countAnswer() {
    monitor.withLock {
      guard state.limit < limitMax else { return }
      state.answerCount += 1
      guard state.answerCount >= state.limit else { return }
      state.limit += 1
      state.answerCount = 0
      monitor.broadcast()
    }
  }

  /// The store has too much to do; it wants a pause until that time, if it said so.
  ///
  /// - Parameter halvingCount: what `enter` returned to the request that was told so.
  func slowDown(since halvingCount: Int, until pauseEnd: UInt64?) {
    monitor.withLock {
      if halvingCount == state.halvingCount {
        state.limit = max(1, state.limit / 2)
        state.halvingCount += 1
      }
      state.answerCount = 0
      if let pauseEnd { state.pauseEnd = max(state.pauseEnd, pauseEnd) }
    }
  }

  /// The time until which nothing should be sent.
  var pauseEnd: UInt64 { monitor.withLock { state.pauseEnd } }
}
