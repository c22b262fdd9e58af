import Coppice
import CoppiceEngine
import CoppiceLifecycle
import CoppicePlatform
import CoppiceServer
import Foundation
import TestSupport
import Testing

/// Proofs of deletions that end at any moment.
@Suite struct OwedProofsTests {
  private final class Fixture {
    private let simulated: SimulatedStore
    var disk: SimulatedDisk { simulated.disk }
    var folder: TemporaryFolder { simulated.folder }
    var store: Store { simulated.store }
    private var endProofs: EndProofs { EndProofs(store) }

    init() throws {
      simulated = try SimulatedStore()
      var generator = SplitMix64(seed: 9)
      try store.createBranch("main").writeFile("shared", generator.bytes(40_000))
      try make()
      _ = try ProofKeyRequest(rotate: false).run(context)
    }

    func make() throws {
      var generator = SplitMix64(seed: 8)
      let branch = try store.createBranch("trial", from: "main")
      try branch.writeFile("own", generator.bytes(40_000))
      try branch.flush()
    }

    func crash(seed: UInt64?) throws { try simulated.crash(seed: seed) }

    var context: RequestContext {
      RequestContext(
        store: store, work: Work(), files: OwnFiles(), doors: Doors(),
        principal: .administrator(named: "ada"), endProofs: endProofs)
    }

    func delete(proof: Bool = true) throws -> BranchDeleteRequest.Answer {
      try BranchDeleteRequest(
        names: ["trial"], ifExists: false, snapshots: false, force: false, now: true,
        dryRun: false, proof: proof
      ).run(context)
    }

    func given() throws -> ReclaimPredicate {
      let envelope = try ProofGetRequest(name: "trial", id: nil).run(context)
      return try VerifiedProof(envelope, signedBy: ProofKeys(store).publicKeys[0])
        .statement.predicate
    }

    func proofFiles() throws -> [String] {
      try HostDirectory(path: folder("proofs")).names().map { String(decoding: $0, as: UTF8.self) }
        .filter { $0 != "." && $0 != ".." }
    }
  }

  private func kind(_ body: () throws -> Void) -> StoreError.Kind? {
    #expect(throws: StoreError.self) { try body() }?.kind
  }

  /// Of a branch that is there, and of one that can be restored.
  @Test(arguments: [(nil, false), (1, false), (2, true)] as [(UInt64?, Bool)])
  func `a deletion that ends at any moment leaves the branch, or a proof`(
    seed: UInt64?, isDeleted: Bool
  ) throws {
    let reference = try Fixture()
    if isDeleted { try reference.store.delete(["trial"]) }
    let start = reference.disk.operationCount
    _ = try reference.delete()
    let end = reference.disk.operationCount
    #expect(try reference.proofFiles().count == 1)
    var (keptCount, owedCount, thereCount) = (0, 0, 0)
    for point in start...end {
      let fixture = try Fixture()
      let id = try fixture.store.entry("trial").id
      if isDeleted { try fixture.store.delete(["trial"]) }
      fixture.disk.powerOff(beforeOperation: point)
      let answer = try? fixture.delete()
      try fixture.crash(seed: seed)
      let comment: Comment = "before operation \(point)"
      guard try !fixture.store.entries(in: .all).contains(where: { $0.id == id }) else {
        thereCount += 1
        #expect(answer == nil && kind { _ = try fixture.given() } == .notFound, comment)
        #expect(try ProofListRequest().run(fixture.context).proofs.isEmpty, comment)
        if isDeleted { try fixture.store.restore("trial") }
        // Somebody deletes it who wants no proof.
        _ = try fixture.delete(proof: false)
        #expect(kind { _ = try fixture.given() } == .notFound, comment)
        try fixture.make()
        _ = try fixture.delete()
        #expect(try fixture.given().branch.id != id, comment)
        #expect(try fixture.proofFiles().count == 1, comment)
        continue
      }
      if try KeptProofs(fixture.store).keys().isEmpty { owedCount += 1 } else { keptCount += 1 }
      #expect(try ProofListRequest().run(fixture.context).proofs.map(\.id) == [id], comment)
      let first = try fixture.given()
      #expect(first.branch.id == id && first.branch.parent == "main", comment)
      #expect(first.deletedBy == "ada", comment)
      #expect(try fixture.store.isWaitingForReaders(ofDeleted: [id]) == false, comment)
      #expect(try fixture.given().saysReclaimed, comment)
      _ = try OwedProofs(fixture.store).make()
      #expect(OwedProofs(fixture.store).keys() == [], comment)
      #expect(try fixture.proofFiles().count == 1, comment)
      #expect(try fixture.store.check().findings.isEmpty, comment)
    }
    #expect(keptCount > 0 && owedCount > 0 && thereCount > 0)
  }

