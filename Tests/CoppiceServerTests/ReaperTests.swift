import Coppice
import CoppiceEngine
import CoppiceLifecycle
import CoppicePlatform
import CoppiceServer
import Logging
import TestSupport
import Testing

/// Branches that end by themselves, by a clock that the test moves.
@Suite struct ReaperTests {
  private static let minute: UInt64 = 60 * 1_000_000_000
  private static let hour: UInt64 = 60 * minute

  final class Fixture {
    let disk = SimulatedDisk(seed: 1)
    let clock = SimulatedClock()
    private(set) var store: Store
    private(set) var reaper: Reaper

    init() throws {
      var generator = SplitMix64(seed: 7)
      store = try Store.create(disk: disk, clock: clock, Self.options) { generator.bytes($0) }
      reaper = Reaper(store, Doors(), bootID: "1")
    }

    private static var options: EngineOptions {
      var options = EngineOptions()
      options.pageByteCount = 4096
      options.usesThreads = false
      return options
    }

    /// Cuts the power and opens again.
    func crash() throws {
      disk.crash(seed: 1)
      store.engine.abandon()
      store = try Store.open(disk: disk, clock: clock, Self.options)
      reaper = Reaper(store, Doors(), bootID: "1")
    }

    func loseCatalogues() throws {
      try store.close()
      for file in disk.fileNames() where file.hasPrefix("catalogue-") {
        try disk.setContents(of: file, to: [])
      }
      var repair = RepairOptions()
      repair.acceptsLoss = true
      _ = try Engine.repair(disk: disk, clock: clock, options: Self.options, repair)
      store = try Store.open(disk: disk, clock: clock, Self.options)
      reaper = Reaper(store, Doors(), bootID: "1")
    }

    func make(_ name: String, _ ttl: Duration, _ more: (inout EntryTerms) -> Void = { _ in }) throws
    {
      var terms = EntryTerms(end: .after(ttl))
      more(&terms)
      try store.createBranch(name, terms: terms)
    }

    var context: RequestContext {
      RequestContext(
        store: store, work: Work(), files: OwnFiles(), doors: Doors(), principal: .administrator,
        reaper: reaper)
    }

    func states() throws -> [String: EntryState] {
      Dictionary(
        try store.entries(in: .all).map { ($0.name, $0.state) }, uniquingKeysWith: { $1 })
    }

    func set(_ policy: String) throws {
      try store.set("policy", to: Array(policy.utf8))
    }
  }

