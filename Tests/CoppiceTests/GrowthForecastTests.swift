import Coppice
import Testing

@Suite struct GrowthForecastTests {
  private static let hour: Int64 = 3_600_000_000_000
  private static let now: Int64 = 1_800_000_000_000_000_000

  private func points(
    _ count: Int, each: Int64, from start: UInt64 = 1 << 30, growing: UInt64
  ) -> [GrowthForecast.Point] {
    (0..<count).map { index in
      GrowthForecast.Point(
        time: Self.now - Int64(count - 1 - index) * each,
        byteCount: start + UInt64(index) * growing)
    }
  }

  @Test func `a straight line goes on as it was`() throws {
    let forecast = try #require(
      GrowthForecast(
        points(25, each: Self.hour, growing: 1 << 20), now: Self.now, free: 240 << 20,
        room: 12 << 20))
    #expect(forecast.growthByteCountPerDay == 24 << 20)
    #expect(forecast.sampleCount == 25)
    #expect(forecast.sinceAt.nanoseconds == Self.now - 24 * Self.hour)
    let full = try #require(forecast.fullAt)
    #expect(abs(full.nanoseconds - Self.now - 240 * Self.hour) < Self.hour / 100)
    let limit = try #require(forecast.limitAt)
    #expect(abs(limit.nanoseconds - Self.now - 12 * Self.hour) < Self.hour / 100)
  }

  @Test func `too little tells nothing`() {
    let few = points(5, each: Self.hour, growing: 1)
    #expect(GrowthForecast(few, now: Self.now) == nil)
    let close = points(60, each: Self.hour / 60, growing: 1)
    #expect(GrowthForecast(close, now: Self.now) == nil)
    #expect(GrowthForecast([], now: Self.now) == nil)
    // What is older than a week does not count, nor what a clock took that was ahead.
    let old = points(20, each: 48 * Self.hour, growing: 1)
    #expect(GrowthForecast(old, now: Self.now) == nil)
    let ahead = points(20, each: Self.hour, growing: 1)
    #expect(GrowthForecast(ahead, now: Self.now - 15 * Self.hour) == nil)
  }

  @Test func `what shrinks or stands still never ends`() throws {
    let still = try #require(
      GrowthForecast(points(9, each: Self.hour, growing: 0), now: Self.now, free: 5, room: 5))
    #expect(still.growthByteCountPerDay == 0)
    #expect(still.fullAt == nil && still.limitAt == nil)
    let falling = points(9, each: Self.hour, growing: 1 << 10).map {
      GrowthForecast.Point(time: 2 * Self.now - 8 * Self.hour - $0.time, byteCount: $0.byteCount)
    }
    let shrinking = try #require(GrowthForecast(falling, now: Self.now, free: 5))
    #expect(shrinking.growthByteCountPerDay == -24 << 10)
    #expect(shrinking.fullAt == nil)
  }

  @Test func `what has no room left ends now, and what lasts a century has no end`() throws {
    let line = points(9, each: Self.hour, growing: 1)
    let full = try #require(GrowthForecast(line, now: Self.now, free: 0, room: .max))
    #expect(full.fullAt?.nanoseconds == Self.now)
    #expect(full.limitAt == nil)
  }

  @Test func `single samples off the line do not bend it much`() throws {
    var line = points(101, each: Self.hour, growing: 1 << 20)
    line[50].byteCount += 3 << 20
    let forecast = try #require(GrowthForecast(line.shuffled(), now: Self.now))
    #expect(abs(forecast.growthByteCountPerDay - 24 << 20) < 1 << 18)
  }

  @Test(
    arguments: [
      (100, 1000, .everyone), (30, 1000, .everyone), (29, 1000, .lasting), (15, 1000, .lasting),
      (14, 1000, .protected), (0, 1000, .protected), (20, 100, .everyone), (19, 100, .lasting),
      (9, 100, .protected),
    ] as [(UInt64, UInt64, SpaceMarks.Level)])
  func `marks are the greater of a share and an amount`(
    free: UInt64, total: UInt64, level: SpaceMarks.Level
  ) {
    let marks = SpaceMarks(freeByteCount: 20, freeShare: 0.03)
    #expect(marks.level(free: free, total: total) == level)
  }
}
