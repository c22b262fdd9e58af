import CoppiceEngine
import CoppiceFormat
import CoppicePlatform
import Glibc
import TestSupport
import Testing

/// Schedules that would lose data, or the way back into the store, if one rule were missing.
@Suite struct HazardTests {
  private static let page = 4096

  private static var full: CollectionOptions {
    var options = CollectionOptions()
    options.isFull = true
    return options
  }

  /// What is appended from here on goes to a new segment.
  private func closeSegments(_ store: TestStore) throws {
    var options = CollectionOptions()
    options.isDryRun = true
    _ = try store.engine.collector.collectGarbage(options)
  }

  private func segmentNames(_ store: TestStore) -> [String] {
    store.disk.fileNames().filter { $0.hasPrefix("segments/") }
  }

  // MARK: Collections beside seals and imports

  @Test func `stored pages can be shared at the moment at which a collection moves them`() throws {
    let store = try TestStore()
    var generator = SplitMix64(seed: 12)
    let main = try store.engine.branches.create(named: "main")
    let bytes = generator.bytes(100 * Self.page)
    try main.put(1, bytes)
    let doomed = try store.engine.branches.create(named: "doomed")
    try doomed.put(1, generator.bytes(100 * Self.page))
    try store.engine.sealer.sealAll()
    let refs = try main.storedRefs(of: VolumeNumber(1), pages: 0..<100)
    try store.engine.branches.delete([doomed])
    var outcome: Result<LSN, any Error>?
    let report = try store.engine.collector.collectGarbage(Self.full) { step in
      guard step == .copied else { return }
      store.disk.intercept(.sync, namePrefix: "journal/") {
        var copy = Transaction(time: 1)
        copy.share(VolumeNumber(2), at: 0, refs)
        outcome = Result { try main.commit(copy) }
      }
    }
    #expect(report.reclaimedSegmentCount == 1)
    #expect(throws: Never.self) { try outcome?.get() }
    #expect(try main.all(2) == bytes)
  }

  @Test func `a host is named by one publish, not again after it is gone`() throws {
    let store = try TestStore()
    var generator = SplitMix64(seed: 11)
    let main = try store.engine.branches.create(named: "main")
    try main.put(1, generator.bytes(100 * Self.page))
    let doomed = try store.engine.branches.create(named: "doomed")
    try doomed.put(1, generator.bytes(100 * Self.page))
    try store.engine.sealer.sealAll()
    try store.engine.branches.delete([doomed])
    var records: [LSN] = []
    _ = try store.engine.collector.collectGarbage(Self.full) { step in
      guard step == .copied else { return }
      for _ in 0..<3 {
        records.append(store.engine.journal.lastLSN)
        #expect(throws: Never.self) { try store.engine.sealer.publishAppended() }
      }
    }
    #expect(records.count == 3)
    #expect(records.first != records.last)
    #expect(Set(records).count == 2)
  }

  @Test func `a seal during a collection does not continue a segment from before it`() throws {
    let store = try TestStore()
    var generator = SplitMix64(seed: 1)
    let doomed = try store.engine.branches.create(named: "doomed")
    try doomed.put(1, generator.bytes(40 * Self.page))
    let main = try store.engine.branches.create(named: "main")
    try main.put(1, generator.bytes(40 * Self.page))
    try store.engine.sealer.sealAll()
    try store.engine.branches.delete([doomed])
    try store.reopen()
    let again = try store.engine.branches.named("main")
    let bytes = generator.bytes(40 * Self.page)
    var failure: (any Error)?
    store.disk.intercept(.read, namePrefix: "segments/") {
      do {
        try again.put(1, bytes)
        try store.engine.sealer.sealAll()
      } catch { failure = error }
    }
    _ = try store.engine.collector.collectGarbage(Self.full)
    #expect(failure == nil)
    try store.crash(seed: 1)
    #expect(try store.engine.branches.named("main").all(1) == bytes)
  }

