/// What the reaper remembers from tick to tick, and over restarts: a small value that is stored
/// before the steps of the plan that it comes with.
///
/// A crash anywhere is harmless. What is stored only ever makes steps come later: a step that was
/// counted and not taken is planned again, and which entries are due follows from the entries.
package struct ReaperState: Hashable, Sendable, Codable {
  package internal(set) var clock = ReaperClock()
  private var hold: Hold?
  /// The newest time that the store had recorded when the wall clock stood behind it at a start.
  private var journalAt: Int64?
  /// Such a time that an administrator knows of.
  private var knownJournalAt: Int64?
  /// Whether too many were due at once, and still are.
  var isMass = false
  /// How many steps of those an administrator let go.
  var acceptedCount = 0
  /// The uptime of the last step that was taken one in a minute.
  var massStepAt: Int64?
  private var downtimes: [Downtime] = []
  /// The uptime at which the state was last to be stored.
  private var storedAt: Int64 = 0

  private struct Hold: Hashable, Sendable, Codable {
    var reason: ReaperPause.Reason
    var until: Int64?
  }

  /// When no server ran, by the wall clock: from its last tick to its next start.
  private struct Downtime: Hashable, Sendable, Codable {
    var from: Int64
    var to: Int64
  }

  private static let downtimeCountMax = 8

  package init() {}

  /// Why nothing is done, or, with `mass` alone, little; empty while it works.
  package var pauses: [ReaperPause] {
    var pauses: [ReaperPause] = []
    if let hold { pauses.append(ReaperPause(reason: hold.reason, until: hold.until)) }
    if !clock.isTrusted { pauses.append(ReaperPause(reason: .clock)) }
    if let journalAt { pauses.append(ReaperPause(reason: .journal, until: journalAt)) }
    if isMass { pauses.append(ReaperPause(reason: .mass)) }
    return pauses
  }

  /// Whether nothing is paused at another moment, which is not gone on to.
  package func isWithoutPause(at clocks: ReaperClocks) -> Bool {
    var later = self
    later.advance(to: clocks)
    return later.pauses.isEmpty
  }

  /// Whether ends are as entries have them: no lease gets more time for a server that did not run,
  /// and nothing waits for its turn.
  package var isPlain: Bool { downtimes.isEmpty && !isMass }

  /// Whether what is deleted may be forgotten by the wall clock.
  var isClockTrusted: Bool { clock.isTrusted && journalAt == nil }

  /// Begins to work on a store that was closed.
  ///
  /// - Parameters:
  ///   - newestStoredAt: the newest time that the store has recorded, if it has one.
  ///   - isServer: whether a server starts. Leases that ran out while there was none get one more
  ///     period then; a single pass without a server gives them nothing.
  package mutating func start(
    at clocks: ReaperClocks, newestStoredAt: Int64?, isServer: Bool
  ) {
    let stoppedAt = clock.last?.wall ?? .min
    advance(to: clocks)
    if let newestStoredAt, newestStoredAt > clocks.wall, newestStoredAt != knownJournalAt {
      journalAt = max(newestStoredAt, journalAt ?? .min)
    }
    guard isServer, stoppedAt < clocks.wall else { return }
    downtimes.append(Downtime(from: stoppedAt, to: clocks.wall))
    if downtimes.count > Self.downtimeCountMax {
      // As if nothing had run between the two: leases may end later for it.
      downtimes[1].from = min(downtimes[0].from, downtimes[1].from)
      downtimes.removeFirst()
    }
  }

  /// Goes on to another moment; pauses that are over end. Says by how much the wall clock leapt.
  @discardableResult
  mutating func advance(to clocks: ReaperClocks) -> Int64 {
    let leap = clock.advance(to: clocks)
    if let until = hold?.until, until <= clocks.wall { hold = nil }
    if let journalAt, journalAt <= clocks.wall { self.journalAt = nil }
    // A start by a clock that was ahead would have leases end in that future.
    for index in downtimes.indices { downtimes[index].to = min(downtimes[index].to, clocks.wall) }
    downtimes.removeAll { $0.from >= $0.to }
    return leap
  }

  /// Ends nothing from now on: until a moment in nanoseconds since 1970, or until `resume`.
  package mutating func pause(_ reason: ReaperPause.Reason = .administrator, until: Int64? = nil) {
    hold = Hold(reason: reason, until: until)
  }

  /// Ends every pause, and takes the wall clock as it is. Too many due at once stay so until that
  /// is accepted.
  package mutating func resume(at clocks: ReaperClocks) {
    advance(to: clocks)
    hold = nil
    knownJournalAt = journalAt ?? knownJournalAt
    journalAt = nil
    clock.follow()
  }

  /// Lets that many go of those that are due at once: as many steps are no longer held to one a
  /// minute. Whatever is left when no longer too many are due is void.
  package mutating func accept(_ count: Int) { acceptedCount = count }

  /// When a lease ends: where it ran out while no server was there to renew it, one period after
  /// the next start.
  func leaseEnd(until: Int64, period: TimeSpan) -> Int64 {
    downtimes.reduce(until) { end, downtime in
      downtime.from < end && end <= downtime.to ? downtime.to.raised(by: period.nanoseconds) : end
    }
  }

  /// Forgets the times without a server that made no lease in this list end later than now.
  mutating func forgetDowntimes(
    unlessUsedBy leases: some Sequence<(until: Int64, period: TimeSpan)>
  ) {
    guard !downtimes.isEmpty, let now = clock.last?.wall else { return }
    var used: Set<Downtime> = []
    for lease in leases {
      var end = lease.until
      var users: [Downtime] = []
      for downtime in downtimes where downtime.from < end && end <= downtime.to {
        end = downtime.to.raised(by: lease.period.nanoseconds)
        users.append(downtime)
      }
      if end > now { used.formUnion(users) }
    }
    downtimes.removeAll { !used.contains($0) }
  }

  /// Whether it must be stored in place of an older one before anything is done: something else
  /// than the passing of time changed, the wall clock leapt, or ten minutes went by. Notes that it
  /// will be.
  mutating func mustBeStored(after older: ReaperState, leap: Int64) -> Bool {
    var aged = older
    aged.clock = clock
    aged.storedAt = storedAt
    let isOld = clock.uptime - storedAt >= TimeSpan.minutes(10).nanoseconds
    let isLeap = leap.magnitude >= TimeSpan(seconds: 1).nanoseconds.magnitude
    let isFirst = older.clock.last == nil
    guard
      aged != self || isOld || isLeap || isFirst
        || clock.isTrusted != older.clock.isTrusted
    else { return false }
    storedAt = clock.uptime
    return true
  }
}
