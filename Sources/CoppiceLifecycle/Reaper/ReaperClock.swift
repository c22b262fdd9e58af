/// The clocks of one moment, to be read one right behind the other.
package struct ReaperClocks: Hashable, Sendable, Codable {
  /// Nanoseconds since 1970. May leap.
  package var wall: Int64
  /// Nanoseconds since the machine's start, sleep included. Never leaps.
  package var boot: Int64
  /// Tells one start of the machine from every other.
  package var bootID: String

  package init(wall: Int64, boot: Int64, bootID: String) {
    self.wall = wall
    self.boot = boot
    self.bootID = bootID
  }
}

/// How far the wall clock can be trusted, from tick to tick and over restarts.
///
/// Uptime is what the boot clock counted, over all starts of the machine. A leap is by how much
/// more than uptime the wall clock went on from one tick to the next: somebody set it, or the
/// machine was off. From these alone follow two things:
///
///  1. How long something has lasted in uptime at least, though only its beginning by the wall
///     clock is recorded: the wall clock's difference, less all leaps forward since. Those of the
///     last hour of uptime at least are remembered, in two windows; longer is not asked for.
///  2. Whether the wall clock is to be followed. It may leave the uptime by an hour, as compared
///     with what it showed one or two windows ago. Beyond that it is not, until it has come back,
///     or until so much uptime has gone by that it would be where it is: then a leap ahead has
///     become true, and a leap back is caught up with.
///
/// Losing the newest values loses ten minutes of uptime at most: everything takes longer by that.
package struct ReaperClock: Hashable, Sendable, Codable {
  static let hour = TimeSpan.hours(1).nanoseconds

  package private(set) var last: ReaperClocks?
  /// Nanoseconds, over all starts of the machine since this value was made.
  package private(set) var uptime: Int64 = 0
  /// What the wall clock shows at uptime 0 while it is followed.
  private var reference: Int64 = 0
  /// The reference from the next window on: what the wall clock showed when this one began.
  private var nextReference: Int64 = 0
  private var windowStart: Int64 = 0
  /// Leaps forward in this window, and in the one before.
  private var leapt: Int64 = 0
  private var leaptBefore: Int64 = 0
  private var distrust: Distrust?

  private struct Distrust: Hashable, Sendable, Codable {
    /// Uptimes.
    var since: Int64
    var until: Int64
  }

  package init() {}

  /// Whether the wall clock is followed.
  package var isTrusted: Bool { distrust == nil }

  /// The wall clock as it was before the leaps that are remembered.
  package var cautiousWall: Int64 {
    (last?.wall ?? 0).lowered(by: leapt).lowered(by: leaptBefore)
  }

  /// For how long something that began then has lasted in uptime, at least; 0 for what began after
  /// now. Exact up to an hour.
  package func uptime(since began: Int64) -> Int64 {
    min(max(0, cautiousWall.lowered(by: began)), uptime)
  }

  /// Goes on to another moment, and says by how much the wall clock leapt there.
  @discardableResult
  package mutating func advance(to now: ReaperClocks) -> Int64 {
    guard let last else {
      self.last = now
      follow()
      return 0
    }
    self.last = now
    let isSameBoot = last.bootID == now.bootID && last.boot <= now.boot
    let elapsed = isSameBoot ? now.boot - last.boot : max(0, now.boot)
    uptime = uptime.raised(by: elapsed)
    let leap = now.wall.lowered(by: last.wall).lowered(by: elapsed)

    let isNewWindow = uptime - windowStart >= Self.hour
    if isNewWindow {
      leaptBefore = elapsed >= Self.hour ? 0 : leapt
      leapt = 0
      windowStart = uptime
    }
    leapt = leapt.raised(by: max(0, leap))

    // For how long a machine was off is known from nothing else.
    if !isSameBoot, leap > 0, isTrusted {
      reference = reference.raised(by: leap)
      nextReference = nextReference.raised(by: leap)
    }
    judge()
    if isNewWindow, isTrusted {
      reference = nextReference
      nextReference = offset
    }
    return leap
  }

  /// Takes the wall clock as it is.
  package mutating func follow() {
    distrust = nil
    reference = offset
    nextReference = offset
  }

  private var offset: Int64 { (last?.wall ?? 0).lowered(by: uptime) }

  private mutating func judge() {
    let drift = offset.lowered(by: reference)
    let distance = drift == .min ? .max : abs(drift)
    guard distance > Self.hour else {
      distrust = nil
      return
    }
    var distrust = self.distrust ?? Distrust(since: uptime, until: uptime)
    distrust.until = max(distrust.until, distrust.since.raised(by: distance))
    self.distrust = distrust
    if uptime >= distrust.until { follow() }
  }
}

extension Int64 {
  /// The sum, or the nearest number that there is.
  func raised(by other: Int64) -> Int64 {
    let (sum, overflow) = addingReportingOverflow(other)
    return overflow ? (other > 0 ? .max : .min) : sum
  }

  /// The difference, or the nearest number that there is.
  func lowered(by other: Int64) -> Int64 {
    let (difference, overflow) = subtractingReportingOverflow(other)
    return overflow ? (other > 0 ? .min : .max) : difference
  }
}
