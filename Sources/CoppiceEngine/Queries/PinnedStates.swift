internal import CoppiceFormat
internal import CoppicePlatform
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

extension Engine {
  /// Runs `body` on the branch as it is now, whatever becomes of the branch meanwhile.
  func withPinnedState<Result>(
    of branch: EngineBranch, _ body: (SealedState) throws(StoreError) -> Result
  ) throws(StoreError) -> Result {
    try checkOpen()
    let (state, key) = branch.writer.withLock {
      branch.freezeOpenLayer(through: journal.lastLSN)
      let state = branch.state.withLock { $0.sealed }
      return (state, pins.insert(state))
    }
    defer { pins.remove(key) }
    return try body(state)
  }
}
