import CoppiceEngine
import CoppiceFormat
import CoppicePlatform
import TestSupport
import Testing

/// Branches that must be gone now.
@Suite struct DeletionTests {
  private static let page = 4096

  /// A large branch and small ones that diverged from it, all in one segment.
  private func prepare() throws -> (TestStore, main: EngineBranch, trials: [EngineBranch], [UInt8])
  {
    let store = try TestStore()
    var generator = SplitMix64(seed: 1)
    let main = try store.engine.createBranch(named: "main", domain: .standard)
    let bytes = generator.bytes(300 * Self.page)
    try main.put(1, bytes)
    try store.engine.sealAll()
    var trials: [EngineBranch] = []
    for index in 0..<3 {
      let trial = try store.engine.fork(main, named: "trial-\(index)", isReadOnly: false)
      try trial.put(1, at: UInt64(index * 9 * Self.page), generator.bytes(8 * Self.page))
      trials.append(trial)
    }
    try store.engine.sealAll()
    return (store, main, trials, bytes)
  }

  @Test func `what is deleted for good is gone on return, as much as was foretold`() throws {
    let (store, _, trials, bytes) = try prepare()
    let doomed = [trials[0], trials[1]]
    let foretold = try store.engine.spaceFreed(
      byForgetting: Set(doomed.map(\.id)), keepingDeleted: true
    ).byteCount
    #expect(foretold > 16 * UInt64(Self.page))
    let report = try store.engine.deleteForGood(doomed)
    store.engine.checkInvariants()
    #expect(UInt64(report.freedByteCount) == foretold)
    #expect(report.collection.forgottenBranchCount == 2)
    for trial in doomed {
      let refusal = #expect(throws: StoreError.self) {
        try store.engine.restore(trial.id, named: "again")
      }
      #expect(refusal?.kind == .notFound)
    }
    for name in ["trial-0", "trial-1"] {
      let proof = try store.engine.reclaimProof(ofDeleted: name)
      #expect(proof.isReclaimed)
      #expect(proof.uniqueByteCount > 8 * UInt64(Self.page))
    }
    try store.crash(seed: 1)
    #expect(store.engine.branchEntries().map(\.name) == ["main", "trial-2"])
    #expect(try store.engine.branch(named: "main").all(1) == bytes)
    #expect(try store.engine.check().findings == [])
  }

  @Test func `what was deleted before can be restored as before, and keeps what it shares`() throws
  {
    let (store, _, trials, _) = try prepare()
    let twin = try store.engine.fork(trials[0], named: "twin", isReadOnly: false)
    let bytes = try #require(try twin.all(1))
    try store.engine.delete([twin])
    store.clock.advance(byNanoseconds: 10_000_000_000_000)
    let foretold = try store.engine.spaceFreed(
      byForgetting: [trials[0].id], keepingDeleted: true)
    #expect(foretold.byteCount == 0)
    let report = try store.engine.deleteForGood([trials[0]])
    #expect(report.freedByteCount == 0)
    #expect(report.collection.forgottenBranchCount == 1)
    try store.crash(seed: 2)
    let back = try store.engine.restore(twin.id, named: "back")
    #expect(try back.all(1) == bytes)
    #expect(try store.engine.check().findings == [])
  }

  /// The record comes while a collection is under way that took the branch for a root.
  @Test(arguments: [CollectionStep.begun, .marked, .chosen, .copied, .unlinked])
  func `a deletion during a collection cannot be undone, and another collection ends it`(
    step: CollectionStep
  ) throws {
    let (store, _, trials, bytes) = try prepare()
    let gone = try store.engine.createBranch(named: "gone", domain: .standard)
    try gone.put(1, [UInt8](repeating: 7, count: 9 * Self.page))
    try store.engine.sealAll()
    try store.engine.delete([gone])
    var full = CollectionOptions()
    full.isFull = true
    full.isYoung = true
    let engine = store.engine
    let outcome = Outcome()
    var thread: SystemThread?
    _ = try engine.collectGarbage(full) { current in
      guard current == step, thread == nil else { return }
      thread = try? SystemThread(name: "deletes") {
        outcome.end(
          Result {
            try engine.deleteForGood([trials[2]]) { outcome.noteForgotten() }.freedByteCount
          })
      }
      outcome.waitUntilForgotten()
      #expect(throws: StoreError.self) { try engine.restore(trials[2].id, named: "again") }
      #expect(throws: StoreError.self) { try engine.pinnedView(of: trials[2]) }
      engine.checkInvariants()
    }
    try #require(thread).join()
    #expect(try #require(outcome.result).get() > 8 * Self.page)
    #expect(try store.engine.reclaimProof(ofDeleted: "trial-2").isReclaimed)
    try store.crash(seed: 3)
    #expect(try store.engine.branch(named: "main").all(1) == bytes)
    #expect(try store.engine.check().findings == [])
  }

  @Test func `where a node cannot be read the proof does not claim to be complete`() throws {
    let (store, _, _, _) = try prepare()
    try store.engine.close()
    let leaf = try store.damage(.volumeNode, at: 256, bit: 0, ofByte: 70)
    store.engine = try Engine.open(
      disk: store.disk, clock: store.clock, options: store.options)
    let report = try store.engine.deleteForGood([store.engine.branch(named: "trial-0")])
    #expect(report.collection.unreadable == ["frame 1/\(leaf.ordinal)"])
    let proof = try store.engine.reclaimProof(ofDeleted: "trial-0")
    #expect(!proof.isComplete && !proof.isReclaimed)
  }

  @Test func `a collection that fails leaves nothing to restore, and the next one ends it`() throws
  {
    let (store, main, trials, bytes) = try prepare()
    let used = store.disk.usedByteCount
    store.disk.capacity = used
    let failure = #expect(throws: StoreError.self) { try store.engine.deleteForGood([trials[0]]) }
    #expect(failure?.kind == .full)
    #expect(throws: StoreError.self) { try store.engine.restore(trials[0].id, named: "again") }
    store.disk.capacity = .max
    try store.engine.delete([trials[1]])
    var options = CollectionOptions()
    options.isFull = true
    _ = try store.engine.collectGarbage(options)
    #expect(try store.engine.eraseJournal() == 0)
    #expect(try store.engine.reclaimProof(ofDeleted: "trial-0").isReclaimed)
    #expect(try store.engine.reclaimProof(ofDeleted: "trial-1").isReclaimed)
    #expect(try main.all(1) == bytes)
  }
}

/// What a thread came to.
private final class Outcome: @unchecked Sendable {
  private let monitor = Monitor()
  private var hasForgotten = false
  private var ended: Result<Int, any Error>?

  var result: Result<Int, any Error>? { monitor.withLock { ended } }

  func noteForgotten() {
    monitor.withLock {
      hasForgotten = true
      monitor.broadcast()
    }
  }

  func end(_ result: Result<Int, any Error>) {
    monitor.withLock {
      ended = result
      monitor.broadcast()
    }
  }

  func waitUntilForgotten() {
    monitor.withLock { while !hasForgotten, ended == nil { monitor.wait() } }
  }
}
