import Coppice
import CoppiceLifecycle
import Glibc
import TestSupport
import Testing

/// Proofs of deletions of a real store.
@Suite struct DeletionProofTests {
  private let folder: TemporaryFolder
  private var store: Store

  init() throws {
    folder = try TemporaryFolder()
    store = try Store.create(at: folder("store"))
  }

  /// All changes are in segments then.
  private mutating func reopen() throws {
    try store.close()
    store = try Store.open(at: folder("store"))
  }

  private func noise(_ seed: UInt64, _ count: Int = 200_000) -> [UInt8] {
    var generator = SplitMix64(seed: seed)
    return generator.bytes(count)
  }

  /// `trial`, which shares most with `main` and has some of its own.
  private func prepare() throws {
    let main = try store.createBranch("main")
    try main.writeFile("shared", noise(1))
    let trial = try store.createBranch("trial", from: "main")
    try trial.writeFile("own", noise(2))
    try trial.flush()
  }

  private func kept() throws -> ReclaimPredicate {
    let key = try KeptProofs(store).key(of: "trial")
    let keys = ProofKeys(store).publicKeys
    return try VerifiedProof(KeptProofs(store).envelope(key), signedBy: keys[0]).statement.predicate
  }

  @Test func `a proof has the bytes that were foretold and freed, and is kept`() throws {
    try prepare()
    let entry = try store.entry("trial")
    let foretold = try store.spaceFreed(deleting: ["trial"]).freedByteCount
    let rootHash = try store.rootHash(of: "trial")
    let proof = try DeletionProof(of: store.planForGood(["trial"]), in: store, by: .administrator)
    #expect(proof.ids == [entry.id])
    let summary = try #require(try store.deleteForGood(["trial"], recorded: { proof.keepFirst() }))
    let first = try kept()
    #expect(!first.isReclaimed && first.isPending && !first.saysReclaimed)
    let signed = try proof.sign(summary)
    #expect(signed.keepingFailure == nil)
    let verified = try VerifiedProof(
      signed.envelope.bytes, publicKey: proof.signing.key.publicKey.pem)
    #expect(verified.verdict == .reclaimed)
    #expect(verified.statement.subject.map(\.name) == ["trial"])
    #expect(verified.statement.subject[0].digest.coppiceRoot == rootHash)
    let predicate = verified.statement.predicate
    #expect(predicate.store == store.identifier && predicate.version == Store.version)
    #expect(predicate.branch.id == entry.id && predicate.branch.createdAt == entry.createdAt)
    #expect(predicate.branch.class == "raw" && predicate.branch.parent == "main")
    #expect(predicate.uniqueByteCount == foretold && summary.freedByteCount == foretold)
    #expect(predicate.reclaimedByteCount == foretold && predicate.heldByteCount == 0)
    #expect(predicate.uniquePageCount ?? 0 >= 25 && predicate.cycleNumber != nil)
    #expect(predicate.deletedBy == nil && predicate.exports.isEmpty)
    #expect(try kept() == predicate)
    #expect(try KeptProofs(store).keys().count == 1)
    // Nothing is left to find, so it is as it was.
    let key = try KeptProofs(store).key(of: "trial")
    #expect(try DeletionProof.renew(key, in: store) == signed.envelope)
    #expect(DeletionProof.kept(of: entry.id, named: "trial", in: store) == predicate)
    #expect(DeletionProof.kept(of: 99, named: "trial", in: store) == nil)
  }

  @Test func `a proof has the branch's owner, labels and origin`() {
    let branch = ReclaimStatement.sample().predicate.branch
    #expect(branch.owner == "ada" && branch.labels == ["pull-request": "7"])
    #expect(branch.origin?.baseline == "prod" && branch.origin?.snapshot == "prod@one")
    #expect(branch.origin?.id == 5 && branch.origin?.rootHash == "00")
  }

