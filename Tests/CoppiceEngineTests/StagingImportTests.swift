import CoppiceEngine
import CoppiceFormat
import CoppicePlatform
import Glibc
import Synchronization
import TestSupport
import Testing

@Suite struct StagingImportTests {
  private static let leafByteCount = 256 * 4096

  private func fill(_ staging: StagingImport, _ volume: UInt64, _ bytes: [UInt8]) throws {
    for (index, start) in stride(from: 0, to: bytes.count, by: Self.leafByteCount).enumerated() {
      let end = min(start + Self.leafByteCount, bytes.count)
      try bytes[start..<end].withUnsafeBytes {
        try staging.putLeaf(VolumeNumber(volume), leafIndex: UInt64(index), pages: $0)
      }
    }
    try staging.finishVolume(VolumeNumber(volume), byteCount: UInt64(bytes.count), modified: 9)
  }

  @Test func `an import becomes a branch at once`() throws {
    let store = try TestStore()
    var generator = SplitMix64(seed: 5)
    let large = generator.bytes(5 * Self.leafByteCount / 2)
    let small = generator.bytes(100)
    let staging = try store.engine.imports.begin(domain: .standard)
    try fill(staging, 7, large)
    try fill(staging, 8, small)
    try fill(staging, 9, [])
    var names = Transaction(time: 3)
    small.withUnsafeBytes { names.write(.names, at: 5000, $0) }
    _ = try staging.commit(names)
    let branch = try staging.publish(creating: "main")
    #expect(try branch.all(7) == large)
    try store.crash(seed: 2)
    let again = try store.engine.branches.named("main")
    #expect(try again.all(7) == large)
    #expect(try again.all(8) == small)
    #expect(try again.all(9) == [])
    #expect(try again.get(0, at: 5000, 100) == small)
    #expect(try again.attributes(of: VolumeNumber(7))?.modified == 9)
  }

  /// Bundles are written when they are full; who asks for an account does not wait for that.
  @Test func `what an import appended last can be read beside it`() throws {
    var options = EngineOptions.small
    options.nodeCacheByteCount = 0
    let store = try TestStore(options: options)
    var generator = SplitMix64(seed: 11)
    let main = try store.engine.branches.create(named: "main")
    let old = generator.bytes(40 * 4096)
    try main.put(1, old)
    let staging = try store.engine.imports.begin(replacing: main)
    var changed = old
    for page in 0..<40 { changed[page * 4096] ^= 1 }
    try fill(staging, 1, changed)
    #expect(staging.counts.deltaCount == 40)
    // More than the cache keeps.
    let count = 600 as UInt64
    for volume in 2..<2 + count { try fill(staging, volume, generator.bytes(64)) }
    for volume in 2..<2 + count {
      #expect(try staging.attributes(of: VolumeNumber(volume))?.byteCount == 64)
    }
    var byte = [0 as UInt8]
    _ = try byte.withUnsafeMutableBytes { try staging.read(VolumeNumber(1), at: 4096, into: $0) }
    #expect(byte == [changed[4096]])
    let freed = try store.engine.accounts.deletionEstimate(of: [main.id]).freed
    #expect(freed.byteCount == 0, "the import keeps what it began with")
    #expect(try store.engine.accounts.storeUsage().liveByteCount > 0)
    try staging.publishReplacing()
    #expect(try main.all(1) == changed)
  }

  /// The import has all but its note when a collection begins.
  @Test func `an import's note waits until a collection has taken stock`() throws {
    let store = try TestStore()
    var generator = SplitMix64(seed: 9)
    let main = try store.engine.branches.create(named: "main")
    try main.put(1, generator.bytes(9_000))
    let other = try store.engine.branches.create(named: "other")
    try other.put(1, [1])
    try store.reopen()
    let (engine, disk) = (store.engine, store.disk)
    let target = try engine.branches.named("main")
    let staging = try engine.imports.begin(replacing: target)
    try fill(staging, 7, generator.bytes(Self.leafByteCount))
    let bytes = generator.bytes(50_000)
    let isTakingStock = Atomic(false)
    let segmentCount = { disk.fileNames().filter { $0.hasPrefix("segments/") }.count }
    let threads = Mutex<[SystemThread]>([])
    let start = { @Sendable (body: @escaping @Sendable () throws -> Void) in
      let thread = try SystemThread(name: "test") {
        do { try body() } catch { Issue.record(error) }
      }
      threads.withLock { $0.append(thread) }
    }
    // A write that reads, and fails, holds the target while the import comes to its note.
    disk.intercept(.read, namePrefix: "segments/") {
      do { try start { try staging.publishReplacing() } } catch { Issue.record(error) }
      for _ in 0..<20_000 { sched_yield() }
      disk.intercept(.sync, namePrefix: "segments/") {
        let count = segmentCount()
        isTakingStock.store(true, ordering: .sequentiallyConsistent)
        for _ in 0..<20_000 where segmentCount() == count { sched_yield() }
      }
      do {
        try start {
          _ = try engine.collector.collectGarbage(CollectionOptions()) { step in
            guard step == .begun else { return }
            do {
              try engine.branches.named("other").put(1, bytes)
              try engine.sealer.seal(engine.branches.named("other"))
            } catch { Issue.record(error) }
          }
        }
      } catch { Issue.record(error) }
      for _ in 0..<1_000_000 where !isTakingStock.load(ordering: .sequentiallyConsistent) {
        sched_yield()
      }
      disk.inject(DiskFault(.read, namePrefix: "segments/", code: EIO))
    }
    #expect(throws: StoreError.self) { try target.put(1, at: 5, [1]) }
    for thread in threads.withLock({ $0 }) { thread.join() }
    store.engine.checkInvariants()
    try store.crash(seed: 4)
    #expect(try store.engine.branches.named("other").all(1) == bytes)
    #expect(try store.engine.branches.named("main").all(7)?.count == Self.leafByteCount)
    #expect(try store.engine.checks.check().findings == [])
  }

