internal import CoppicePlatform
internal import Synchronization

/// Looks at the disk's free space for the marks, at most once a second.
final class SpaceWatch: Sendable {
  /// Free and all bytes of the disk; `nil` where nobody can tell.
  typealias Look = @Sendable () -> (free: UInt64, total: UInt64)?

  private struct State {
    var marks: SpaceMarks?
    /// Monotonic nanoseconds.
    var lookedAt: UInt64?
    var level = SpaceMarks.Level.everyone
  }

  private static let intervalNanoseconds: UInt64 = 1_000_000_000

  private let state = Mutex(State())
  private let hasMarks = Atomic<Bool>(false)
  private let clock: any StoreClock
  private let look: Look

  init(_ clock: any StoreClock, _ look: @escaping Look) {
    self.clock = clock
    self.look = look
  }

  /// Whether there are marks.
  var isSet: Bool { hasMarks.load(ordering: .relaxed) }

  var marks: SpaceMarks? {
    get { state.withLock { $0.marks } }
    set {
      state.withLock { $0 = State(marks: newValue) }
      hasMarks.store(newValue != nil, ordering: .relaxed)
    }
  }

  /// Who may grow now. Where nobody can tell how much is free there is no lack.
  var level: SpaceMarks.Level {
    let now = clock.monotonicNanoseconds()
    let (marks, known) = state.withLock { state -> (SpaceMarks?, SpaceMarks.Level?) in
      guard let marks = state.marks else { return (nil, .everyone) }
      if let last = state.lookedAt, now >= last, now - last < Self.intervalNanoseconds {
        return (marks, state.level)
      }
      state.lookedAt = now
      return (marks, nil)
    }
    if let known { return known }
    guard let marks, let space = look() else { return .everyone }
    let level = marks.level(free: space.free, total: space.total)
    state.withLock { if $0.marks == marks { $0.level = level } }
    return level
  }
}