  @Test func `what a branch and its snapshots kept together counts once`() throws {
    try prepare()
    try store.createSnapshot("trial@one")
    try store.branch("trial").writeFile("more", noise(3))
    try store.createSnapshot("trial@two")
    let plan = ["trial", "trial@one", "trial@two"]
    let foretold = try store.spaceFreed(deleting: plan).freedByteCount
    let proof = try DeletionProof(
      of: store.planForGood(["trial"], includingSnapshots: true), in: store, by: .administrator)
    let summary = try store.deleteForGood(["trial"], includingSnapshots: true)
    let statement = try proof.sign(summary).statement
    #expect(statement.subject.map(\.name) == plan)
    #expect(statement.predicate.snapshots.map(\.name) == ["trial@one", "trial@two"])
    #expect(statement.predicate.saysReclaimed)
    #expect(statement.predicate.uniqueByteCount == foretold)
    // Without what the deletion said how much that was is not known.
    let later = try proof.sign(nil).statement.predicate
    #expect(later.saysReclaimed && later.uniqueByteCount == nil)
    #expect(later.reclaimedByteCount == nil)
  }

  @Test mutating func `what a reader holds is told, and gone once it has ended`() throws {
    try prepare()
    try reopen()
    let foretold = try store.spaceFreed(deleting: ["trial"]).freedByteCount
    let proof = try DeletionProof(of: store.planForGood(["trial"]), in: store, by: .administrator)
    var moment: Moment? = try store.moment(of: "trial")
    let summary = try store.deleteForGood(["trial"])
    let early = try proof.sign(summary).statement.predicate
    #expect(!early.saysReclaimed && early.isPending)
    #expect(early.held.map(\.holder) == [.reader] && early.heldByteCount > 100_000)
    #expect(early.uniqueByteCount == foretold)
    #expect(early.reclaimedByteCount == foretold - early.heldByteCount)
    #expect(try store.isWaitingForReaders(ofDeleted: proof.ids))
    withExtendedLifetime(moment) {}
    moment = nil
    #expect(try !store.isWaitingForReaders(ofDeleted: proof.ids))
    let key = try KeptProofs(store).key(of: "trial")
    let renewed = try DeletionProof.renew(key, in: store)
    let late = try VerifiedProof(renewed, signedBy: proof.signing.key.publicKey)
    #expect(late.verdict == .reclaimed)
    #expect(late.statement.predicate.uniqueByteCount == foretold)
    #expect(late.statement.predicate.branch == early.branch)
    #expect(try KeptProofs(store).keys() == [key])
  }

  @Test(arguments: [false, true])
  mutating func `what had been replaced before is covered if no garbage is left`(
    isFull: Bool
  ) throws {
    let main = try store.createBranch("main")
    try main.writeFile("data", noise(1, 8_000_000))
    try reopen()
    // Little is dead where that lies: not worth emptying the segment.
    let again = try store.branch("main")
    try again.write(again.lookup("data"), at: 0, noise(2, 8192))
    try reopen()
    _ = try store.collectGarbage()
    #expect(try store.spaceUsage().garbageByteCount > 8000)
    let trial = try store.createBranch("trial", from: "main")
    try trial.writeFile("own", noise(3))
    try reopen()
    let proof = try DeletionProof(of: store.planForGood(["trial"]), in: store, by: .administrator)
    let summary = try #require(try store.deleteForGood(["trial"], isFull: isFull))
    #expect(summary.hasLeftNothing == isFull)
    let predicate = try proof.sign(summary).statement.predicate
    #expect(predicate.saysReclaimed)
    #expect(predicate.notCovered.contains { $0.contains("replaced or removed") } != isFull)
    #expect(!predicate.notCovered.contains { $0.contains("journal") })
    #expect(predicate.notCovered.contains { $0.contains("pools") })
  }

