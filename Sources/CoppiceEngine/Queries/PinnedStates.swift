internal import Synchronization

/// States that long readers hold: roots for the garbage collector as long as they are here.
final class PinnedStates: Sendable {
  private struct State {
    var next: UInt64 = 0
    var states: [UInt64: SealedState] = [:]
  }

  private let state = Mutex(State())

  var all: [SealedState] { state.withLock { Array($0.states.values) } }

  func insert(_ pinned: SealedState) -> UInt64 {
    state.withLock { state in
      state.next += 1
      state.states[state.next] = pinned
      return state.next
    }
  }

  func remove(_ key: UInt64) {
    state.withLock { $0.states[key] = nil }
  }
}
