import CoppiceEngine
import CoppiceFormat
import TestSupport
import Testing

@Suite struct YoungCollectionTests {
  private static let page = 4096

  private static var full: CollectionOptions {
    var options = CollectionOptions()
    options.isFull = true
    return options
  }

  private static var young: CollectionOptions {
    var options = CollectionOptions()
    options.isYoung = true
    return options
  }

  /// A branch of that many pages in segments that a collection has seen.
  private func prepare(pageCount: Int) throws -> (TestStore, EngineBranch, SplitMix64) {
    let store = try TestStore()
    var generator = SplitMix64(seed: 1)
    let main = try store.engine.branches.create(named: "main")
    for start in stride(from: 0, to: pageCount, by: 256) {
      let count = min(256, pageCount - start)
      try main.put(1, at: UInt64(start * Self.page), generator.bytes(count * Self.page))
    }
    try store.engine.sealer.sealAll()
    _ = try store.engine.collector.collectGarbage(Self.full)
    return (store, main, generator)
  }

  @Test func `a young collection visits what changed, however large the store is`() throws {
    var nodeCounts: [Int] = []
    for pageCount in [2_000, 8_000] {
      let (store, main, generator) = try prepare(pageCount: pageCount)
      var random = generator
      try main.put(1, at: 0, random.bytes(20 * Self.page))
      try store.engine.sealer.sealAll()
      let report = try store.engine.collector.collectGarbage(Self.young)
      #expect(report.isYoung)
      #expect(report.liveFrameCount + report.deadFrameCount < 40)
      nodeCounts.append(report.nodeCount)
    }
    #expect(nodeCounts[0] == nodeCounts[1])
    #expect(nodeCounts[0] <= 5)
  }

  @Test func `a branch made and deleted since the last collection is given back`() throws {
    let (store, main, generator) = try prepare(pageCount: 300)
    var random = generator
    let before = try store.engine.accounts.storeUsage()
    let trial = try store.engine.branches.fork(main, named: "trial", isReadOnly: false)
    try trial.put(1, random.bytes(200 * Self.page))
    try store.engine.sealer.sealAll()
    try store.engine.branches.delete([trial])
    let report = try store.engine.collector.collectGarbage(Self.young)
    #expect(report.forgottenBranchCount == 1)
    #expect(report.reclaimedSegmentCount == 1)
    let after = try store.engine.accounts.storeUsage()
    #expect(after.storedByteCount == before.storedByteCount)
    #expect(after.garbageByteCount == 0)
  }

  /// S27: what moved is old by its name, wherever it lies.
  @Test func `frames that moved to young hosts stay`() throws {
    let (store, main, generator) = try prepare(pageCount: 100)
    var random = generator
    let bytes = try #require(try main.all(1))
    let doomed = try store.engine.branches.create(named: "doomed")
    for round in 0..<4 {
      try doomed.put(1, random.bytes(100 * Self.page))
      try store.engine.sealer.sealAll()
      if round == 1 { _ = try store.engine.collector.collectGarbage(Self.full) }
      _ = try store.engine.collector.collectGarbage(Self.young)
    }
    try store.engine.branches.delete([doomed])
    _ = try store.engine.collector.collectGarbage(Self.full)
    _ = try store.engine.collector.collectGarbage(Self.young)
    _ = try store.engine.collector.collectGarbage(Self.young)
    try store.crash(seed: 1)
    #expect(try store.engine.branches.named("main").all(1) == bytes)
    #expect(try store.engine.checks.check().findings == [])
  }

  /// S10: a difference's base is older than itself, also across collections.
  @Test func `bases of young differences stay`() throws {
    let (store, main, generator) = try prepare(pageCount: 40)
    var random = generator
    var bytes = try #require(try main.all(1))
    for round in 0..<6 {
      let main = try store.engine.branches.named("main")
      for page in 0..<40 { bytes[page * Self.page + 10 * round] ^= 0xFF }
      if round == 3 { bytes.replaceSubrange(0..<Self.page, with: random.bytes(Self.page)) }
      try main.put(1, bytes)
      try store.engine.sealer.sealAll()
      _ = try store.engine.collector.collectGarbage(round % 2 == 0 ? Self.young : Self.full)
      try store.crash(seed: UInt64(round))
      #expect(try store.engine.branches.named("main").all(1) == bytes)
    }
    #expect(try store.engine.checks.check().findings == [])
  }

