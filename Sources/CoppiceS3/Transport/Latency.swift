internal import Synchronization

/// What reads usually take until their answers begin, and whether a second request is due.
///
/// One lost packet, or one slow disk, makes a read ten times as slow as the others. Asking once
/// more helps then; it must stay rare, or a store with too much to do gets twice as much.
final class Latency: Sendable {
  private static let sampleCountMax = 64
  /// Below it the usual time is not known.
  private static let sampleCountMin = 8
  /// One in so many reads may be asked twice.
  private static let shareMin = 20

  private struct State {
    var samples: [UInt64] = []
    var next = 0
    var readCount = 0
    var secondCount = 0
  }

  private let state = Mutex(State())

  /// Counts a read; returns after how long it should be asked once more, if at all.
  func begin(atLeast: Duration) -> Duration? {
    state.withLock { state in
      state.readCount += 1
      let samples = state.samples.sorted()
      guard samples.count >= Self.sampleCountMin else { return nil }
      let usual = samples[samples.count / 2]
      return max(atLeast, .nanoseconds(Int64(usual * 4)))
    }
  }

  /// Whether a second request may be sent now; counts it.
  func takeSecond() -> Bool {
    state.withLock { state in
      guard (state.secondCount + 1) * Self.shareMin <= state.readCount else { return false }
      state.secondCount += 1
      return true
    }
  }

  /// What a read took until its answer began.
  func add(_ duration: Duration) {
    state.withLock { state in
      if state.samples.count < Self.sampleCountMax {
        state.samples.append(duration.nanoseconds)
      } else {
        state.samples[state.next] = duration.nanoseconds
        state.next = (state.next + 1) % Self.sampleCountMax
      }
    }
  }
}
