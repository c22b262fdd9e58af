internal import CoppiceFormat
internal import Synchronization

/// What a running collection shares with seals and imports: hits on frames that were found by hash
/// must be live, or count as misses.
///
/// States: idle -> marking (a hit sets the bit) -> evacuating (a hit on a dead frame of a victim is
/// a miss, any other sets the bit) -> idle. Changes of state happen while the seal latch is held
/// alone.
final class CollectionCycle: Sendable {
  private struct State: Sendable {
    var live: LiveFrames?
    /// Home segments with frames in victims, once victims are chosen.
    var victimHomes: Set<SegmentID> = []
    /// Frames of this segment and later ones were born in the cycle.
    var firstBorn = SegmentID(0)
  }

  private let state = Mutex(State())

  func begin(firstBorn: SegmentID) {
    state.withLock { $0 = State(live: LiveFrames(), victimHomes: [], firstBorn: firstBorn) }
  }

  func end() { state.withLock { $0 = State() } }

  /// Marks a frame; returns whether it was not marked before.
  func mark(_ name: FrameName) -> Bool {
    state.withLock { $0.live?.insert(name) ?? false }
  }

  /// Called for a frame that was found by hash before it becomes reachable. False: it is about to go.
  func admitHit(_ name: FrameName) -> Bool {
    state.withLock { state in
      guard let live = state.live, name.segment < state.firstBorn, !live.contains(name) else {
        return true
      }
      if state.victimHomes.contains(name.segment) { return false }
      _ = state.live?.insert(name)
      return true
    }
  }

  /// The marks so far.
  var live: LiveFrames { state.withLock { $0.live ?? LiveFrames() } }

  func choose(victimHomes: Set<SegmentID>) {
    state.withLock { $0.victimHomes = victimHomes }
  }
}