  @Test func `retired ids are forgotten when nothing bears them any more`() throws {
    let (store, main, generator) = try prepare(pageCount: 60)
    var random = generator
    for _ in 0..<6 {
      try main.put(1, random.bytes(30 * Self.page))
      try store.engine.sealer.sealAll()
      _ = try store.engine.collector.collectGarbage(Self.full)
    }
    try main.put(1, random.bytes(60 * Self.page))
    try store.engine.sealer.sealAll()
    let last = try store.engine.collector.collectGarbage(Self.full)
    #expect(last.forgottenSegmentCount > 0)
    try store.reopen()
    let inspector = StoreInspector(disk: store.disk)
    let catalogue = try #require(try inspector.catalogues().first).content.get()
    #expect(catalogue.retired.count <= 1)
  }

  @Test func `a collection goes on where the last run of the store left off`() throws {
    let (store, main, generator) = try prepare(pageCount: 500)
    var random = generator
    try main.put(1, random.bytes(10 * Self.page))
    try store.reopen()
    let report = try store.engine.collector.collectGarbage(Self.young)
    #expect(report.cycleNumber == 2)
    #expect(report.liveFrameCount < 20)
  }

  @Test func `damaged hints are no hints`() throws {
    let (store, main, _) = try prepare(pageCount: 100)
    let bytes = try #require(try main.all(1))
    try store.engine.close()
    for name in store.disk.fileNames().filter({ $0.hasPrefix("hints-") }) {
      let count = try store.disk.contents(of: name).count
      try store.disk.flipBit(3, at: UInt64(count - 1), in: name)
    }
    store.engine = try Engine.open(disk: store.disk, clock: store.clock, options: store.options)
    let report = try store.engine.collector.collectGarbage(Self.young)
    #expect(report.cycleNumber == 1)
    #expect(try store.engine.branches.named("main").all(1) == bytes)
  }

  @Test func `marks take a bit a frame`() throws {
    let (store, _, _) = try prepare(pageCount: 4_000)
    let report = try store.engine.collector.collectGarbage(Self.full)
    #expect(report.markByteCount < 1 << 20)
  }

  // MARK: Proofs

  private func change(_ branch: EngineBranch, page: Int) throws {
    try branch.put(1, at: UInt64(page * Self.page + 7), [1, 2, 3])
  }

  @Test func `a young collection proves the deletion of a branch that held nothing old alone`()
    throws
  {
    let (store, main, generator) = try prepare(pageCount: 600)
    var random = generator
    let trial = try store.engine.branches.fork(main, named: "trial", isReadOnly: false)
    try trial.put(1, random.bytes(20 * Self.page))
    // Differences to pages that the other branch has, or builds on too.
    for page in 30..<40 { try change(trial, page: page) }
    for page in 35..<40 { try change(main, page: page) }
    try store.engine.sealer.sealAll()
    try store.engine.branches.delete([trial])
    _ = try store.engine.collector.collectGarbage(Self.young)
    #expect(try store.engine.collector.eraseJournal() == 0)
    let proof = try store.engine.accounts.reclaimProof(ofDeleted: "trial")
    #expect(proof.isComplete)
    #expect(proof.isReclaimed)
    #expect(proof.uniquePageCount == 30)
  }

  @Test(arguments: ["page", "base"])
  func `a young collection does not prove what old segments may hold, and a full one does`(
    old: String
  ) throws {
    let (store, main, generator) = try prepare(pageCount: 600)
    var random = generator
    let trial = try store.engine.branches.fork(main, named: "trial", isReadOnly: false)
    if old == "base" {
      // Of what the branch has, only what one page builds on is old.
      try change(trial, page: 5)
      try trial.put(1, random.bytes(5 * Self.page))
      try trial.put(1, at: UInt64(6 * Self.page), random.bytes(594 * Self.page))
    }
    // From here on what is old is that branch's alone.
    try main.put(1, random.bytes(600 * Self.page))
    try store.engine.sealer.sealAll()
    try store.engine.branches.delete([trial])
    _ = try store.engine.collector.collectGarbage(Self.young)
    let early = try store.engine.accounts.reclaimProof(ofDeleted: "trial")
    #expect(!early.isComplete)
    #expect(!early.isReclaimed)
    _ = try store.engine.collector.collectGarbage(Self.full)
    try store.reopen()
    #expect(try store.engine.accounts.reclaimProof(ofDeleted: "trial").isReclaimed)
    #expect(try store.engine.accounts.storeUsage().garbageByteCount == 0)
  }
}
