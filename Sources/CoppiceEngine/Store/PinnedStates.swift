internal import CoppiceFormat
internal import Synchronization

/// What long readers hold: roots for the garbage collector as long as it is here. A pin is made
/// under the keeper's lock, under which a collection takes its roots: it sees what the pin was
/// taken from, or the pin.
///
/// A pin that follows seals lets go of a layer once that is sealed, and takes the root with the
/// same content instead: a reader that takes hours, or waits for whom it writes to, keeps no memory
/// from writers. Frames that only the root before referred to may be gone then, so whoever fails on
/// a state that he took from here looks whether there is another one by now.
final class PinnedStates: Sendable {
  struct Pin: Sendable {
    let key: UInt64
    var state: SealedState?
    /// Frames besides.
    var refs: [Ref] = []
    var followsSeals = false
  }

  private struct State {
    var next: UInt64 = 0
    var pins: [UInt64: Pin] = [:]
  }

  private let state = Mutex(State())

  var all: [Pin] { state.withLock { Array($0.pins.values) } }

  func contains(_ key: UInt64) -> Bool { state.withLock { $0.pins[key] != nil } }

  func insert(_ pinned: SealedState?, refs: [Ref] = [], followsSeals: Bool = false) -> UInt64 {
    state.withLock { state in
      state.next += 1
      state.pins[state.next] = Pin(
        key: state.next, state: pinned, refs: refs, followsSeals: followsSeals)
      return state.next
    }
  }

  /// The state that a pin holds now.
  func state(_ key: UInt64) -> SealedState? { state.withLock { $0.pins[key]?.state } }

  func remove(_ key: UInt64) {
    state.withLock { $0.pins[key] = nil }
  }

  /// As `EngineBranch.applyPublish`. The caller holds the keeper's lock.
  func applyPublish(of layers: [Layer], oldRoot: Ref, newRoot: RootView) {
    state.withLock { state in
      for (key, pin) in state.pins where pin.followsSeals {
        state.pins[key]?.state?.applyPublish(of: layers, oldRoot: oldRoot, newRoot: newRoot)
      }
    }
  }
}