  @Test func `a proof that could not be kept is made later`() throws {
    let fixture = try Fixture()
    let moved = fixture.folder("moved")
    let (folder, place) = (fixture.folder, fixture.folder("proofs"))
    fixture.disk.intercept(.sync, namePrefix: "journal") {
      try? FileManager.default.moveItem(atPath: place, toPath: moved)
      _ = try? folder.write("proofs", [])
    }
    let answer = try fixture.delete()
    #expect(answer.isReclaimed == true && answer.proof != nil)
    #expect(answer.notes.count == 1 && answer.notes[0].contains("does not keep the proof yet"))
    #expect(kind { _ = try fixture.given() } == .denied)
    try FileManager.default.removeItem(atPath: place)
    try FileManager.default.moveItem(atPath: moved, toPath: place)
    #expect(
      try CollectRequest(full: false, dryRun: false, explain: false).run(fixture.context)
        .addition.notes.isEmpty)
    #expect(try KeptProofs(fixture.store).keys().map(\.name) == ["trial"])
    #expect(try fixture.given().saysReclaimed && OwedProofs(fixture.store).keys() == [])
  }

  @Test func `a deletion that can note nothing goes on, and one that is refused leaves nothing`()
    throws
  {
    let fixture = try Fixture()
    try fixture.store.protect(["trial"])
    #expect(kind { _ = try fixture.delete() } == .denied)
    try fixture.store.unprotect(["trial"])
    #expect((try? fixture.proofFiles()) ?? [] == [])
    try? FileManager.default.removeItem(atPath: fixture.folder("proofs"))
    try fixture.folder.write("proofs", [])
    let answer = try fixture.delete()
    #expect(answer.isReclaimed == true && answer.proof != nil && answer.notes.count == 2)
    #expect(OwedProofs(fixture.store).keys() == [])
  }

  @Test func `of two deletions at once the first one notes who deletes`() throws {
    let fixture = try Fixture()
    let plan = try fixture.store.planForGood(["trial"])
    let first = try DeletionProof(of: plan, in: fixture.store, by: .administrator)
    let second = try DeletionProof(of: plan, in: fixture.store, by: .administrator)
    _ = try first.draft()
    #expect(kind { _ = try second.draft() } == .conflict)
    #expect(try fixture.proofFiles().count == 1)
    first.end()
    #expect(try fixture.proofFiles() == [])
    let setting = try second.draft()
    _ = try fixture.store.deleteForGood(["trial"], setting: setting)
    // As long as it is under way nobody else makes it.
    #expect(try OwedProofs(fixture.store).make() == 0)
    second.end()
    #expect(try OwedProofs(fixture.store).make() == 1)
  }

  @Test func `a draft that is damaged or gone keeps no other proof from being made`() throws {
    let fixture = try Fixture()
    var settings: [(key: String, value: [UInt8])] = []
    for name in ["trial", "other", "third"] {
      if name != "trial" { try fixture.store.createBranch(name) }
      let proof = try DeletionProof(
        of: fixture.store.planForGood([name]), in: fixture.store, by: .administrator)
      let setting = try proof.draft()
      _ = try fixture.store.deleteForGood([name], setting: setting)
      proof.end()
      settings.append(setting)
    }
    func draft(_ index: Int) -> String {
      "proofs/\(String(decoding: settings[index].value, as: UTF8.self)).owed"
    }
    try fixture.folder.write(draft(0), Array("{}".utf8))
    try FileManager.default.removeItem(atPath: fixture.folder(draft(1)))
    #expect(kind { _ = try OwedProofs(fixture.store).make() } == .corrupt)
    #expect(try KeptProofs(fixture.store).keys().map(\.name) == ["third"])
    #expect(OwedProofs(fixture.store).keys().map(\.name) == ["trial"])
    try FileManager.default.removeItem(atPath: fixture.folder(draft(0)))
    #expect(try OwedProofs(fixture.store).make() == 0)
    #expect(OwedProofs(fixture.store).keys() == [])
  }
}
