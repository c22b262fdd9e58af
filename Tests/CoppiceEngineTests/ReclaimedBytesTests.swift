import CoppiceEngine
import CoppiceFormat
import TestSupport
import Testing

/// What a deletion for good is foretold to free, what it frees, and what its proof finds gone.
@Suite struct ReclaimedBytesTests {
  private static let historiesPerArgument: UInt64 = 20

  @Test(arguments: 0..<10 as Range<UInt64>)
  func `foretold, freed and found gone are the same bytes`(block: UInt64) throws {
    let first = block * Self.historiesPerArgument
    for seed in first..<first + Self.historiesPerArgument { try run(seed) }
  }

  private func run(_ seed: UInt64) throws {
    let store = try TestStore()
    var history = RandomHistory(seed: seed)
    try history.run(store, stepCount: 60)
    let (branches, collector) = (store.engine.branches, store.engine.collector)
    var there = branches.entries().filter { !$0.flags.contains(.deleted) }
    // One, or some that went together.
    var targets: [EngineBranch] = []
    for _ in 0..<1 + history.generator.below(3) where !there.isEmpty {
      let chosen = there.remove(at: history.generator.below(there.count))
      targets.append(try branches.named(chosen.name))
    }
    let ids = Set(targets.map(\.id))
    // As `Store.spaceFreed` does.
    try store.engine.sealer.sealAll(besides: ids)
    let foretold = try store.engine.accounts.deletionEstimate(of: ids).freed.byteCount
    let report = try collector.deleteForGood(targets, isFull: history.generator.bool())
    #expect(UInt64(report.freedByteCount) == foretold, "seed \(seed)")
    let proof = try store.engine.accounts.reclaimProof(ofDeleted: ids, named: "deleted")
    #expect(Set(proof.entries.map(\.branch)) == ids && !proof.isPending && proof.isComplete)
    #expect(proof.held.allSatisfy { $0.holder != .nothing && $0.holder != .journal })
    #expect(proof.isReclaimed == proof.held.isEmpty, "seed \(seed)")
    #expect(report.uniqueByteCount - proof.heldByteCount == foretold, "seed \(seed)")
    #expect(proof.areAmountsKnown == (ids.count == 1))
    if ids.count == 1 {
      #expect(proof.uniqueByteCount == report.uniqueByteCount, "seed \(seed)")
      #expect(proof.uniquePageCount == report.uniquePageCount, "seed \(seed)")
      #expect(proof.reclaimedByteCount == foretold, "seed \(seed)")
    }
  }

  /// Each of them keeps thousands of frames that lie apart: together more than are remembered.
  @Test func `many snapshots that go at once with their branch are proven gone`() throws {
    let store = try TestStore()
    let pageCount = 6000
    var generator = SplitMix64(seed: 5)
    let gone = try store.engine.branches.create(named: "gone")
    let page = 4096
    for index in 0..<pageCount {
      try gone.put(1, at: UInt64(index * page), generator.bytes(64))
    }
    try store.engine.sealer.sealAll()
    let kept = try store.engine.branches.fork(gone, named: "kept", isReadOnly: false)
    for index in stride(from: 0, to: pageCount, by: 2) {
      try kept.put(1, at: UInt64(index * page), generator.bytes(64))
    }
    try store.engine.sealer.sealAll()
    var targets = [gone]
    for index in 0..<24 {
      targets.append(
        try store.engine.branches.fork(gone, named: "gone@\(index)", isReadOnly: true))
    }
    let ids = Set(targets.map(\.id))
    let report = try store.engine.collector.deleteForGood(targets)
    #expect(report.uniquePageCount == UInt64(pageCount / 2))
    let proof = try store.engine.accounts.reclaimProof(ofDeleted: ids, named: "gone")
    #expect(Set(proof.entries.map(\.branch)) == ids)
    #expect(proof.isComplete && !proof.isPending && !proof.areAmountsKnown)
    #expect(try store.engine.accounts.reclaimProof(ofDeleted: "gone@23").isComplete)
    #expect(try store.engine.accounts.reclaimProof(ofDeleted: "gone").isComplete)
    try store.crash(seed: 1)
    #expect(try store.engine.accounts.reclaimProof(ofDeleted: ids, named: "gone").isComplete)
  }

  @Test func `of entries that went together all must be known`() throws {
    let store = try TestStore()
    let kept = try store.engine.branches.create(named: "kept")
    let gone = try store.engine.branches.create(named: "gone")
    _ = try store.engine.collector.deleteForGood([gone])
    func kind(_ ids: Set<BranchID>) -> StoreError.Kind? {
      do throws(StoreError) {
        _ = try store.engine.accounts.reclaimProof(ofDeleted: ids, named: "x")
        return nil
      } catch { return error.kind }
    }
    #expect(kind([gone.id]) == nil)
    #expect(kind([gone.id, kept.id]) == .conflict)
    #expect(kind([gone.id, BranchID(99)]) == .notFound)
    try store.engine.branches.delete([kept])
    #expect(kind([kept.id]) == .conflict)
  }
}
