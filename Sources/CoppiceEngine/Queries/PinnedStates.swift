internal import CoppiceFormat
internal import Synchronization

/// What long readers hold: roots for the garbage collector as long as it is here. A pin is made under
/// the control lock, under which a collection takes its roots: it sees what the pin was taken from, or
/// the pin.
final class PinnedStates: Sendable {
  struct Pin: Sendable {
    var state: SealedState?
    /// Frames besides.
    var refs: [Ref] = []
  }

  private struct State {
    var next: UInt64 = 0
    var pins: [UInt64: Pin] = [:]
  }

  private let state = Mutex(State())

  var all: [Pin] { state.withLock { Array($0.pins.values) } }

  func insert(_ pinned: SealedState?, refs: [Ref] = []) -> UInt64 {
    state.withLock { state in
      state.next += 1
      state.pins[state.next] = Pin(state: pinned, refs: refs)
      return state.next
    }
  }

  func remove(_ key: UInt64) {
    state.withLock { $0.pins[key] = nil }
  }
}
