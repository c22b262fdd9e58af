import CoppiceEngine
import CoppiceFormat
import CoppicePlatform
import Glibc
import TestSupport
import Testing

/// Proofs of deletions beside those who keep some of what goes.
@Suite struct ReclaimProofTests {
  private static let page = 4096

  private static var full: CollectionOptions {
    var options = CollectionOptions()
    options.isFull = true
    return options
  }

  /// A large branch, and one with pages of its own in the same segment.
  private func prepare() throws -> (TestStore, doomed: EngineBranch) {
    let store = try TestStore()
    var generator = SplitMix64(seed: 1)
    let main = try store.engine.branches.create(named: "main", domain: .standard)
    try main.put(1, generator.bytes(200 * Self.page))
    let doomed = try store.engine.branches.create(named: "doomed", domain: .standard)
    var bytes = generator.bytes(20 * Self.page)
    try doomed.put(1, bytes)
    try store.engine.sealer.sealAll()
    // Differences, with bases that only they need.
    for page in 0..<5 { bytes[page * Self.page] ^= 1 }
    try doomed.put(1, bytes)
    try store.engine.sealer.sealAll()
    return (store, doomed)
  }

  private func proof(_ store: TestStore, _ name: String = "doomed") throws -> ReclaimProof {
    try store.engine.accounts.reclaimProof(ofDeleted: name)
  }

  /// S35.
  @Test func `a seal under way leaves nothing that no note has`() throws {
    let store = try TestStore()
    var generator = SplitMix64(seed: 3)
    let main = try store.engine.branches.create(named: "main", domain: .standard)
    try main.put(1, generator.bytes(100 * Self.page))
    try store.engine.sealer.sealAll()
    let doomed = try store.engine.branches.create(named: "doomed", domain: .standard)
    let secret = generator.bytes(20 * Self.page)
    try doomed.put(1, secret)
    var thread: SystemThread?
    let engine = store.engine
    store.disk.intercept(.sync, namePrefix: "segments/") {
      thread = try? SystemThread(name: "deletes") {
        _ = try? engine.collector.deleteForGood([doomed])
      }
      // Long enough for a deletion that waits for nobody.
      usleep(200_000)
    }
    try engine.sealer.sealAll()
    thread?.join()
    #expect(try proof(store).isReclaimed)
    let mark = Array(secret[0..<64])
    for file in store.disk.fileNames() where file.hasPrefix("segments/") {
      let bytes = try store.disk.contents(of: file)
      let isThere = stride(from: 0, through: bytes.count - 64, by: 1).contains {
        bytes[$0] == mark[0] && bytes[$0..<$0 + 64].elementsEqual(mark)
      }
      #expect(!isThere, "\(file)")
    }
  }

  // MARK: Readers and imports

  @Test func `a deletion for good waits for a reader, and goes on by itself`() throws {
    let (store, doomed) = try prepare()
    var view: PinnedView? = try doomed.pinnedView(followsSeals: true)
    let report = try store.engine.collector.deleteForGood([doomed])
    #expect(report.held.map(\.holder) == [.reader])
    #expect(report.held.allSatisfy { Int($0.byteCount) > 20 * Self.page })
    #expect(report.freedByteCount == 0)
    var early = try proof(store)
    #expect(early.uniquePageCount == 25)
    #expect(early.isPending && !early.isReclaimed && early.reclaimedByteCount == 0)
    #expect(early.held.map(\.holder) == [.reader])
    // Nothing to do as long as the reader is there, and nothing is lost on it.
    let cycleNumber = report.collection.cycleNumber
    #expect(try store.engine.collector.collectAutomatically() == nil)
    let another = try store.engine.collector.collectGarbage(Self.full)
    #expect(another.cycleNumber == cycleNumber + 1)
    early = try proof(store)
    #expect(early.isPending && early.held.map(\.holder) == [.reader])
    #expect(try view?.attributes(of: VolumeNumber(1))?.byteCount == UInt64(20 * Self.page))
    view = nil
    #expect(try proof(store).held.allSatisfy { $0.holder != .reader })
    #expect(try !proof(store).isReclaimed)
    #expect(try store.engine.collector.collectAutomatically() != nil)
    let late = try proof(store)
    #expect(late.isReclaimed && late.uniquePageCount == 25)
    #expect(late.reclaimedByteCount == late.uniqueByteCount)
    #expect(try store.engine.collector.collectAutomatically() == nil)
    try store.crash(seed: 1)
    #expect(try proof(store).isReclaimed)
    #expect(try store.engine.checks.check().findings == [])
  }

