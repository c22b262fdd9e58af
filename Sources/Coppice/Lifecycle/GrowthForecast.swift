/// When space runs out if it goes on as it did: a straight line through what was stored over the
/// last seven days, by least squares.
public struct GrowthForecast: Hashable, Sendable, Codable {
  /// What is added in a day; less than zero when it gets less.
  public var growthByteCountPerDay: Int64
  /// When the store's disk has no more free space; `nil` unless that is to come within a hundred
  /// years, and of a branch.
  public var fullAt: Timestamp?
  /// When a branch has added all that it may; `nil` likewise, and without a limit.
  public var limitAt: Timestamp?
  /// What it is drawn from, and how far that reaches back.
  public var sampleCount: Int
  public var sinceAt: Timestamp

  /// Where a forecast is drawn through.
  package struct Point: Hashable, Sendable {
    /// Nanoseconds since 1970.
    package var time: Int64
    package var byteCount: UInt64

    package init(time: Int64, byteCount: UInt64) {
      self.time = time
      self.byteCount = byteCount
    }
  }

  private static let windowNanoseconds: Int64 = 7 * 86_400 * 1_000_000_000
  private static let spanNanosecondsMin: Int64 = 3600 * 1_000_000_000
  private static let sampleCountMin = 6
  private static let horizonSeconds: Double = 100 * 365.25 * 86_400

  /// `nil` for fewer than six points in the last seven days, or less than an hour between them.
  ///
  /// - Parameters:
  ///   - points: in any order; those behind `now` are left out.
  ///   - free: bytes that the disk has left; `nil` where nothing fills it.
  ///   - room: bytes that a limit leaves.
  package init?(_ points: [Point], now: Int64, free: UInt64? = nil, room: UInt64? = nil) {
    let recent = points.filter { $0.time <= now && now - $0.time <= Self.windowNanoseconds }
    guard let first = recent.map(\.time).min(), let last = recent.map(\.time).max(),
      recent.count >= Self.sampleCountMin, last - first >= Self.spanNanosecondsMin
    else { return nil }
    let rate = Self.slope(recent, from: first)
    sampleCount = recent.count
    sinceAt = Timestamp(nanoseconds: first)
    growthByteCountPerDay = Int64(max(-9e18, min(9e18, (rate * 86_400).rounded())))
    fullAt = free.flatMap { Self.end(of: $0, at: rate, now) }
    limitAt = room.flatMap { Self.end(of: $0, at: rate, now) }
  }

  /// Bytes a second.
  private static func slope(_ points: [Point], from first: Int64) -> Double {
    let count = Double(points.count)
    let times = points.map { Double($0.time - first) / 1e9 }
    let values = points.map { Double($0.byteCount) }
    let (meanTime, meanValue) = (times.reduce(0, +) / count, values.reduce(0, +) / count)
    var (covariance, variance) = (0.0, 0.0)
    for (time, value) in zip(times, values) {
      covariance += (time - meanTime) * (value - meanValue)
      variance += (time - meanTime) * (time - meanTime)
    }
    return covariance / variance
  }

  private static func end(of room: UInt64, at rate: Double, _ now: Int64) -> Timestamp? {
    if room == 0 { return Timestamp(nanoseconds: now) }
    guard rate > 0, Double(room) / rate <= horizonSeconds else { return nil }
    let nanoseconds = Double(room) / rate * 1e9
    let (end, isOver) = now.addingReportingOverflow(Int64(nanoseconds))
    return isOver ? nil : Timestamp(nanoseconds: end)
  }
}