  @Test func `a branch expires, is deleted after the grace, and forgotten after its window`() throws
  {
    let fixture = try Fixture()
    try fixture.set(#"{"rules": [{"restoreWindow": "3h"}], "expiredGrace": "5h"}"#)
    try fixture.make("a", .seconds(3600))
    try fixture.make("b", .seconds(36_000))
    try fixture.store.createSnapshot("a@one")
    #expect(try fixture.reaper.run().expired.isEmpty)
    fixture.clock.advance(byNanoseconds: Self.hour)
    #expect(try fixture.reaper.preview().expired == ["a"])
    #expect(try fixture.reaper.run().expired == ["a"])
    #expect(try fixture.states() == ["a": .expired, "a@one": .expired, "b": .live])
    #expect(try fixture.reaper.run().expired.isEmpty)
    try fixture.crash()
    fixture.clock.advance(byNanoseconds: 5 * Self.hour)
    #expect(try fixture.reaper.run().deleted == ["a"])
    #expect(try fixture.states() == ["a": .deleted, "a@one": .deleted, "b": .live])
    _ = try fixture.store.collectGarbage()
    #expect(try fixture.states()["a"] == .deleted)
    try fixture.store.restore("a")
    #expect(try fixture.store.entry("a").expiresAt != nil)
    try fixture.store.delete(["a"])
    fixture.clock.advance(byNanoseconds: 3 * Self.hour)
    _ = try fixture.store.collectGarbage()
    #expect(try fixture.states() == ["b": .live])
  }

  @Test func `what is protected stays, and what was renewed since the plan`() throws {
    let fixture = try Fixture()
    for name in ["a", "b", "c"] { try fixture.make(name, .seconds(3600)) }
    try fixture.store.createSnapshot("c@kept")
    try fixture.store.protect(["a", "c@kept"])
    fixture.clock.advance(byNanoseconds: 2 * Self.hour)
    let report = try fixture.reaper.run()
    #expect(report.expired == ["b"])
    #expect(report.kept.map(\.name).sorted() == ["a", "c"])
    #expect(try fixture.states()["c"] == .live)
    let planned = try fixture.store.entries(in: .expired)
    try fixture.store.renew([Renewal(name: "b")])
    #expect(try !fixture.store.delete(asPlanned: planned, keepUntil: nil))
    let live = try fixture.store.entries().filter { $0.name == "b" }
    try fixture.store.protect(["b"])
    #expect(try !fixture.store.expire(asPlanned: live, for: .ttl))
    #expect(try fixture.states()["b"] == .live)
    try fixture.store.unprotect(["b"])
    #expect(try fixture.store.expire(asPlanned: live, for: .ttl))
    try fixture.store.delete(["b"])
    #expect(try !fixture.store.expire(asPlanned: live, for: .ttl))
  }

  @Test func `many that fall due at once end one in a minute until that is accepted`() throws {
    let fixture = try Fixture()
    for number in 0..<40 { try fixture.make("a\(number)", .seconds(3600)) }
    for number in 0..<40 { try fixture.store.createBranch("b\(number)") }
    fixture.clock.advance(byNanoseconds: Self.hour)
    let first = try fixture.reaper.run()
    #expect(first.expired.count == 1 && first.kept.count == 39)
    #expect(first.pauses == ["too many are due at once"])
    #expect(try fixture.reaper.run().expired.isEmpty)
    fixture.clock.advance(byNanoseconds: Self.minute)
    #expect(try fixture.reaper.run().expired.count == 1)
    try fixture.reaper.accept(38)
    try fixture.crash()
    #expect(try fixture.reaper.run().expired.count == 20)
    #expect(try fixture.reaper.run().expired.count == 18)
    #expect(try fixture.reaper.run().pauses.isEmpty)
  }

  @Test func `a clock that leaps ends nothing until somebody says that it is right`() throws {
    let fixture = try Fixture()
    try fixture.make("a", .seconds(7200))
    try fixture.reaper.run()
    fixture.clock.leap(byNanoseconds: 24 * Int64(Self.hour))
    let report = try fixture.reaper.run()
    #expect(report.expired.isEmpty && report.pauses == ["the clock leapt"])
    try fixture.crash()
    #expect(try fixture.reaper.run().expired.isEmpty)
    #expect(try fixture.states() == ["a": .live])
    try fixture.reaper.resume()
    #expect(try fixture.reaper.run().expired == ["a"])
    fixture.clock.leap(byNanoseconds: 48 * Int64(Self.hour))
    try fixture.reaper.resume()
    #expect(try fixture.reaper.run().deleted.isEmpty, "not expired for an hour of uptime")
    fixture.clock.advance(byNanoseconds: Self.hour)
    #expect(try fixture.reaper.run().deleted == ["a"])
  }

  @Test func `a pause outlives a restart and ends by itself`() throws {
    let fixture = try Fixture()
    try fixture.make("a", .seconds(60))
    try fixture.reaper.pause(for: .hours(2))
    fixture.clock.advance(byNanoseconds: Self.hour)
    try fixture.crash()
    let report = try fixture.reaper.run()
    #expect(report.expired.isEmpty && report.pausedUntil != nil)
    fixture.clock.advance(byNanoseconds: Self.hour)
    #expect(try fixture.reaper.run().expired == ["a"])
  }

  @Test func `a policy that ends something at once says so before it is set`() throws {
    let fixture = try Fixture()
    try fixture.make("a", .seconds(60))
    fixture.clock.advance(byNanoseconds: 2 * Self.hour)
    try fixture.reaper.run()
    fixture.clock.advance(byNanoseconds: 2 * Self.hour)
    func set(_ document: String, dryRun: Bool) throws -> PolicySetRequest.Answer {
      try PolicySetRequest(document: document, dryRun: dryRun).run(
        RequestContext(
          store: fixture.store, work: Work(), files: OwnFiles(), doors: Doors(),
          principal: .administrator, reaper: fixture.reaper))
    }
    #expect(try set(#"{"expiredGrace": "9h"}"#, dryRun: true).addition.ends.isEmpty)
    #expect(try set(#"{"expiredGrace": "1h"}"#, dryRun: true).addition.ends == ["a"])
    #expect(try fixture.store.setting("policy") == nil)
    let answer = try set(#"{"expiredGrace": "1h"}"#, dryRun: false)
    #expect(answer.addition.ends == ["a"] && answer.report.etag.count == 32)
    #expect(try fixture.reaper.run().deleted == ["a"])
    #expect(throws: StoreError.self) { try set(#"{"grace": "1h"}"#, dryRun: false) }
    #expect(throws: StoreError.self) {
      try PolicySetRequest(document: "{}", ifMatch: "another").run(
        RequestContext(
          store: fixture.store, work: Work(), files: OwnFiles(), doors: Doors(),
          principal: .administrator, reaper: fixture.reaper))
    }
  }

  @Test func `a branch that went far beyond its limit expires, with its snapshots`() throws {
    let fixture = try Fixture()
    let store = fixture.store
    let reaper = Reaper(store, Doors(), bootID: "1", limitExcessByteCountMin: 64 << 10)
    var random = SplitMix64(seed: 3)
    let names = ["a", "held", "protected"]
    for name in names {
      try store.createBranch(name, terms: EntryTerms(maxStoredByteCount: 1 << 20))
        .writeFile("file", random.bytes(600 << 10))
    }
    // Snapshots keep what is overwritten, so each time adds as much.
    func write(_ number: Int) throws {
      for name in names {
        try store.createSnapshot("\(name)@\(number)")
        let branch = try store.branch(name)
        try branch.write(branch.lookup("file"), at: 0, random.bytes(600 << 10))
      }
    }
    #expect(try reaper.run().expired.isEmpty)
    try write(0)
    #expect(try reaper.run().expired.isEmpty)
    try write(1)
    try store.protect(["protected", "held@1"])
    #expect(try reaper.preview().expired == ["a"])
    try reaper.pause(for: nil)
    #expect(try reaper.run().expired.isEmpty)
    try reaper.resume()
    let report = try reaper.run()
    #expect(report.expired == ["a"])
    #expect(
      report.kept.map(\.reason).sorted() == [
        "it is protected for ever", "its snapshot held@1 is protected",
      ])
    let expired = try store.entries(in: .expired).map(\.name)
    #expect(expired == ["a", "a@0", "a@1"])
    // It comes back, and stays with a greater limit.
    try store.renew([Renewal(name: "a")])
    #expect(try reaper.run().expired == ["a"])
    try store.setLimit("a", to: 4 << 20)
    try store.renew([Renewal(name: "a")])
    #expect(try reaper.run().expired.isEmpty)
  }

