internal import CoppiceFormat
internal import CoppicePlatform

/// What a running collection shares with seals and imports: hits on frames that were found by hash
/// must be live, or count as misses.
///
/// States: idle -> marking (a hit sets the bit) -> evacuating (a hit on a dead frame of a victim is
/// a miss, any other sets the bit) -> idle. Changes of state happen while the seal latch is held
/// alone.
final class CollectionCycle: @unchecked Sendable {
  private let monitor = Monitor()
  // Guarded by `monitor`.
  private var live: Liveness?
  /// Home segments with frames in victims, once victims are chosen.
  private var victimHomes: Set<SegmentID> = []
  /// Frames of this segment and later ones were born in the cycle.
  private var firstBorn = SegmentID(0)

  func begin(youngFrom: SegmentID, firstBorn: SegmentID) {
    monitor.withLock {
      live = Liveness(youngFrom: youngFrom)
      victimHomes = []
      self.firstBorn = firstBorn
    }
  }

  func end() {
    monitor.withLock {
      live = nil
      victimHomes = []
    }
  }

  /// Gives the running collection the marks. Hits wait meanwhile.
  func withLive<Result>(_ body: (Liveness) -> Result) -> Result {
    monitor.withLock {
      guard let live else { preconditionFailure("no collection is running") }
      return body(live)
    }
  }

  /// From here on all frames of a domain up to this name count as live.
  func keepAll(through name: FrameName, of domain: DomainID) {
    withLive { $0.through[domain] = max($0.through[domain] ?? name, name) }
  }

  func choose(victimHomes: Set<SegmentID>) {
    monitor.withLock { self.victimHomes = victimHomes }
  }

  /// Called for a frame that was found by hash before it becomes reachable. False: it is about to
  /// go.
  func admitHit(_ name: FrameName) -> Bool {
    monitor.withLock {
      guard let live, name.segment >= live.youngFrom, name.segment < firstBorn else { return true }
      if !live.isMarked(name), victimHomes.contains(name.segment) { return false }
      // What only a reader kept is a branch's from here on.
      live.reached.insert(name)
      return true
    }
  }
}

/// Which frames a collection keeps. Guarded by its cycle.
///
/// Two states that a frame may be in, alone or both: it was reached, and so was all below it, or
/// its bytes are needed because a live frame builds on them, whatever becomes of what is below.
/// Either may be due to readers and imports alone; these are marked last, and apart.
final class Liveness {
  /// What roots reach by effective refs, what hits by hash brought back, and the newest notes.
  let reached = FrameSet()
  /// The full frames that live derived ones build on.
  let bases = FrameSet()
  /// What only readers and imports in preparation reach besides, and what only that builds on: it
  /// stays no longer than they do.
  let lent = FrameSet()
  let lentBases = FrameSet()
  /// Frames of older segments are not looked at, and live.
  let youngFrom: SegmentID
  /// By domain: frames up to this name count as live, because a node that may refer to any of them
  /// could not be read.
  var through: [DomainID: FrameName] = [:]

  init(youngFrom: SegmentID) { self.youngFrom = youngFrom }

  /// Whether a frame of a segment that is looked at is known to be needed.
  func isMarked(_ name: FrameName) -> Bool {
    reached.contains(name) || bases.contains(name) || isLent(name)
  }

  /// Whether a frame stays.
  func keeps(_ name: FrameName, _ domain: DomainID) -> Bool {
    keepsBesidesLoans(name, domain) || isLent(name)
  }

  /// Whether a frame stays whatever becomes of readers and imports in preparation.
  func keepsBesidesLoans(_ name: FrameName, _ domain: DomainID) -> Bool {
    keepsAllBelow(name, domain) || bases.contains(name)
  }

  /// Whether readers or imports in preparation have a frame, be it that others have it too.
  func isLent(_ name: FrameName) -> Bool { lent.contains(name) || lentBases.contains(name) }

  /// Whether a frame stays, and with it all that it refers to, whatever becomes of readers.
  func keepsAllBelow(_ name: FrameName, _ domain: DomainID) -> Bool {
    if name.segment < youngFrom || reached.contains(name) { return true }
    return through.isEmpty ? false : name <= through[domain] ?? .none
  }

  /// Bytes of RAM.
  var byteCount: Int {
    reached.byteCount + bases.byteCount + lent.byteCount + lentBases.byteCount
  }

  /// Whether any frame of a home segment is kept.
  func keepsAny(of home: SegmentID, _ domain: DomainID) -> Bool {
    if home < youngFrom { return true }
    if [reached, bases, lent, lentBases].contains(where: { $0.hasFrames(of: home) }) {
      return true
    }
    return FrameName(segment: home, ordinal: 0) <= through[domain] ?? .none
  }
}
