import Coppice
import CoppiceLifecycle
import CoppicePlatform
import CoppiceServer
import Synchronization
import TestSupport
import Testing

/// Deletions for good while somebody holds what goes.
@Suite struct DeletionForGoodTests {
  private let folder: TemporaryFolder
  private let store: Store

  init() throws {
    folder = try TemporaryFolder()
    let made = try Store.create(at: folder("store"))
    var generator = SplitMix64(seed: 1)
    try made.createBranch("trial").writeFile("data", generator.bytes(300_000))
    // So that all is in segments.
    try made.close()
    store = try Store.open(at: folder("store"))
  }

  private func context(_ work: Work = Work()) -> RequestContext {
    RequestContext(
      store: store, work: work, files: OwnFiles(), doors: Doors(), principal: .administrator)
  }

  private func request(wait: UInt64?) -> BranchDeleteRequest {
    BranchDeleteRequest(
      names: ["trial"], ifExists: false, snapshots: false, force: false, now: true, dryRun: false,
      proof: true, wait: wait)
  }

  private func verified(_ envelope: Envelope?) throws -> VerifiedProof {
    let keys = ProofKeys(store).publicKeys
    return try VerifiedProof(try #require(envelope), signedBy: keys[0])
  }

  @Test func `without waiting the proof says what a reader holds`() throws {
    let moment = try store.moment(of: "trial")
    let answer = try request(wait: 0).run(context())
    #expect(answer.isReclaimed == false && answer.held?.map(\.holder) == [.reader])
    let proof = try verified(answer.proof)
    #expect(proof.verdict == .held)
    #expect(proof.statement.predicate.held.map(\.holder) == [.reader])
    let early = try ProofGetRequest(name: "trial", id: nil).run(context())
    #expect(try verified(early).verdict == .held)
    withExtendedLifetime(moment) {}
  }

  @Test func `a proof that was early is made anew once the reader has ended`() throws {
    let freed = try store.spaceFreed(deleting: ["trial"]).freedByteCount
    var moment: Moment? = try store.moment(of: "trial")
    let answer = try request(wait: 0).run(context())
    withExtendedLifetime(moment) {}
    moment = nil
    #expect(
      try !store.isWaitingForReaders(ofDeleted: [
        verified(answer.proof).statement.predicate.branch.id
      ]))
    let late = try verified(try ProofGetRequest(name: "trial", id: nil).run(context()))
    #expect(late.verdict == .reclaimed)
    #expect(late.statement.predicate.reclaimedByteCount == freed)
  }

  @Test func `a deletion waits for a reader, and the proof says that all is gone`() throws {
    let freed = try store.spaceFreed(deleting: ["trial"]).freedByteCount
    let moment = Mutex<Moment?>(try store.moment(of: "trial"))
    // The reader ends once the deletion waits for it: its proof is kept by then.
    let store = store
    let reader = try SystemThread(name: "reads") {
      while (try? KeptProofs(store).keys().isEmpty) ?? true {
        Pause().wait(nanoseconds: 1_000_000)
      }
      moment.withLock { $0 = nil }
    }
    let answer = try request(wait: nil).run(context())
    reader.join()
    #expect(answer.isReclaimed == true && answer.held == [])
    #expect(answer.freedByteCount == freed)
    let proof = try verified(answer.proof)
    #expect(proof.verdict == .reclaimed)
    #expect(proof.statement.predicate.reclaimedByteCount == freed)
  }

  @Test func `whoever gives up waiting finds the proof in the store`() throws {
    let moment = try store.moment(of: "trial")
    let work = Work()
    let store = store
    let asking = try SystemThread(name: "gives up") {
      while (try? KeptProofs(store).keys().isEmpty) ?? true {
        Pause().wait(nanoseconds: 1_000_000)
      }
      work.cancel(because: StoreError(.unavailable, "gone"))
    }
    let answer = try request(wait: nil).run(context(work))
    asking.join()
    #expect(answer.isReclaimed == false)
    let kept = try KeptProofs(store).envelope(try KeptProofs(store).key(of: "trial"))
    #expect(kept == answer.proof)
    withExtendedLifetime(moment) {}
  }

  @Test func `the proof of a name is that of its last deletion, and of none while it is there`()
    throws
  {
    let older = try store.createBranch("older")
    func prove() throws -> UInt64 {
      try verified(request(wait: nil).run(context()).proof).statement.predicate.branch.id
    }
    func given(_ id: UInt64? = nil) throws -> UInt64 {
      let envelope = try ProofGetRequest(name: "trial", id: id).run(context())
      return try verified(envelope).statement.predicate.branch.id
    }
    func refusal() -> StoreError? {
      let error = #expect(throws: StoreError.self) { try given() }
      #expect(error?.remedy.description.contains("--id") == true)
      return error
    }
    let first = try prove()
    #expect(try given() == first)
    try store.createBranch("trial")
    let second = try store.entry("trial").id
    #expect(refusal()?.reason == .exists)
    try store.expire(["trial"])
    #expect(refusal()?.reason == .exists)
    try store.delete(["trial"])
    let unproven = refusal()
    #expect(unproven?.kind == .notFound && unproven?.message.contains("number \(second)") == true)
    _ = try store.collectGarbage()
    #expect(refusal()?.kind == .notFound)
    try store.createBranch("trial")
    let third = try prove()
    #expect(try given() == third && third != first)
    // One that was made before it, and was called so later.
    try store.rename("older", to: "trial")
    _ = try store.deleteForGood(["trial"])
    let unclear = refusal()
    #expect(unclear?.kind == .conflict && unclear?.message.contains(", \(third)") == true)
    for id in [first, third] { #expect(try given(id) == id) }
    withExtendedLifetime(older) {}
  }

  @Test func `keys are told, made and rotated by requests`() throws {
    let first = try ProofKeyRequest(rotate: false).run(context())
    #expect(first.isNew && first.note == nil && first.earlier.isEmpty)
    #expect(try !ProofKeyRequest(rotate: false).run(context()).isNew)
    let second = try ProofKeyRequest(rotate: true).run(context())
    #expect(second.isNew && second.earlier.map(\.keyID) == [first.keyID])
    #expect(second.earlier[0].publicKey == first.publicKey)
    #expect(try ProofListRequest().run(context()).proofs.isEmpty)
  }
}