  @Test func `each reader's end gives back what only that one still held`() throws {
    let (store, doomed) = try prepare()
    var first: PinnedView? = try doomed.pinnedView()
    var generator = SplitMix64(seed: 2)
    try doomed.put(2, generator.bytes(20 * Self.page))
    try store.engine.sealer.sealAll()
    var second: PinnedView? = try doomed.pinnedView()
    _ = try store.engine.collector.deleteForGood([doomed])
    withExtendedLifetime((first, second)) {}
    let whole = try proof(store).heldByteCount
    second = nil
    #expect(try store.engine.collector.collectAutomatically() != nil)
    let half = try proof(store)
    #expect(half.isPending && half.held.map(\.holder) == [.reader])
    #expect(half.heldByteCount < whole)
    first = nil
    #expect(try store.engine.collector.collectAutomatically() != nil)
    #expect(try proof(store).isReclaimed)
  }

  @Test func `so it does for an import that does not come to its end`() throws {
    let (store, doomed) = try prepare()
    var staging: StagingImport? = try store.engine.imports.begin(replacing: doomed)
    let report = try store.engine.collector.deleteForGood([doomed])
    #expect(report.held.map(\.holder) == [.imports])
    let early = try proof(store)
    #expect(early.isPending && early.held.map(\.holder) == [.imports])
    #expect(try store.engine.collector.collectAutomatically() == nil)
    withExtendedLifetime(staging) {}
    staging = nil
    #expect(try store.engine.collector.collectAutomatically() != nil)
    #expect(try proof(store).isReclaimed)
  }

  @Test func `a crash ends the readers, and opening goes on with the deletion`() throws {
    let (store, doomed) = try prepare()
    let view = try doomed.pinnedView()
    _ = try store.engine.collector.deleteForGood([doomed])
    withExtendedLifetime(view) {}
    try store.crash(seed: 3)
    #expect(try proof(store).isPending)
    #expect(try store.engine.collector.collectAutomatically() != nil)
    #expect(try proof(store).isReclaimed)
  }

  @Test func `a collection notes what a reader holds of a branch that it forgets`() throws {
    let (store, doomed) = try prepare()
    var view: PinnedView? = try doomed.pinnedView()
    try store.engine.branches.delete([doomed])
    _ = try store.engine.collector.collectGarbage(Self.full)
    _ = try store.engine.collector.eraseJournal()
    withExtendedLifetime(view) {}
    let early = try proof(store)
    #expect(early.isComplete && !early.isReclaimed && early.uniquePageCount == 25)
    #expect(early.held.map(\.holder) == [.reader])
    view = nil
    let garbage = try proof(store)
    #expect(!garbage.isReclaimed && !garbage.held.isEmpty)
    #expect(garbage.held.allSatisfy { $0.holder != .reader })
    _ = try store.engine.collector.collectGarbage(Self.full)
    #expect(try proof(store).isReclaimed)
  }

  // MARK: One name

  @Test func `what an earlier branch of the name left is not hidden by the last one`() throws {
    let (store, doomed) = try prepare()
    // The segment is mostly live.
    try store.engine.branches.delete([doomed])
    var options = CollectionOptions()
    options.deadShareMin = 0.9
    _ = try store.engine.collector.collectGarbage(options)
    let first = try proof(store)
    #expect(!first.isReclaimed && first.heldByteCount > 20 * UInt64(Self.page))
    store.clock.advance(byNanoseconds: 1000)
    let second = try store.engine.branches.create(named: "doomed", domain: .standard)
    try second.put(2, [UInt8](repeating: 1, count: 3 * Self.page))
    try store.engine.branches.delete([second])
    _ = try store.engine.collector.collectGarbage(options)
    #expect(try store.engine.collector.eraseJournal() == 0)
    let both = try proof(store)
    #expect(both.entries.map(\.branch) == [doomed.id, second.id])
    #expect(both.entries.map(\.isReclaimed) == [false, true])
    #expect(!both.isReclaimed && both.uniquePageCount >= 25)
    #expect(both.reclaimedByteCount + both.heldByteCount == both.uniqueByteCount)
    _ = try store.engine.collector.collectGarbage(Self.full)
    #expect(try proof(store).isReclaimed)
  }

