import CoppiceLifecycle
import Testing

/// When baselines are due, by clocks that go, leap and stand still.
@Suite struct RefreshScheduleTests {
  private static let second: Int64 = 1_000_000_000
  private static let hour = 3600 * second
  private static let day = 24 * hour
  /// A midnight.
  private static let midnight = 20_000 * day

  @Test(arguments: [
    "3:00", "24:00", "03:60", "03:0", "0300", "-1:00", "+1:00", "", ":", "03:00:00",
    "59s", "0", "6", "1x", "-6h", "03:00 ",
  ])
  func `other texts are no schedule`(_ text: String) { #expect(RefreshSchedule(text) == nil) }

  @Test func `a time of the day, or a span of a minute or more`() {
    #expect(RefreshSchedule("03:00") == .daily(minute: 180))
    #expect(RefreshSchedule("00:00") == .daily(minute: 0))
    #expect(RefreshSchedule("23:59") == .daily(minute: 1439))
    #expect(RefreshSchedule("60s") == .every(TimeSpan.minutes(1)))
    #expect(RefreshSchedule("6h") == .every(TimeSpan.hours(6)))
  }

  @Test func `a daily one is due once when its time comes`() throws {
    let schedule = try #require(RefreshSchedule("03:00"))
    let three = Self.midnight + 3 * Self.hour
    #expect(!schedule.isDue(since: three - Self.day, at: three - 1))
    #expect(schedule.isDue(since: three - Self.day, at: three))
    #expect(!schedule.isDue(since: three, at: three + Self.day - 1))
    #expect(schedule.isDue(since: three, at: three + Self.day))
    // One by hand shortly before does not take its place, one after does.
    #expect(schedule.isDue(since: three - Self.second, at: three))
    #expect(!schedule.isDue(since: three + Self.hour, at: three + 2 * Self.hour))
    // A server that was away for days does it once.
    #expect(schedule.isDue(since: three, at: three + 5 * Self.day))
    #expect(!schedule.isDue(since: three + 5 * Self.day, at: three + 5 * Self.day + Self.hour))
  }

  @Test func `a span counts from the last beginning`() throws {
    let schedule = try #require(RefreshSchedule("6h"))
    #expect(!schedule.isDue(since: Self.midnight, at: Self.midnight))
    #expect(!schedule.isDue(since: Self.midnight, at: Self.midnight + 6 * Self.hour - 1))
    #expect(schedule.isDue(since: Self.midnight, at: Self.midnight + 6 * Self.hour))
  }

  @Test func `a clock that leaps is no reason to wait for ever`() throws {
    let schedule = try #require(RefreshSchedule("6h"))
    #expect(!schedule.isDue(since: Self.midnight, at: Self.midnight - Self.hour))
    #expect(schedule.isDue(since: Self.midnight, at: Self.midnight - 6 * Self.hour))
    #expect(schedule.isDue(since: .min, at: .max) && schedule.isDue(since: .max, at: .min))
    let daily = try #require(RefreshSchedule("00:00"))
    #expect(!daily.isDue(since: Self.midnight + Self.hour, at: Self.midnight))
    #expect(daily.isDue(since: Self.midnight + Self.hour, at: Self.midnight - Self.day))
    for (last, now) in [(Int64.min, Int64.max), (.max, .min), (0, -1)] {
      _ = daily.isDue(since: last, at: now)
    }
  }

  @Test func `a baseline keeps its last runs, and a run once`() {
    var baseline = Baseline(
      name: "prod", dataClass: "raw", domain: "raw", source: "postgres:prod", sourceClass: "raw",
      rules: BaselineRules(), addedNanoseconds: 0)
    for index in 0..<30 {
      var run = BaselineRun(startedNanoseconds: Int64(index))
      for step in ["check", "transfer"] {
        run.step = step
        baseline.note(run)
      }
      run.fail("no luck", at: Int64(index) + 1)
      baseline.note(run)
    }
    #expect(baseline.runs?.map(\.startedNanoseconds) == (10..<30).map(Int64.init))
    #expect(baseline.runs?.allSatisfy { $0.outcome == .failed && $0.step == "transfer" } ?? false)
  }
}