  @Test func `bases stay whose differences lie in a segment that an import still fills`() throws {
    let store = try TestStore()
    var generator = SplitMix64(seed: 2)
    let main = try store.engine.branches.create(named: "main")
    var bytes = generator.bytes(20 * Self.page)
    try main.put(1, bytes)
    try store.engine.sealer.sealAll()
    try closeSegments(store)
    for page in 0..<20 { bytes[page * Self.page + 100] ^= 1 }
    try main.put(1, bytes)
    try store.engine.sealer.sealAll()
    #expect(store.engine.accounts.statistics.seals.deltaCount == 20)
    let staging = try store.engine.imports.begin(domain: .standard)
    let other = generator.bytes(256 * Self.page)
    try other.withUnsafeBytes { try staging.putLeaf(VolumeNumber(9), leafIndex: 0, pages: $0) }
    _ = try store.engine.collector.collectGarbage(Self.full)
    try staging.finishVolume(VolumeNumber(9), byteCount: UInt64(other.count), modified: 1)
    _ = try staging.publish(creating: "imported")
    try store.crash(seed: 1)
    #expect(try store.engine.branches.named("main").all(1) == bytes)
    #expect(try store.engine.branches.named("imported").all(9) == other)
  }

  @Test(arguments: 0..<8)
  func `a page found by hash while victims are counted is kept`(passing: Int) throws {
    let store = try TestStore()
    var generator = SplitMix64(seed: 3)
    let main = try store.engine.branches.create(named: "main")
    try main.put(1, generator.bytes(Self.page))
    try store.engine.sealer.sealAll()
    try closeSegments(store)
    let doomed = try store.engine.branches.create(named: "doomed")
    let bytes = generator.bytes(64 * Self.page)
    try doomed.put(1, bytes)
    try store.engine.sealer.sealAll()
    try store.engine.branches.delete([doomed])
    let last = try #require(segmentNames(store).last)
    let staging = try store.engine.imports.begin(domain: .standard)
    var failure: (any Error)?
    store.disk.intercept(.read, namePrefix: last, passing: passing) {
      do {
        try bytes.withUnsafeBytes { try staging.putLeaf(VolumeNumber(9), leafIndex: 0, pages: $0) }
      } catch { failure = error }
    }
    _ = try store.engine.collector.collectGarbage(Self.full)
    #expect(failure == nil)
    if staging.counts.duplicateCount + staging.counts.fullCount == 0 {
      try bytes.withUnsafeBytes { try staging.putLeaf(VolumeNumber(9), leafIndex: 0, pages: $0) }
    }
    try staging.finishVolume(VolumeNumber(9), byteCount: UInt64(bytes.count), modified: 1)
    _ = try staging.publish(creating: "imported")
    try store.crash(seed: 1)
    #expect(try store.engine.branches.named("imported").all(9) == bytes)
  }

  /// I10: the newest segment was emptied, an older one was not; frames that moved have greater
  /// names than what would be appended to that.
  @Test func `a segment older than what has moved is not continued`() throws {
    let store = try TestStore()
    var generator = SplitMix64(seed: 9)
    let main = try store.engine.branches.create(named: "main")
    try main.put(2, generator.bytes(60 * Self.page))
    try store.engine.sealer.sealAll()
    try closeSegments(store)
    let doomed = try store.engine.branches.create(named: "doomed")
    try doomed.put(1, generator.bytes(60 * Self.page))
    var bytes = generator.bytes(20 * Self.page)
    try main.put(1, bytes)
    try store.engine.sealer.sealAll()
    try store.engine.branches.delete([doomed])
    #expect(try store.engine.collector.collectGarbage(CollectionOptions()).copiedByteCount > 0)
    try store.crash(seed: 1)
    for page in 0..<20 { bytes[page * Self.page] ^= 1 }
    try store.engine.branches.named("main").put(1, bytes)
    try store.engine.sealer.sealAll()
    #expect(try store.engine.checks.check().findings == [])
    var young = CollectionOptions()
    young.isYoung = true
    _ = try store.engine.collector.collectGarbage(young)
    try store.crash(seed: 2)
    #expect(try store.engine.branches.named("main").all(1) == bytes)
  }