  // MARK: A lost record

  @Test func `a record of deletions that is lost is not taken for none`() throws {
    let (store, doomed) = try prepare()
    let nobody = #expect(throws: StoreError.self) { try proof(store, "nobody") }
    #expect(nobody?.message.contains("as far as is known") == true)
    _ = try store.engine.collector.deleteForGood([doomed])
    #expect(try proof(store).isReclaimed)
    try store.engine.close()
    try store.disk.flipBit(3, at: 30, in: "hints-collection")
    try store.open()
    var loss = #expect(throws: StoreError.self) { try proof(store) }
    #expect(loss?.kind == .notFound && loss?.message.contains("was lost") == true)
    let findings = try store.engine.checks.check().findings
    #expect(findings.map(\.object) == ["hints-collection"])
    #expect(findings.allSatisfy { $0.affected.isEmpty && $0.message.contains("no content is") })
    try store.engine.close()
    try store.disk.remove("hints-collection")
    try store.open()
    loss = #expect(throws: StoreError.self) { try proof(store) }
    #expect(loss?.message.contains("was lost") == true)
    #expect(try store.engine.checks.check().findings == [])
  }

  // MARK: After a crash

  /// How many of these pages lie in files of segments.
  private func pagesOnDisk(_ store: TestStore, _ bytes: [UInt8]) throws -> Int {
    let files = try store.disk.fileNames().filter { $0.hasPrefix("segments/") }
      .map { try store.disk.contents(of: $0) }
    return stride(from: 0, to: bytes.count, by: Self.page).count { start in
      files.contains { $0.firstRange(of: bytes[start..<start + 64]) != nil }
    }
  }

  @Test func `amounts are true, or not known, wherever a crash comes`() throws {
    var (point, isWhole, knownCount) = (0, false, 0)
    while !isWhole {
      let store = try TestStore()
      var generator = SplitMix64(seed: 6)
      let main = try store.engine.branches.create(named: "main", domain: .standard)
      try main.put(1, generator.bytes(30 * Self.page))
      let doomed = try store.engine.branches.create(named: "doomed", domain: .standard)
      let bytes = generator.bytes(10 * Self.page)
      try doomed.put(1, bytes)
      try store.engine.sealer.sealAll()
      let foretold = try store.engine.accounts.spaceFreed(byForgetting: [doomed.id])
      store.disk.powerOff(beforeOperation: store.disk.operationCount + point)
      do throws(StoreError) {
        _ = try store.engine.collector.deleteForGood([doomed])
        isWhole = true
      } catch {}
      store.disk.clearFaults()
      store.disk.crash(seed: UInt64(point))
      store.engine.abandon()
      // Nothing goes on with it before the proof.
      store.options.isReadOnly = true
      try store.open()
      if store.engine.branches.entries().count == 1 {
        let proof = try proof(store)
        #expect(proof.isPending || proof.isReclaimed, "before operation \(point)")
        if proof.areAmountsKnown {
          knownCount += 1
          #expect(proof.uniqueByteCount == foretold.byteCount, "before operation \(point)")
          let left = try pagesOnDisk(store, bytes)
          let lost = proof.uniqueByteCount - min(proof.uniqueByteCount, proof.reclaimedByteCount)
          #expect(lost >= left * Self.page, "before operation \(point): \(proof)")
          let held = proof.held.filter { $0.holder != .journal }.reduce(0) { $0 + $1.byteCount }
          #expect(held >= left * Self.page, "before operation \(point): \(proof)")
        }
      }
      store.engine.abandon()
      point += 1
    }
    #expect(knownCount > 10)
  }