  @Test func `a volume that is finished takes the place of small writes to it`() throws {
    let store = try TestStore()
    var generator = SplitMix64(seed: 8)
    let bytes = generator.bytes(Self.leafByteCount + 50)
    let staging = try store.engine.imports.begin(domain: .standard)
    var small = Transaction(time: 3)
    for volume in [7, 8] as [UInt64] {
      generator.bytes(9_000).withUnsafeBytes { small.write(VolumeNumber(volume), at: 70, $0) }
    }
    _ = try staging.commit(small)
    #expect(try staging.contentID(of: VolumeNumber(7)) == nil)
    try fill(staging, 7, bytes)
    #expect(try staging.contentID(of: VolumeNumber(7)) != nil)
    #expect(try staging.attributes(of: VolumeNumber(7))?.byteCount == UInt64(bytes.count))
    var late = Transaction(time: 4)
    late.resize(VolumeNumber(8), to: 100)
    _ = try staging.commit(late)
    let branch = try staging.publish(creating: "main")
    #expect(try branch.all(7) == bytes)
    #expect(try branch.attributes(of: VolumeNumber(8))?.byteCount == 100)
  }

  @Test func `importing the same bytes again stores no page`() throws {
    let store = try TestStore()
    var generator = SplitMix64(seed: 6)
    let bytes = generator.bytes(3 * Self.leafByteCount)
    let first = try store.engine.imports.begin(domain: .standard)
    try fill(first, 7, bytes)
    let branch = try first.publish(creating: "main")
    let second = try store.engine.imports.begin(replacing: branch)
    try fill(second, 7, bytes)
    try second.publishReplacing()
    #expect(second.counts.fullCount == 0)
    #expect(second.counts.deltaCount == 0)
    #expect(second.counts.unchangedCount == 768)
    #expect(second.counts.nodeCount == 0)
    #expect(try branch.all(7) == bytes)
  }

  @Test func `a branch written to during its replacement keeps the write`() throws {
    let store = try TestStore()
    let main = try store.engine.branches.create(named: "main")
    try main.put(3, [1, 2, 3])
    let staging = try store.engine.imports.begin(replacing: main)
    try fill(staging, 3, [9])
    try main.put(3, at: 1, [7])
    #expect(throws: StoreError.self) { try staging.publishReplacing() }
    #expect(try main.all(3) == [1, 7, 3])
  }

  @Test func `a shorter replacement leaves nothing behind its end`() throws {
    let store = try TestStore()
    var generator = SplitMix64(seed: 8)
    let first = try store.engine.imports.begin(domain: .standard)
    try fill(first, 7, generator.bytes(3 * Self.leafByteCount))
    let branch = try first.publish(creating: "main")
    let short = generator.bytes(Self.leafByteCount + 5)
    let second = try store.engine.imports.begin(replacing: branch)
    try fill(second, 7, short)
    try second.publishReplacing()
    #expect(try branch.all(7) == short)
    var transaction = Transaction(time: 1)
    transaction.resize(VolumeNumber(7), to: UInt64(3 * Self.leafByteCount))
    _ = try branch.commit(transaction)
    let all = try branch.all(7)
    #expect(all == short + [UInt8](repeating: 0, count: 3 * Self.leafByteCount - short.count))
  }
}

@Suite struct DedupTests {
  @Test func `a page that some branch stored before is shared, also after reopening`() throws {
    let store = try TestStore()
    var generator = SplitMix64(seed: 8)
    let bytes = generator.bytes(40 * 4096)
    let first = try store.engine.branches.create(named: "first")
    try first.put(1, bytes)
    try store.reopen()
    store.engine.core.refillWindow()
    let second = try store.engine.branches.create(named: "second")
    try second.put(2, bytes)
    try store.engine.sealer.sealAll()
    #expect(store.engine.accounts.statistics.seals.duplicateCount == 40)
    #expect(store.engine.accounts.statistics.seals.fullCount == 0)
    #expect(try second.all(2) == bytes)
  }

  @Test func `trust domains share nothing`() throws {
    let store = try TestStore()
    var generator = SplitMix64(seed: 8)
    let bytes = generator.bytes(40 * 4096)
    let first = try store.engine.branches.create(named: "first", domain: DomainID(1))
    try first.put(1, bytes)
    try store.engine.sealer.sealAll()
    let second = try store.engine.branches.create(named: "second", domain: DomainID(2))
    try second.put(2, bytes)
    try store.engine.sealer.sealAll()
    #expect(store.engine.accounts.statistics.seals.duplicateCount == 0)
    #expect(store.engine.accounts.statistics.seals.fullCount == 80)
    #expect(throws: StoreError.self) {
      try store.engine.branches.reset(first, to: second, keepingOldAs: nil)
    }
  }

  @Test func `a small change of a page is stored as a difference`() throws {
    let store = try TestStore()
    var generator = SplitMix64(seed: 9)
    let main = try store.engine.branches.create(named: "main")
    try main.put(1, generator.bytes(1024 * 4096))
    try store.engine.sealer.sealAll()
    for round in 0..<3 {
      for page in stride(from: 0, to: 1024, by: 7) {
        try main.put(1, at: UInt64(page * 4096 + round * 100), generator.bytes(20))
      }
      try store.engine.sealer.sealAll()
    }
    let counts = store.engine.accounts.statistics.seals
    #expect(counts.fullCount == 1024)
    #expect(counts.deltaCount == 3 * 147)
    #expect(counts.deltaByteCount / counts.deltaCount < 120)
  }
}