  @Test func `a page found by hash in a host is known by the name it had at home`() throws {
    let store = try TestStore()
    var generator = SplitMix64(seed: 4)
    let bytes = generator.bytes(40 * Self.page)
    let main = try store.engine.branches.create(named: "main")
    try main.put(1, bytes)
    let doomed = try store.engine.branches.create(named: "doomed")
    try doomed.put(1, generator.bytes(40 * Self.page))
    try store.engine.sealer.sealAll()
    try store.engine.branches.delete([doomed])
    #expect(try store.engine.collector.collectGarbage(Self.full).copiedByteCount > 0)
    try store.reopen()
    store.engine.core.refillWindow()
    let copy = try store.engine.branches.create(named: "copy")
    try copy.put(7, bytes)
    try store.engine.sealer.sealAll()
    #expect(store.engine.accounts.statistics.seals.duplicateCount == 40)
    try store.engine.branches.delete([store.engine.branches.named("main")])
    _ = try store.engine.collector.collectGarbage(Self.full)
    _ = try store.engine.collector.collectGarbage(Self.full)
    try store.crash(seed: 1)
    #expect(try store.engine.branches.named("copy").all(7) == bytes)
  }

  @Test func `a power cut during copying leaves a store that seals and collects`() throws {
    let store = try TestStore()
    var generator = SplitMix64(seed: 5)
    let main = try store.engine.branches.create(named: "main")
    let bytes = generator.bytes(40 * Self.page)
    try main.put(1, bytes)
    let doomed = try store.engine.branches.create(named: "doomed")
    try doomed.put(1, generator.bytes(40 * Self.page))
    try store.engine.sealer.sealAll()
    try store.engine.branches.delete([doomed])
    var failure: (any Error)?
    var saved: SimulatedDisk?
    store.disk.intercept(.read, namePrefix: "segments/") {
      do {
        try main.put(2, [1])
        try store.engine.sealer.sealAll()
        // The next write of a header or bundle is the host's.
        store.disk.intercept(.write, namePrefix: "segments/", passing: 1) {
          do {
            try main.put(2, [2])
            try store.engine.sealer.sealAll()
            saved = store.disk.snapshot()
          } catch { failure = error }
        }
      } catch { failure = error }
    }
    _ = try store.engine.collector.collectGarbage(Self.full)
    #expect(failure == nil)
    let disk = try #require(saved)
    for seed in 0..<8 {
      let copy = disk.snapshot()
      copy.crash(seed: UInt64(seed))
      let engine = try Engine.open(disk: copy, clock: store.clock, options: store.options)
      let branch = try engine.branches.named("main")
      try branch.put(2, [3])
      try engine.sealer.sealAll()
      _ = try engine.collector.collectGarbage(Self.full)
      engine.checkInvariants()
      #expect(try branch.all(1) == bytes)
      #expect(try branch.all(2) == [3])
      try engine.close()
    }
  }

  // MARK: Checkpoints

  @Test func `a journal file that a checkpoint lists is not recycled by it`() throws {
    let store = try TestStore()
    var generator = SplitMix64(seed: 6)
    let main = try store.engine.branches.create(named: "main")
    for _ in 0..<2 {
      try main.flush(through: main.put(1, generator.bytes(100 * Self.page)))
    }
    try store.engine.sealer.sealAll()
    let bytes = generator.bytes(75 * Self.page)
    var failure: (any Error)?
    store.disk.intercept(.write, namePrefix: "catalogue") {
      do { try main.flush(through: main.put(2, bytes)) } catch { failure = error }
    }
    try store.engine.checkpointer.write()
    #expect(failure == nil)
    // Takes the file that was current when the checkpoint began, if it was recycled.
    for _ in 0..<4 { try main.flush(through: main.put(3, generator.bytes(100 * Self.page))) }
    try store.crash(seed: 1)
    #expect(try store.engine.branches.named("main").all(2) == bytes)
  }