  /// Only a server has them hold: others go by what they say to the store themselves.
  @Test(arguments: [false, true])
  func `the space marks of a policy hold in a server from when it is set`(isServer: Bool) throws {
    let fixture = try Fixture()
    let logger = isServer ? Logger(label: "test") : nil
    let context = RequestContext(
      store: fixture.store, work: Work(), files: OwnFiles(), doors: Doors(),
      principal: .administrator, reaper: Reaper(fixture.store, Doors(), logger: logger))
    let document = #"{"space": {"freeByteCount": "3G", "freePercent": 25}}"#
    _ = try PolicySetRequest(document: document, dryRun: true).run(context)
    #expect(fixture.store.spaceMarks == nil)
    _ = try PolicySetRequest(document: document).run(context)
    let wanted = Coppice.SpaceMarks(freeByteCount: 3 << 30, freeShare: 0.25)
    #expect(fixture.store.spaceMarks == (isServer ? wanted : nil))
    _ = try PolicySetRequest(document: "{}").run(context)
    #expect(fixture.store.spaceMarks == (isServer ? Coppice.SpaceMarks() : nil))
  }

  @Test func `a baseline's keep rules let approved snapshots go, and nothing else does`() throws {
    let fixture = try Fixture()
    try fixture.store.createBranch("prod").writeFile("f", [1])
    var keep = BaselineKeep()
    keep.last = 2
    _ = try BaselineAddRequest(
      name: "prod", source: "branch:prod", file: nil, branch: "prod", class: nil, domain: nil,
      rules: BaselineRules(keep: keep), dryRun: false
    ).run(fixture.context)
    for day in 0..<3 {
      try fixture.store.createSnapshot("prod@\(day)", terms: EntryTerms(end: .after(.seconds(60))))
      let value = Array(#"{"by": "test"}"#.utf8)
      try fixture.store.annotate("prod@\(day)", [AnnotationChange(.approval, value)])
      fixture.clock.advance(byNanoseconds: 24 * Self.hour)
    }
    let report = try fixture.reaper.run()
    #expect(report.pruned == ["prod@0"] && report.expired.isEmpty)
    #expect(
      try fixture.states() == [
        "prod": .live, "prod@0": .deleted, "prod@1": .live, "prod@2": .live,
      ])
  }

  @Test func `a store whose catalogue was put together ends nothing until somebody looked`() throws
  {
    let fixture = try Fixture()
    try fixture.make("a", .seconds(60)) { $0.owner = "ana" }
    try fixture.store.branch("a").writeFile("f", [1])
    try fixture.loseCatalogues()
    #expect(try fixture.store.entry("a").owner == nil)
    try fixture.make("b", .seconds(60))
    fixture.clock.advance(byNanoseconds: Self.hour)
    let report = try fixture.reaper.run()
    #expect(report.expired.isEmpty && report.pauses == ["the store was repaired"])
    try fixture.crash()
    #expect(try fixture.reaper.run().expired.isEmpty)
    try fixture.reaper.resume()
    #expect(try fixture.reaper.run().expired == ["b"])
  }

  /// Whatever the crash leaves: nothing is lost that was not due, and the next pass goes on.
  @Test func `a power cut at any step of a pass is harmless`() throws {
    for count in 0..<24 {
      let fixture = try Fixture()
      for name in ["a", "b", "c"] { try fixture.make(name, .seconds(3600)) }
      try fixture.make("later", .seconds(36_000))
      fixture.clock.advance(byNanoseconds: Self.hour)
      fixture.disk.powerOff(beforeOperation: fixture.disk.operationCount + count)
      _ = try? fixture.reaper.run()
      try fixture.crash()
      #expect(try fixture.states()["later"] == .live)
      #expect(try fixture.states().count == 4)
      try fixture.reaper.run()
      let states = try fixture.states()
      #expect(["a", "b", "c"].allSatisfy { states[$0] == .expired }, "\(count): \(states)")
    }
  }
}
