import Coppice
import CoppiceEngine
import TestSupport
import Testing

@Suite struct SpaceHistoryTests {
  private static let minute: UInt64 = 60_000_000_000

  @Test func `seals leave samples, a minute apart at least, and they last`() throws {
    let fixture = try StoreFixture()
    fixture.disk.capacity = 1 << 30
    var random = SplitMix64(seed: 1)
    let main = try fixture.store.createBranch("main")
    for index in 0..<80 {
      try main.writeFile(BranchPath("f\(index)"), random.bytes(20_000))
      try fixture.store.engine.sealer.sealAll()
      try main.writeFile(BranchPath("f\(index)"), random.bytes(20_000))
      try fixture.store.engine.sealer.sealAll()
      fixture.clock.advance(byNanoseconds: Self.minute)
    }
    let samples = fixture.store.spaceHistory()
    #expect((75...82).contains(samples.count))
    for (first, second) in zip(samples, samples.dropFirst()) {
      #expect(second.sampledAt.nanoseconds - first.sampledAt.nanoseconds >= Int64(Self.minute))
      #expect(second.storedByteCount > first.storedByteCount)
      #expect(second.freeByteCount < first.freeByteCount)
      #expect(second.garbageByteCount <= second.storedByteCount)
    }
    let forecast = try #require(fixture.store.spaceForecast())
    let rate = Double(forecast.growthByteCountPerDay) / 1440
    #expect(rate > 40_000 && rate < 80_000)
    #expect(try #require(forecast.fullAt).nanoseconds > fixture.clock.wallNanoseconds())
    let own = try #require(try fixture.store.growthForecast(of: "main"))
    #expect(own.limitAt == nil && own.growthByteCountPerDay > 0)
    try fixture.store.setLimit("main", to: 1 << 30)
    #expect(try fixture.store.growthForecast(of: "main")?.limitAt != nil)
    try fixture.reopen()
    #expect(fixture.store.spaceHistory().prefix(samples.count) == samples[...])
  }

  @Test func `years of samples stay few, and the newest close together`() throws {
    let fixture = try StoreFixture()
    let main = try fixture.store.createBranch("main")
    for index in 0..<6000 {
      try main.writeFile("f", [UInt8(index & 255)])
      try fixture.store.engine.sealer.sealAll()
      fixture.clock.advance(byNanoseconds: Self.minute)
    }
    let samples = fixture.store.spaceHistory()
    #expect(samples.count <= 2048 && samples.count > 1000)
    let first = try #require(samples.first), last = samples.suffix(100)
    #expect(
      fixture.clock.wallNanoseconds() - first.sampledAt.nanoseconds > 5900 * Int64(Self.minute))
    for (earlier, later) in zip(last, last.dropFirst()) {
      #expect(later.sampledAt.nanoseconds - earlier.sampledAt.nanoseconds == Int64(Self.minute))
    }
  }
}
