import Coppice
import CoppiceEngine
import CoppiceLifecycle
import CoppicePlatform
import CoppiceServer
import Logging
import TestSupport
import Testing

/// The life of a branch where the store's times end, and before they begin for most.
@Suite struct ClockEndTests {
  private static let hour: Int64 = 3600 * 1_000_000_000

  /// A store whose clock shows that time.
  private struct Fixture {
    let store: Store
    let clock: SimulatedClock
    let context: RequestContext

    init(wall: Int64) throws {
      var options = EngineOptions()
      options.pageByteCount = 4096
      options.usesThreads = false
      var generator = SplitMix64(seed: 7)
      clock = SimulatedClock(wallNanoseconds: wall)
      store = try Store.create(disk: SimulatedDisk(seed: 1), clock: clock, options) {
        generator.bytes($0)
      }
      context = RequestContext(
        store: store, work: Work(), files: OwnFiles(), doors: Doors(),
        principal: .administrator,
        reaper: Reaper(store, Doors(), bootID: "1", logger: Logger(label: "test")))
    }

    func create(_ name: String, _ terms: RequestedTerms) throws {
      _ = try BranchCreateRequest(name: name, from: "main", terms: terms).run(context)
    }

    func kind(_ body: () throws -> Void) -> StoreError.Kind? {
      #expect(throws: StoreError.self) { try body() }?.kind
    }
  }

  /// All but what has no end beyond today.
  private func live(_ fixture: Fixture) throws {
    let (store, context) = (fixture.store, fixture.context)
    let main = try store.createBranch("main")
    try main.writeFile("file", Array("content".utf8))
    try fixture.create("lasting", RequestedTerms(owner: "ana", labels: ["a=b"]))
    try store.createSnapshot("main@one")
    try store.protect(["lasting"])
    #expect(fixture.kind { try store.delete(["lasting"]) } == .denied)
    try store.unprotect(["lasting"])
    try store.expire(["lasting"])
    _ = try RenewRequest(names: ["lasting"]).run(context)
    try store.delete(["lasting"])
    try store.restore("lasting")
    _ = try context.reaper.run()
    _ = try context.reaper.preview()
    try context.reaper.pause(for: .hours(1))
    try context.reaper.resume()
    _ = try GrowthRequest(names: []).run(context)
    _ = try store.collectGarbage()
    let sinceMain = try store.entry("main").createdAt
    #expect(sinceMain.nanoseconds == fixture.clock.wallNanoseconds())
    #expect(try store.branch("main").read(main.lookup("file")) == Array("content".utf8))
    try store.delete(["lasting"])
    #expect(try store.entries(in: .deleted).map(\.name) == ["lasting"])
    #expect(try store.check().findings.isEmpty)
    try store.close()
  }

  @Test(arguments: [.max, .max - 1, .max - hour / 2] as [Int64])
  func `past 2262 nothing gets an end, and all else goes on`(wall: Int64) throws {
    let fixture = try Fixture(wall: wall)
    let store = fixture.store
    try store.createBranch("main")
    for terms in [
      RequestedTerms(ttlSeconds: 3600), RequestedTerms(leaseSeconds: 3600),
      RequestedTerms(expiresAt: Timestamp(nanoseconds: .max)),
    ] {
      #expect(fixture.kind { try fixture.create("ended", terms) } == .invalid, "\(terms)")
    }
    #expect(
      fixture.kind { try store.protect(["main"], until: .after(.seconds(3600))) } == .invalid)
    #expect(
      fixture.kind {
        _ = try RenewRequest(names: ["main"], ttlSeconds: 3600).run(fixture.context)
      } == .invalid)
    #expect(try store.entries(in: .all).map(\.name) == ["main"])
    try store.delete(["main"])
    try live(fixture)
  }

  @Test(arguments: [0, -1, -100 * 365 * 24 * hour] as [Int64])
  func `a clock that stands before 1970 is as good as another`(wall: Int64) throws {
    let fixture = try Fixture(wall: wall)
    try live(fixture)
  }

  @Test func `what was to end in 2262 is not lost when the clock has no time left`() throws {
    let fixture = try Fixture(wall: .max - 4 * Self.hour)
    let (store, clock) = (fixture.store, fixture.clock)
    try store.createBranch("main")
    try fixture.create("ended", RequestedTerms(ttlSeconds: 3600))
    try fixture.create("leased", RequestedTerms(leaseSeconds: 3600))
    try fixture.context.reaper.run()
    clock.advance(byNanoseconds: UInt64(2 * Self.hour))
    #expect(try fixture.context.reaper.run().expired == ["ended", "leased"])
    // Its end begins anew as long as that is a time.
    _ = try RenewRequest(names: ["ended"]).run(fixture.context)
    clock.advance(byNanoseconds: UInt64(Self.hour * 3 / 2))
    #expect(
      fixture.kind { _ = try RenewRequest(names: ["leased"]).run(fixture.context) } == .invalid)
    clock.advance(byNanoseconds: UInt64(48 * Self.hour))
    #expect(clock.wallNanoseconds() == .max)
    try fixture.context.reaper.run()
    #expect(try store.entries(in: .all).map(\.name) == ["ended", "leased", "main"])
    try store.close()
  }
}