  @Test func `a collection after a failed checkpoint takes nothing that replay comes to`() throws {
    let store = try TestStore()
    var generator = SplitMix64(seed: 7)
    let main = try store.engine.branches.create(named: "main")
    var bytes = generator.bytes(40 * Self.page)
    try main.put(1, bytes)
    try store.engine.sealer.sealAll()
    try store.engine.checkpointer.write()
    try store.engine.journal.flush(through: main.put(9, [1]))
    try store.engine.sealer.sealAll()
    store.disk.inject(DiskFault(.create, namePrefix: "catalogue", code: EIO))
    #expect(throws: StoreError.self) { try store.engine.checkpointer.write() }
    try closeSegments(store)
    let changed = generator.bytes(30 * Self.page)
    bytes.replaceSubrange(0..<changed.count, with: changed)
    try main.put(1, changed)
    try store.engine.sealer.sealAll()
    store.disk.inject(DiskFault(.create, namePrefix: "catalogue", code: EIO))
    #expect(throws: StoreError.self) { try store.engine.collector.collectGarbage(Self.full) }
    try store.crash(seed: 1)
    #expect(try store.engine.branches.named("main").all(1) == bytes)
  }

  // MARK: Limits

  @Test func `a write past the last page is refused, and the store opens again`() throws {
    let store = try TestStore()
    let main = try store.engine.branches.create(named: "main")
    try main.put(1, [1])
    let limit = UInt64(Self.page) << 40
    for offset in [limit - 1, limit, 1 << 56, 1 << 60, .max - 1, .max] {
      #expect(throws: StoreError.self) { try main.put(1, at: offset, [1, 2]) }
    }
    #expect(throws: StoreError.self) { try main.put(1 << 40, [1]) }
    for byteCount in [limit + 1, .max] {
      var transaction = Transaction(time: 1)
      transaction.resize(VolumeNumber(1), to: byteCount)
      #expect(throws: StoreError.self) { try main.commit(transaction) }
    }
    try main.put(2, at: limit - 1, [7])
    try main.flush(through: store.engine.journal.lastLSN)
    try store.crash(seed: 1)
    try store.reopen()
    let again = try store.engine.branches.named("main")
    #expect(try again.all(1) == [1])
    #expect(try again.get(2, at: limit - 1, 1) == [7])
    _ = try store.engine.collector.collectGarbage(Self.full)
  }

  // MARK: A full disk

  @Test func `a full disk still opens, deletes and gives space back`() throws {
    let store = try TestStore()
    var generator = SplitMix64(seed: 8)
    let main = try store.engine.branches.create(named: "main")
    let kept = generator.bytes(20 * Self.page)
    try main.put(1, kept)
    try store.engine.sealer.sealAll()
    try closeSegments(store)
    let doomed = try store.engine.branches.create(named: "doomed")
    try doomed.put(1, generator.bytes(1500 * Self.page))
    try store.engine.sealer.sealAll()
    let last = generator.bytes(10 * Self.page)
    try main.flush(through: main.put(2, last))
    store.disk.capacity = store.disk.usedByteCount
    #expect(throws: StoreError.self) { try store.engine.close() }
    store.engine = try Engine.open(disk: store.disk, clock: store.clock, options: store.options)
    let used = store.disk.usedByteCount
    try store.engine.branches.delete([store.engine.branches.named("doomed")])
    let report = try store.engine.collector.collectGarbage(Self.full)
    #expect(report.reclaimedSegmentCount > 0)
    #expect(store.disk.usedByteCount < used - UInt64(300 * Self.page))
    try store.engine.sealer.sealAll()
    try store.reopen()
    #expect(try store.engine.branches.named("main").all(1) == kept)
    #expect(try store.engine.branches.named("main").all(2) == last)
  }

  @Test func `a failing close keeps what was written and not flushed`() throws {
    let store = try TestStore()
    let main = try store.engine.branches.create(named: "main")
    try main.put(1, [1, 2, 3])
    store.disk.capacity = store.disk.usedByteCount
    #expect(throws: StoreError.self) { try store.engine.close() }
    #expect(throws: StoreError.self) { try main.flush(through: store.engine.journal.lastLSN) }
    store.disk.capacity = .max
    store.engine = try Engine.open(disk: store.disk, clock: store.clock, options: store.options)
    #expect(try store.engine.branches.named("main").all(1) == [1, 2, 3])
  }
}