  @Test func `a branch that is there has no proof, and nothing is deleted without a key`() throws {
    try prepare()
    let proof = try DeletionProof(of: store.planForGood(["trial"]), in: store, by: .administrator)
    let there = #expect(throws: StoreError.self) { try proof.sign(nil) }
    #expect(there?.kind == .conflict)
    try store.delete(["trial"])
    let restorable = #expect(throws: StoreError.self) { try proof.sign(nil) }
    #expect(restorable?.kind == .conflict)
    chmod(folder("store/keys"), 0o755)
    let refusal = #expect(throws: StoreError.self) {
      try DeletionProof(of: store.planForGood(["main"]), in: store, by: .administrator)
    }
    #expect(refusal?.kind == .denied)
    chmod(folder("store/keys"), 0o700)
    #expect(try KeptProofs(store).keys() == [])
  }

  @Test func `names that mean something else meanwhile are not deleted`() throws {
    try prepare()
    let id = try store.entry("trial").id
    for ids in [[], [id + 100], [id, id + 100]] as [Set<UInt64>] {
      let error = #expect(throws: StoreError.self) {
        try store.deleteForGood(["trial"], ids: ids)
      }
      #expect(error?.kind == .conflict)
    }
    #expect(try store.deleteForGood(["trial"], ids: [id]) != nil)
  }

  @Test func `a kept proof that no key of the store signed is not made anew`() throws {
    try prepare()
    let proof = try DeletionProof(of: store.planForGood(["trial"]), in: store, by: .administrator)
    _ = try store.deleteForGood(["trial"])
    var statement = try proof.sign(nil).statement
    statement.predicate.isReclaimed = false
    let key = try KeptProofs(store).key(of: "trial")
    let forged = try statement.signed(by: PrivateProofKey())
    try KeptProofs(store).keep(forged, as: key)
    let error = #expect(throws: StoreError.self) { try DeletionProof.renew(key, in: store) }
    #expect(error?.kind == .corrupt)
    #expect(DeletionProof.kept(of: statement.predicate.branch.id, named: "trial", in: store) == nil)
  }

  @Test func `a proof that cannot be kept is signed all the same`() throws {
    try prepare()
    try folder.write("store/proofs", [])
    let proof = try DeletionProof(of: store.planForGood(["trial"]), in: store, by: .administrator)
    let summary = try store.deleteForGood(["trial"], recorded: { proof.keepFirst() })
    let signed = try proof.sign(summary)
    #expect(signed.keepingFailure?.kind == .denied)
    #expect(signed.statement.predicate.saysReclaimed)
  }

  /// A copy of the store's files at that moment is what a killed process leaves.
  @Test mutating func `a deletion that was interrupted is not reclaimed until it is through`()
    throws
  {
    try prepare()
    try reopen()
    let proof = try DeletionProof(of: store.planForGood(["trial"]), in: store, by: .administrator)
    let (from, to) = (folder("store"), folder("killed"))
    _ = try store.deleteForGood(
      ["trial"],
      recorded: {
        proof.keepFirst()
        _ = try? Program("cp").check(["-r", from, to])
      })
    var options = Store.Options()
    options.isReadOnly = true
    let looking = try Store.open(at: folder("killed"), options: options)
    let key = try KeptProofs(looking).key(of: "trial")
    let publicKey = proof.signing.key.publicKey
    let first = try VerifiedProof(KeptProofs(looking).envelope(key), signedBy: publicKey)
    #expect(first.verdict == .held && first.statement.predicate.isPending)
    #expect(Set(first.statement.predicate.held.map(\.holder)) == [.nothing, .journal])
    #expect(first.statement.predicate.notCovered.contains { $0.contains("journal") })
    #expect(try !looking.verifyReclaim(ofEntries: proof.ids, named: "trial").isReclaimed)
    try looking.close()
    // Whoever opens it to write goes on.
    let opened = try Store.open(at: folder("killed"))
    _ = try opened.isWaitingForReaders(ofDeleted: proof.ids)
    let late = try VerifiedProof(DeletionProof.renew(key, in: opened), signedBy: publicKey)
    #expect(late.verdict == .reclaimed)
    #expect(late.statement.predicate.uniqueByteCount == first.statement.predicate.uniqueByteCount)
    try opened.close()
  }
}
