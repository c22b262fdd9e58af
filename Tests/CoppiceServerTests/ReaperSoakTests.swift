import Coppice
import CoppiceServer
import Glibc
import TestSupport
import Testing

/// The whole life of thousands of branches, with power cuts between any two operations.
@Suite(.enabled(if: getenv("SOAK") != nil, "takes minutes: make soak runs it"))
struct ReaperSoakTests {
  private static let endedCount = 10_000
  private static let lastingCount = 100

  @Test func `10,000 branches expire, are deleted and forgotten, and no others`() throws {
    let fixture = try ReaperTests.Fixture()
    var random = SplitMix64(seed: UInt64(SeedRange.number("SEED") ?? 0))
    try fixture.set(#"{"expiredGrace": "2h", "rules": [{"restoreWindow": "1h"}]}"#)
    for number in 0..<Self.endedCount { try fixture.make("ends-\(number)", .seconds(3600)) }
    for number in 0..<Self.lastingCount { try fixture.store.createBranch("stays-\(number)") }

    /// Ticks until none is left in that state that ends.
    func pass(_ state: EntryStates, leaving count: Int) throws {
      var tickCount = 0
      while try fixture.store.entries(in: state).count > count {
        tickCount += 1
        try #require(tickCount < 2000)
        fixture.clock.advance(byNanoseconds: 10_000_000_000)
        if random.oneIn(10) {
          fixture.disk.powerOff(
            beforeOperation: fixture.disk.operationCount + random.below(300))
          _ = try? fixture.reaper.run()
          try fixture.crash()
        }
        let report = try fixture.reaper.run()
        let steps = report.expired.count + report.deleted.count
        #expect(steps <= (Self.endedCount + Self.lastingCount) / 100)
        if report.pauses.contains("too many are due at once"), steps <= 1 {
          try fixture.reaper.accept(random.below(Self.endedCount))
        }
      }
      let lasting = try fixture.store.entries().count { $0.name.hasPrefix("stays-") }
      #expect(lasting == Self.lastingCount)
    }

    let hour: UInt64 = 3600 * 1_000_000_000
    fixture.clock.advance(byNanoseconds: hour)
    let first = try fixture.reaper.run()
    #expect(first.expired.count == 1 && first.pauses == ["too many are due at once"])
    try pass(.live, leaving: Self.lastingCount)
    #expect(try fixture.store.entries(in: .expired).count == Self.endedCount)
    fixture.clock.advance(byNanoseconds: 2 * hour)
    try pass(.named, leaving: Self.lastingCount)
    fixture.clock.advance(byNanoseconds: 2 * hour)
    try fixture.reaper.run()
    _ = try fixture.store.collectGarbage()
    #expect(try fixture.store.entries(in: .all).count == Self.lastingCount)
    try fixture.store.close()
  }
}