  // MARK: What else has bytes of it

  @Test func `pages that differences of others build on stay, and are told`() throws {
    let store = try TestStore()
    var generator = SplitMix64(seed: 4)
    let doomed = try store.engine.branches.create(named: "doomed", domain: .standard)
    var bytes = generator.bytes(20 * Self.page)
    try doomed.put(1, bytes)
    try store.engine.sealer.sealAll()
    let fork = try store.engine.branches.fork(doomed, named: "fork", isReadOnly: false)
    for page in 0..<20 { bytes[page * Self.page] ^= 1 }
    try fork.put(1, bytes)
    try store.engine.sealer.sealAll()
    let report = try store.engine.collector.deleteForGood([doomed])
    #expect(report.basePageCount == 20 && report.baseByteCount >= 20 * UInt64(Self.page))
    #expect(report.freedByteCount < 4 * Self.page)
    let early = try proof(store)
    #expect(early.isComplete && !early.isPending && !early.isReclaimed)
    #expect(early.uniquePageCount == 20 && early.basePageCount == 20)
    #expect(early.baseByteCount == report.baseByteCount)
    #expect(early.held.map(\.holder) == [.branch(name: "fork")])
    #expect(early.heldByteCount == early.baseByteCount)
    #expect(try fork.all(1) == bytes)
    try store.reopen()
    _ = try store.engine.collector.deleteForGood([store.engine.branches.named("fork")])
    let late = try proof(store)
    #expect(late.isReclaimed && late.basePageCount == 0 && late.baseByteCount == 0)
  }

  @Test func `who has nothing but a node in common is not named`() throws {
    let store = try TestStore()
    var generator = SplitMix64(seed: 5)
    let main = try store.engine.branches.create(named: "main", domain: .standard)
    for volume in 1...40 as ClosedRange<UInt64> { try main.put(volume, generator.bytes(Self.page)) }
    try store.engine.sealer.sealAll()
    // Each keeps the other half of it, and builds on its table.
    for (name, volumes) in [("doomed", 1...20), ("other", 21...40)] {
      let fork = try store.engine.branches.fork(main, named: name, isReadOnly: false)
      for volume in volumes { try fork.put(UInt64(volume), generator.bytes(Self.page)) }
    }
    try store.engine.sealer.sealAll()
    let doomed = try store.engine.branches.named("doomed")
    let estimate = try store.engine.accounts.deletionEstimate(of: [doomed.id])
    #expect(estimate.sharers.map(\.holder) == [.branch(name: "main")])
    _ = try store.engine.collector.deleteForGood([doomed])
    let proof = try proof(store)
    #expect(proof.isReclaimed && proof.uniquePageCount == 20)
    #expect(proof.sharers.map(\.holder) == [.branch(name: "main")])
  }

  @Test func `folders that repairs left may have bytes of it, and are named`() throws {
    let (store, doomed) = try prepare()
    try store.disk.makeDirectory("repair-2")
    let report = try store.engine.collector.deleteForGood([doomed])
    #expect(report.repairFolders == ["repair-2"])
    let early = try proof(store)
    #expect(!early.isReclaimed && early.repairFolders == ["repair-2"])
    #expect(early.reclaimedByteCount == early.uniqueByteCount && early.held.isEmpty)
    try store.disk.rename("repair-2", to: "copies")
    #expect(try proof(store).isReclaimed)
  }

  @Test func `what a reader has in memory only is the branch's all the same`() throws {
    let store = try TestStore()
    let doomed = try store.engine.branches.create(named: "doomed", domain: .standard)
    try doomed.put(1, [UInt8](repeating: 5, count: 6 * Self.page))
    let view = try doomed.pinnedView()
    let report = try store.engine.collector.deleteForGood([doomed])
    #expect(report.freedByteCount == 6 * Self.page && report.held.isEmpty)
    let proof = try proof(store)
    #expect(proof.isReclaimed && proof.uniquePageCount == 6)
    withExtendedLifetime(view) {}
  }
}
