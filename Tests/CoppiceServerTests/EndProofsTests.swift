import Coppice
import CoppiceEngine
import CoppiceLifecycle
import CoppicePlatform
import CoppiceServer
import Foundation
import Glibc
import TestSupport
import Testing

/// Proofs of branches that ended by themselves.
@Suite struct EndProofsTests {
  private static let hour: UInt64 = 3600 * 1_000_000_000

  private final class Fixture {
    private let simulated: SimulatedStore
    var disk: SimulatedDisk { simulated.disk }
    var clock: SimulatedClock { simulated.clock }
    var folder: TemporaryFolder { simulated.folder }
    var store: Store { simulated.store }
    private(set) var reaper: Reaper
    private(set) var proofs: EndProofs

    init() throws {
      simulated = try SimulatedStore()
      reaper = Reaper(simulated.store, Doors(), bootID: "1")
      proofs = EndProofs(simulated.store)
      try store.set("policy", to: Array(#"{"expiredGrace": "1h"}"#.utf8))
      try store.createBranch("main").writeFile("shared", noise(1))
    }

    /// Cuts the power and opens again.
    func crash() throws {
      try simulated.crash(seed: 1)
      begin()
    }

    func open() throws {
      try simulated.open()
      begin()
    }

    private func begin() {
      reaper = Reaper(store, Doors(), bootID: "1")
      proofs = EndProofs(store)
    }

    func noise(_ seed: UInt64) -> [UInt8] {
      var generator = SplitMix64(seed: seed)
      return generator.bytes(40_000)
    }

    func make(_ name: String, _ terms: EntryTerms = EntryTerms(end: .after(.seconds(60)))) throws {
      try store.createBranch(name, from: "main", terms: terms)
        .writeFile("own", noise(UInt64(name.utf8.first ?? 2)))
      try store.branch(name).flush()
    }

    /// Two passes of the reaper, and as much time as it takes until a collection forgets.
    func end() throws {
      clock.advance(byNanoseconds: EndProofsTests.hour)
      try reaper.run()
      clock.advance(byNanoseconds: EndProofsTests.hour)
      try reaper.run()
    }

    func predicate(_ name: String, id: UInt64? = nil) throws -> ReclaimPredicate {
      let envelope = try KeptProofs(store).envelope(try KeptProofs(store).key(of: name, id: id))
      return try VerifiedProof(envelope, signedBy: ProofKeys(store).publicKeys[0])
        .statement.predicate
    }

    var context: RequestContext {
      RequestContext(
        store: store, work: Work(), files: OwnFiles(), doors: Doors(), principal: .administrator,
        reaper: reaper, endProofs: proofs)
    }

    /// Whether a mark of the bytes is in some segment or in the journal.
    func isStored(_ bytes: [UInt8]) throws -> Bool {
      try disk.fileNames().contains { name in
        guard name.hasPrefix("segments/") || name.hasPrefix("journal") else { return false }
        return Data(try disk.contents(of: name)).range(of: Data(bytes.prefix(48))) != nil
      }
    }
  }

  @Test func `a branch that ended by itself has a proof once it is forgotten`() throws {
    let fixture = try Fixture()
    var terms = EntryTerms(end: .after(.seconds(60)))
    terms.owner = "ana"
    terms.labels = ["pr": "42"]
    try fixture.make("a", terms)
    try fixture.store.createSnapshot("a@one")
    try fixture.make("b", EntryTerms(leasePeriod: .seconds(60)))
    // Seals all.
    _ = try fixture.store.collectGarbage()
    let (id, root) = (try fixture.store.entry("a").id, try fixture.store.rootHash(of: "a"))
    try fixture.end()
    #expect(try fixture.proofs.make().isEmpty, "it can be restored")
    _ = try fixture.store.collectGarbage(isFull: true)
    #expect(fixture.store.waitingEndCount == 2)
    let made = try fixture.proofs.make()
    #expect(made.map(\.name) == ["a", "b"] && made.map(\.cause) == [.ttl, .lease])
    #expect(made.allSatisfy { $0.outcome == .reclaimed })
    #expect(fixture.store.waitingEndCount == 0 && fixture.store.missedEndCount == 0)
    #expect(fixture.proofs.counts == [.reclaimed: 2])
    let predicate = try fixture.predicate("a")
    #expect(predicate.saysReclaimed && predicate.branch.id == id)
    #expect(predicate.branch.owner == "ana" && predicate.branch.labels == ["pr": "42"])
    #expect(predicate.branch.parent == "main" && predicate.branch.class == "raw")
    #expect(predicate.snapshots.map(\.name) == ["a@one"])
    #expect(predicate.ending == EntryEnding(.ttl) && predicate.deletedBy == nil)
    // What it held together with its snapshot is not known any more; of one alone it is.
    #expect(predicate.uniqueByteCount == nil)
    #expect(try fixture.predicate("b").uniquePageCount ?? 0 >= 10)
    let envelope = try ProofGetRequest(name: "a", id: nil).run(fixture.context)
    let statement = try VerifiedProof(envelope, signedBy: ProofKeys(fixture.store).publicKeys[0])
      .statement
    #expect(statement.subject[0].digest.coppiceRoot == root)
    let list = try ProofListRequest().run(fixture.context).proofs
    #expect(list.map(\.endedBy) == [.ttl, .lease])
    #expect(try fixture.store.check().findings.isEmpty)
    try fixture.crash()
    #expect(try fixture.proofs.make().isEmpty)
  }

  @Test func `who had it expire is told, and nothing is proven that nobody let end`() throws {
    let fixture = try Fixture()
    for name in ["a", "b", "c"] { try fixture.make(name) }
    try fixture.store.expire(["a", "b", "c"], by: "ana")
    try fixture.store.renew([Renewal(name: "c", end: .after(.seconds(60)))])
    try fixture.store.delete(["b"])
    fixture.clock.advance(byNanoseconds: Self.hour)
    try fixture.reaper.run()
    fixture.clock.advance(byNanoseconds: Self.hour)
    try fixture.reaper.run()
    try fixture.store.restore("c", end: .after(.seconds(36_000)))
    try fixture.store.delete(["c"])
    _ = try fixture.store.collectGarbage()
    #expect(try fixture.proofs.make().map(\.name) == ["a"])
    #expect(try fixture.predicate("a").ending == EntryEnding(.expire, by: "ana"))
  }

  @Test func `a collection makes the proofs, and says what kept it from that`() throws {
    let fixture = try Fixture()
    try fixture.make("a")
    try fixture.end()
    try fixture.folder.write("proofs", Array("no directory".utf8))
    func collect() throws -> CollectRequest.Answer {
      try CollectRequest(full: true, dryRun: false, explain: false).run(fixture.context)
    }
    let answer = try collect()
    #expect(answer.forgottenCount == 1 && answer.addition.notes.count == 1)
    #expect(answer.addition.notes[0].contains("have no proof yet"))
    var counts = try StatisticsRequest().run(fixture.context).addition.endProofs
    #expect(counts.waitingCount == 1 && counts.reclaimedCount == 0)
    try fixture.crash()
    #expect(throws: StoreError.self) { try fixture.proofs.make() }
    #expect(unlink(fixture.folder("proofs")) == 0)
    #expect(try collect().addition.notes.isEmpty)
    #expect(try fixture.predicate("a").saysReclaimed)
    counts = try StatisticsRequest().run(fixture.context).addition.endProofs
    #expect(counts.waitingCount == 0 && counts.reclaimedCount == 1 && counts.missedCount == 0)
  }

  @Test func `one that says that a reader holds something is made anew`() throws {
    let fixture = try Fixture()
    try fixture.make("a")
    var moment: Moment? = try fixture.store.moment(of: "a")
    try fixture.end()
    _ = try fixture.store.collectGarbage(isFull: true)
    #expect(try fixture.proofs.make().map(\.outcome) == [.held])
    #expect(try fixture.predicate("a").held.contains { $0.holder == .reader })
    #expect(try fixture.proofs.make().isEmpty)
    withExtendedLifetime(moment) {}
    moment = nil
    _ = try fixture.store.collectGarbage(isFull: true)
    #expect(try fixture.proofs.make().map(\.outcome) == [.reclaimed])
    #expect(try fixture.predicate("a").saysReclaimed)
    #expect(try KeptProofs(fixture.store).keys().count == 1)
  }

  @Test func `one that is early is not made anew for ever`() throws {
    let fixture = try Fixture()
    try fixture.make("a")
    let moment = try fixture.store.moment(of: "a")
    try fixture.end()
    _ = try fixture.store.collectGarbage()
    #expect(try fixture.proofs.make().map(\.outcome) == [.held])
    fixture.clock.advance(byNanoseconds: 8 * 24 * Self.hour)
    _ = try fixture.store.collectGarbage()
    #expect(try fixture.proofs.make().map(\.outcome) == [.held])
    #expect(fixture.store.waitingEndCount == 0)
    withExtendedLifetime(moment) {}
  }

  @Test func `what a young collection cannot know waits for one of all`() throws {
    let fixture = try Fixture()
    try fixture.make("a")
    _ = try fixture.store.collectGarbage()
    try fixture.make("b")
    try fixture.end()
    fixture.clock.advance(byNanoseconds: 2 * Self.hour)
    #expect(try fixture.store.collectGarbage(isYoung: true).forgottenCount == 0)
    // A day after the last collection of all segments one is due.
    #expect(try fixture.store.engine.collector.collectAutomatically() == nil)
    fixture.clock.advance(byNanoseconds: 24 * Self.hour)
    let report = try #require(try fixture.store.engine.collector.collectAutomatically())
    #expect(!report.isYoung && report.forgottenBranchCount == 2)
    #expect(try fixture.proofs.make().allSatisfy { $0.outcome == .reclaimed })
    #expect(try fixture.store.engine.collector.collectAutomatically() == nil)
  }

  @Test func `snapshots whose branch came back have no proof`() throws {
    let fixture = try Fixture()
    try fixture.make("a")
    try fixture.store.createSnapshot("a@one")
    try fixture.end()
    try fixture.store.restore("a", end: .after(.seconds(360_000)))
    _ = try fixture.store.collectGarbage()
    #expect(try fixture.proofs.make().isEmpty)
    #expect(fixture.store.waitingEndCount == 0 && fixture.store.missedEndCount == 0)
    #expect(try fixture.store.entries(in: .all).map(\.name) == ["a", "main"])
  }

  /// Whatever a power cut leaves: the next collection goes on, there is one proof, and it says
  /// that nothing is left only when nothing is.
  @Test func `a power cut at a step of the collection loses no proof`() throws {
    var outcomes: Set<EndProofs.Outcome> = []
    var count = 0
    while true {
      let fixture = try Fixture()
      try fixture.make("a")
      try fixture.store.createSnapshot("a@one")
      try fixture.end()
      fixture.disk.powerOff(beforeOperation: fixture.disk.operationCount + count)
      let isThrough: Bool
      do {
        _ = try fixture.store.collectGarbage(isFull: true)
        isThrough = true
      } catch { isThrough = false }
      try fixture.crash()
      let early = try fixture.proofs.make()
      _ = try fixture.store.collectGarbage(isFull: true)
      let late = try fixture.proofs.make()
      let last = try #require((early + late).last, "\(count)")
      outcomes.insert(last.outcome)
      let predicate = try fixture.predicate("a")
      #expect(predicate.snapshots.map(\.name) == ["a@one"])
      let isStored = try fixture.isStored(fixture.noise(UInt64(UInt8(ascii: "a"))))
      #expect(!predicate.saysReclaimed || !isStored, "\(count)")
      #expect(!isStored && last.outcome == .reclaimed, "\(count): \(last)")
      #expect(try fixture.store.check().findings.isEmpty)
      if isThrough { break }
      count += SeedRange.number("SEEDS") == nil ? 4 : 1
    }
    #expect(count > 20, "\(count)")
  }

  @Test func `of what was lost with the hints a proof says that it is not known`() throws {
    let fixture = try Fixture()
    try fixture.make("a")
    try fixture.end()
    _ = try fixture.store.collectGarbage(isFull: true)
    // Too little garbage to empty a segment for.
    try fixture.store.branch("main").writeFile("little", [1])
    _ = try fixture.store.collectGarbage()
    try fixture.store.branch("main").writeFile("little", [2])
    try fixture.store.close()
    try fixture.disk.setContents(of: "hints-collection", to: [1, 2, 3])
    try fixture.open()
    #expect(try fixture.proofs.make().isEmpty, "nobody looked yet")
    let report = try #require(try fixture.store.engine.collector.collectAutomatically())
    #expect(report.leftByteCount > 0)
    #expect(try fixture.proofs.make().map(\.outcome) == [.incomplete])
    var predicate = try fixture.predicate("a")
    #expect(!predicate.isReclaimed && !predicate.isComplete)
    #expect(predicate.notCovered.contains { $0.hasPrefix("Pages of the branch that are not") })
    // A full collection leaves nothing, whatever it was.
    _ = try fixture.store.collectGarbage(isFull: true)
    #expect(try fixture.proofs.make().map(\.outcome) == [.reclaimed])
    predicate = try fixture.predicate("a")
    #expect(predicate.saysReclaimed && predicate.uniqueByteCount == nil)
  }

  @Test func `many that ended at once have a proof each, of what was theirs`() throws {
    let fixture = try Fixture()
    let policy = #"{"expiredGrace": "1h", "reaper": {"massCount": 500, "stepCount": 200}}"#
    try fixture.store.set("policy", to: Array(policy.utf8))
    for number in 0..<200 {
      let terms = EntryTerms(end: .after(.seconds(60)))
      let branch = try fixture.store.createBranch("b\(number)", from: "main", terms: terms)
      try branch.writeFile("own", [UInt8](fixture.noise(UInt64(1000 + number)).prefix(9000)))
    }
    fixture.clock.advance(byNanoseconds: Self.hour)
    try fixture.reaper.run()
    fixture.clock.advance(byNanoseconds: Self.hour)
    try fixture.reaper.run()
    #expect(try fixture.store.entries(in: .deleted).count == 200)
    _ = try fixture.store.collectGarbage(isFull: true)
    let made = try fixture.proofs.make()
    #expect(made.count == 200 && made.allSatisfy { $0.outcome == .reclaimed })
    #expect(Set(try KeptProofs(fixture.store).keys().map(\.id)).count == 200)
    for number in stride(from: 0, to: 200, by: 37) {
      let predicate = try fixture.predicate("b\(number)")
      #expect(predicate.uniquePageCount ?? 0 >= 3 && predicate.saysReclaimed)
      #expect(predicate.reclaimedByteCount == predicate.uniqueByteCount)
    }
  }
}
