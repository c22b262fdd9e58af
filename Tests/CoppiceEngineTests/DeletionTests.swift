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
    let main = try store.engine.branches.create(named: "main")
    let bytes = generator.bytes(300 * Self.page)
    try main.put(1, bytes)
    try store.engine.sealer.sealAll()
    var trials: [EngineBranch] = []
    for index in 0..<3 {
      let trial = try store.engine.branches.fork(main, named: "trial-\(index)", isReadOnly: false)
      try trial.put(1, at: UInt64(index * 9 * Self.page), generator.bytes(8 * Self.page))
      trials.append(trial)
    }
    try store.engine.sealer.sealAll()
    return (store, main, trials, bytes)
  }

  @Test func `what is deleted for good is gone on return, as much as was foretold`() throws {
    let (store, _, trials, bytes) = try prepare()
    let doomed = [trials[0], trials[1]]
    let foretold = try store.engine.accounts.spaceFreed(
      byForgetting: Set(doomed.map(\.id))
    ).byteCount
    #expect(foretold > 16 * UInt64(Self.page))
    let report = try store.engine.collector.deleteForGood(doomed)
    store.engine.checkInvariants()
    #expect(UInt64(report.freedByteCount) == foretold)
    #expect(report.collection.forgottenBranchCount == 2)
    for trial in doomed {
      let refusal = #expect(throws: StoreError.self) {
        try store.engine.branches.restore(trial.id, named: "again")
      }
      #expect(refusal?.kind == .notFound)
    }
    for name in ["trial-0", "trial-1"] {
      let proof = try store.engine.accounts.reclaimProof(ofDeleted: name)
      #expect(proof.isReclaimed)
      #expect(proof.uniqueByteCount > 8 * UInt64(Self.page))
    }
    try store.crash(seed: 1)
    #expect(store.engine.branches.entries().map(\.name) == ["main", "trial-2"])
    #expect(try store.engine.branches.named("main").all(1) == bytes)
    #expect(try store.engine.checks.check().findings == [])
  }

  @Test func `what was deleted before can be restored as before, and keeps what it shares`() throws
  {
    let (store, _, trials, _) = try prepare()
    let twin = try store.engine.branches.fork(trials[0], named: "twin", isReadOnly: false)
    let bytes = try #require(try twin.all(1))
    try store.engine.branches.delete([twin])
    store.clock.advance(byNanoseconds: 10_000_000_000_000)
    let foretold = try store.engine.accounts.spaceFreed(
      byForgetting: [trials[0].id])
    #expect(foretold.byteCount == 0)
    let estimate = try store.engine.accounts.deletionEstimate(of: [trials[0].id])
    #expect(estimate.freed.byteCount == 0 && estimate.sharedByteCount > 300 * UInt64(Self.page))
    let report = try store.engine.collector.deleteForGood([trials[0]])
    #expect(report.freedByteCount == 0)
    let proof = try store.engine.accounts.reclaimProof(ofDeleted: "trial-0")
    #expect(proof.isReclaimed && proof.uniqueByteCount == 0)
    for sharers in [estimate.sharers, proof.sharers] {
      let deleted = sharers.filter { $0.restorableUntil != nil }
      #expect(deleted.map(\.holder) == [.deleted(name: "twin")])
      #expect(sharers.contains { $0.holder == .branch(name: "main") })
    }
    #expect(report.collection.forgottenBranchCount == 1)
    try store.crash(seed: 2)
    let back = try store.engine.branches.restore(twin.id, named: "back")
    #expect(try back.all(1) == bytes)
    #expect(try store.engine.checks.check().findings == [])
  }

  /// Their changes are in the journal only: what is sealed of them still shows it.
  @Test(arguments: [false, true])
  func `what others have replaced goes with the last who shows it`(isFull: Bool) throws {
    let store = try TestStore()
    var generator = SplitMix64(seed: 3)
    let gone = try store.engine.branches.create(named: "gone")
    let bytes = generator.bytes(8 * Self.page)
    try gone.put(1, bytes)
    try store.engine.sealer.sealAll()
    let other = try store.engine.branches.fork(gone, named: "other", isReadOnly: false)
    try other.put(1, generator.bytes(8 * Self.page))
    let report = try store.engine.collector.deleteForGood([gone], isFull: isFull)
    #expect(report.uniquePageCount == 8)
    #expect(report.freedByteCount > 8 * Self.page)
    let proof = try store.engine.accounts.reclaimProof(ofDeleted: "gone")
    #expect(proof.isReclaimed && proof.uniquePageCount == 8)
    for page in stride(from: 0, to: bytes.count, by: Self.page) {
      let start = Array(bytes[page..<page + 64])
      for name in store.disk.fileNames() where name.hasPrefix("segments/") {
        #expect(try !store.disk.contents(of: name).contains(start), "page at \(page), \(name)")
      }
    }
  }

  /// What a fork took over in memory is not in any frame yet.
  @Test func `who goes on with unsealed changes is named`() throws {
    let store = try TestStore()
    let main = try store.engine.branches.create(named: "main")
    try main.put(1, [UInt8](repeating: 5, count: 6 * Self.page))
    let fork = try store.engine.branches.fork(main, named: "fork", isReadOnly: false)
    let estimate = try store.engine.accounts.deletionEstimate(of: [main.id])
    #expect(estimate.freed.byteCount == 0)
    #expect(estimate.sharedByteCount == 6 * UInt64(Self.page))
    #expect(estimate.sharers.map(\.holder) == [.branch(name: "fork")])
    _ = try store.engine.collector.deleteForGood([main])
    let proof = try store.engine.accounts.reclaimProof(ofDeleted: "main")
    #expect(proof.sharers.map(\.holder) == [.branch(name: "fork")])
    _ = try store.engine.collector.deleteForGood([fork])
    #expect(try store.engine.accounts.reclaimProof(ofDeleted: "main").sharers == [])
  }

  @Test func `of two branches of one name the proof is about the one deleted last`() throws {
    let store = try TestStore()
    for isForGood in [false, true] {
      store.clock.advance(byNanoseconds: 1000)
      let branch = try store.engine.branches.create(named: "twice")
      try branch.put(1, [UInt8](repeating: isForGood ? 1 : 2, count: 4 * Self.page))
      if isForGood {
        _ = try store.engine.collector.deleteForGood([branch])
      } else {
        try store.engine.branches.delete([branch])
      }
    }
    #expect(try store.engine.accounts.reclaimProof(ofDeleted: "twice").isReclaimed)
  }

  /// Branches and a snapshot in one call; each of the last operations is one at which it ends.
  @Test func `a deletion of several for good goes on after a power cut`() throws {
    var point = 0
    var isWhole = false
    while !isWhole {
      let (store, _, trials, bytes) = try prepare()
      let snapshot = try store.engine.branches.fork(
        trials[0], named: "trial-0@kept", isReadOnly: true)
      store.disk.powerOff(beforeOperation: store.disk.operationCount + point)
      do throws(StoreError) {
        _ = try store.engine.collector.deleteForGood([trials[0], trials[1], snapshot])
        isWhole = true
      } catch {}
      store.disk.clearFaults()
      try store.crash(seed: UInt64(point))
      if store.engine.branches.entries().count < 5 {
        #expect(store.engine.branches.entries().map(\.name) == ["main", "trial-2"])
        for name in ["trial-0", "trial-1", "trial-0@kept"] {
          let proof = try store.engine.accounts.reclaimProof(ofDeleted: name)
          #expect(proof.isPending || proof.isReclaimed, "\(name) before operation \(point)")
        }
        _ = try store.engine.collector.collectAutomatically()
        for name in ["trial-0", "trial-1", "trial-0@kept"] {
          let proof = try store.engine.accounts.reclaimProof(ofDeleted: name)
          #expect(proof.isReclaimed, "\(name) before operation \(point)")
        }
      }
      #expect(try store.engine.branches.named("main").all(1) == bytes)
      #expect(try store.engine.checks.check().findings == [])
      point += 3
    }
    #expect(point > 60)
  }

  /// The record comes while a collection is under way that took the branch for a root.
  @Test(arguments: [CollectionStep.begun, .marked, .chosen, .copied, .unlinked])
  func `a deletion during a collection cannot be undone, and another collection ends it`(
    step: CollectionStep
  ) throws {
    let (store, _, trials, bytes) = try prepare()
    let gone = try store.engine.branches.create(named: "gone")
    try gone.put(1, [UInt8](repeating: 7, count: 9 * Self.page))
    try store.engine.sealer.sealAll()
    try store.engine.branches.delete([gone])
    var full = CollectionOptions()
    full.isFull = true
    full.isYoung = true
    let engine = store.engine
    let outcome = Outcome()
    var thread: SystemThread?
    _ = try engine.collector.collectGarbage(full) { current in
      guard current == step, thread == nil else { return }
      thread = try? SystemThread(name: "deletes") {
        outcome.end(
          Result {
            try engine.collector.deleteForGood([trials[2]]) { outcome.noteForgotten() }
              .freedByteCount
          })
      }
      outcome.waitUntilForgotten()
      #expect(throws: StoreError.self) { try engine.branches.restore(trials[2].id, named: "again") }
      #expect(throws: StoreError.self) { try trials[2].pinnedView() }
      engine.checkInvariants()
    }
    try #require(thread).join()
    #expect(try #require(outcome.result).get() > 8 * Self.page)
    #expect(try store.engine.accounts.reclaimProof(ofDeleted: "trial-2").isReclaimed)
    try store.crash(seed: 3)
    #expect(try store.engine.branches.named("main").all(1) == bytes)
    #expect(try store.engine.checks.check().findings == [])
  }

  @Test func `where a node cannot be read the proof does not claim to be complete`() throws {
    let (store, _, _, _) = try prepare()
    try store.engine.close()
    let leaf = try store.damage(.volumeNode, at: 256, bit: 0, ofByte: 70)
    store.engine = try Engine.open(
      disk: store.disk, clock: store.clock, options: store.options)
    let report = try store.engine.collector.deleteForGood([store.engine.branches.named("trial-0")])
    #expect(report.collection.unreadable == ["frame 1/\(leaf.ordinal)"])
    let proof = try store.engine.accounts.reclaimProof(ofDeleted: "trial-0")
    #expect(!proof.isComplete && !proof.isReclaimed)
  }

  @Test func `a collection that fails leaves nothing to restore, and the next one ends it`() throws
  {
    let (store, main, trials, bytes) = try prepare()
    let used = store.disk.usedByteCount
    store.disk.capacity = used
    let failure = #expect(throws: StoreError.self) {
      try store.engine.collector.deleteForGood([trials[0]])
    }
    #expect(failure?.kind == .full)
    #expect(throws: StoreError.self) {
      try store.engine.branches.restore(trials[0].id, named: "again")
    }
    store.disk.capacity = .max
    try store.engine.branches.delete([trials[1]])
    var options = CollectionOptions()
    options.isFull = true
    _ = try store.engine.collector.collectGarbage(options)
    #expect(try store.engine.collector.eraseJournal() == 0)
    #expect(try store.engine.accounts.reclaimProof(ofDeleted: "trial-0").isReclaimed)
    #expect(try store.engine.accounts.reclaimProof(ofDeleted: "trial-1").isReclaimed)
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
