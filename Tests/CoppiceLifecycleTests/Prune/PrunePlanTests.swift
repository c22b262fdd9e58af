internal import CoppiceErrors
internal import CoppiceLifecycle
internal import Foundation
internal import TestSupport
internal import Testing

/// Which snapshots keep rules keep. `ResticTests` compares with restic.
@Suite struct PrunePlanTests {
  private static func moment(_ text: String) throws -> Int64 {
    Int64(try #require(ISO8601DateFormatter().date(from: text)).timeIntervalSince1970)
      * 1_000_000_000
  }

  private static func plan(
    _ times: [String], now: String = "2026-11-30T00:00:00Z", _ change: (inout KeepRules) -> Void
  ) throws -> PrunePlan {
    var rules = KeepRules()
    change(&rules)
    try rules.validate()
    return PrunePlan(
      try times.enumerated().map { index, text in
        PrunePlan.Candidate(id: UInt64(index), createdAt: try moment(text))
      }, rules, now: try moment(now))
  }

  @Test func `each rule keeps the newest of its periods`() throws {
    let times = [
      "2026-01-01T10:00:00Z", "2026-01-01T10:59:59Z", "2026-01-01T11:00:00Z",
      "2026-01-02T00:00:00Z", "2025-12-31T23:59:59Z", "2025-12-28T23:59:59Z",
    ]
    func kept(_ change: (inout KeepRules) -> Void) throws -> [UInt64] {
      try Self.plan(times, change).kept.map(\.id)
    }
    #expect(try kept { $0.last = 2 } == [3, 2])
    #expect(try kept { $0.hourly = 3 } == [3, 2, 1])
    #expect(try kept { $0.daily = 2 } == [3, 2])
    // The week of new year's day 2026 began on Monday, the 29th of December.
    #expect(try kept { $0.weekly = 5 } == [3, 5])
    #expect(try kept { $0.monthly = 5 } == [3, 4])
    #expect(try kept { $0.yearly = 1 } == [3])
    #expect(try kept { $0.within = .hours(13) } == [3])
    #expect(try kept { $0.within = TimeSpan(seconds: 13 * 3600 + 1) } == [3, 2])
    #expect(try Self.plan(times) { $0.weekly = 1 }.removed == [2, 1, 0, 4, 5])
  }

  @Test func `a snapshot stays for every reason that there is`() throws {
    let plan = try Self.plan(["2026-01-01T10:00:00Z", "2026-01-01T09:00:00Z"]) {
      $0.last = 1
      $0.daily = 1
      $0.hourly = -1
      $0.within = .days(1)
    }
    #expect(
      plan.kept == [
        PrunePlan.Kept(
          id: 0, reasons: ["within 1d", "last snapshot", "hourly snapshot", "daily snapshot"]),
        PrunePlan.Kept(id: 1, reasons: ["within 1d", "hourly snapshot"]),
      ])
    #expect(plan.removed == [])
  }

  @Test func `a snapshot of the future is not what within goes by`() throws {
    let times = ["2026-12-30T00:00:00Z", "2026-11-29T00:00:00Z", "2026-11-20T00:00:00Z"]
    #expect(try Self.plan(times) { $0.within = .days(2) }.kept.map(\.id) == [0, 1])
    let all = try Self.plan(times, now: "2026-01-01T00:00:00Z") { $0.within = .days(2) }
    #expect(all.removed == [])
  }

  @Test func `no snapshot at all leaves nothing to do`() throws {
    let plan = try Self.plan([]) { $0.last = 1 }
    #expect(plan.kept == [] && plan.removed == [])
  }

  @Test func `rules that keep nothing are refused`() throws {
    var empty = KeepRules()
    #expect(throws: StoreError.self) { try empty.validate() }
    empty.within = TimeSpan(seconds: 0)
    let error = try #require(throws: StoreError.self) { try empty.validate() }
    #expect(error.kind == .invalid)
    #expect("\(error.remedy)".contains("last, hourly, daily, weekly, monthly, yearly or within"))
    var negative = KeepRules()
    negative.weekly = -2
    let other = try #require(throws: StoreError.self) { try negative.validate() }
    #expect(other.kind == .invalid && other.message.contains("-2 is no number of weekly"))
  }

  @Test func `minus one keeps of all periods`() {
    var random = SplitMix64(seed: 4)
    for _ in 0..<200 {
      let candidates = (0..<random.below(40)).map { index in
        PrunePlan.Candidate(
          id: UInt64(index), createdAt: Int64(random.below(1 << 40)) * 1_000_000)
      }
      var endless = KeepRules()
      for path in [\KeepRules.last, \.hourly, \.daily, \.weekly, \.monthly, \.yearly] {
        if random.oneIn(3) { endless[keyPath: path] = -1 }
      }
      guard !endless.isEmpty else { continue }
      var many = endless
      for path in [\KeepRules.last, \.hourly, \.daily, \.weekly, \.monthly, \.yearly] {
        if many[keyPath: path] == -1 { many[keyPath: path] = 1000 }
      }
      #expect(
        PrunePlan(candidates, endless, now: .max) == PrunePlan(candidates, many, now: .max))
    }
  }

  @Test func `the calendar is Foundation's`() throws {
    var calendar = Calendar(identifier: .iso8601)
    calendar.timeZone = try #require(TimeZone(secondsFromGMT: 0))
    var random = SplitMix64(seed: 53)
    for _ in 0..<3000 {
      // From 1700 to 2260, and two moments that are in one period or in two by chance.
      let seconds = Int64(random.below(17_600_000_000)) - 8_500_000_000
      let other = seconds - Int64([600, 40_000, 400_000, 3_000_000][random.below(4)])
      let dates = [seconds, other].map {
        calendar.dateComponents(
          [.year, .month, .day, .hour, .weekOfYear, .yearForWeekOfYear],
          from: Date(timeIntervalSince1970: Double($0)))
      }
      let (a, b) = (dates[0], dates[1])
      let isSame: [(WritableKeyPath<KeepRules, Int>, Bool)] = [
        (\.yearly, a.year == b.year), (\.monthly, (a.year, a.month) == (b.year, b.month)),
        (\.daily, (a.year, a.month, a.day) == (b.year, b.month, b.day)),
        (\.hourly, (a.year, a.month, a.day, a.hour) == (b.year, b.month, b.day, b.hour)),
        (
          \.weekly,
          (a.yearForWeekOfYear, a.weekOfYear) == (b.yearForWeekOfYear, b.weekOfYear)
        ),
      ]
      for (path, expected) in isSame {
        var rules = KeepRules()
        rules[keyPath: path] = 2
        let plan = PrunePlan(
          [
            PrunePlan.Candidate(id: 1, createdAt: seconds * 1_000_000_000),
            PrunePlan.Candidate(id: 2, createdAt: other * 1_000_000_000),
          ], rules, now: .max)
        #expect((plan.removed == [2]) == expected, "\(seconds) \(other) \(path)")
      }
    }
  }
}
