import CoppiceEngine
import CoppiceFormat
import Synchronization
import TestSupport
import Testing

@Suite struct GarbageCollectionTests {
  private static var full: CollectionOptions {
    var options = CollectionOptions()
    options.isFull = true
    return options
  }

  private func segmentByteCount(_ store: TestStore) -> Int {
    store.disk.fileNames().filter { $0.hasPrefix("segments/") }
      .reduce(0) { $0 + ((try? store.disk.contents(of: $1).count) ?? 0) }
  }

  @Test func `deleting the only branch gives nearly everything back`() throws {
    let store = try TestStore()
    var generator = SplitMix64(seed: 1)
    let main = try store.engine.branches.create(named: "main")
    try main.put(1, generator.bytes(2 << 20))
    try store.engine.sealer.sealAll()
    #expect(segmentByteCount(store) > 2 << 20)
    try store.engine.branches.delete([main])
    let report = try store.engine.collector.collectGarbage(Self.full)
    store.engine.checkInvariants()
    #expect(report.forgottenBranchCount == 1)
    #expect(report.liveFrameCount == 0)
    #expect(segmentByteCount(store) < 10_000)
    try store.reopen()
    #expect(store.engine.branches.entries().isEmpty)
  }

  @Test func `a collection that nobody wants any more ends, and the next one does its work`() throws
  {
    for last in 0..<8 {
      let store = try TestStore()
      var generator = SplitMix64(seed: 5)
      let main = try store.engine.branches.create(named: "main")
      let bytes = generator.bytes(300 * 4096)
      try main.put(1, bytes)
      let other = try store.engine.branches.create(named: "other")
      try other.put(1, generator.bytes(300 * 4096))
      try store.engine.sealer.sealAll()
      try store.engine.branches.delete([other])
      let count = Mutex(0)
      var options = Self.full
      options.isCancelled = {
        count.withLock {
          $0 += 1
          return $0 > last
        }
      }
      do throws(StoreError) {
        _ = try store.engine.collector.collectGarbage(options)
        #expect(last > 0 && count.withLock { $0 } <= last)
      } catch {
        #expect(error.kind == .unavailable)
      }
      store.engine.checkInvariants()
      #expect(try main.all(1) == bytes)
      _ = try store.engine.collector.collectGarbage(Self.full)
      #expect(try store.engine.collector.collectGarbage(Self.full).deadFrameCount == 0)
      #expect(try main.all(1) == bytes)
    }
  }

  @Test func `live pages move to hosts and are read there, also after a crash`() throws {
    let store = try TestStore()
    var generator = SplitMix64(seed: 2)
    let main = try store.engine.branches.create(named: "main")
    let bytes = generator.bytes(300 * 4096)
    try main.put(1, bytes)
    let other = try store.engine.branches.create(named: "other")
    try other.put(1, generator.bytes(300 * 4096))
    try store.engine.sealer.sealAll()
    try store.engine.branches.delete([other])
    let report = try store.engine.collector.collectGarbage(Self.full)
    #expect(report.copiedByteCount > 0)
    #expect(report.reclaimedSegmentCount == 1)
    #expect(try main.all(1) == bytes)
    try main.put(1, at: 5, [1, 2, 3])
    try store.engine.sealer.sealAll()
    try store.crash(seed: 3)
    var expected = bytes
    expected.replaceSubrange(5..<8, with: [1, 2, 3])
    #expect(try store.engine.branches.named("main").all(1) == expected)
    let again = try store.engine.collector.collectGarbage(Self.full)
    #expect(again.forgottenBranchCount == 0)
    #expect(try store.engine.branches.named("main").all(1) == expected)
    let third = try store.engine.collector.collectGarbage(Self.full)
    #expect(third.deadFrameCount == 0)
  }

  @Test func `a collection of a small store has little on disk twice`() throws {
    let store = try TestStore()
    var generator = SplitMix64(seed: 3)
    let main = try store.engine.branches.create(named: "main")
    for part in 0..<12 {
      try main.put(1, at: UInt64(part << 21), generator.bytes(2 << 20))
      try store.engine.sealer.sealAll()
    }
    // Some of every segment dies.
    for part in 0..<12 {
      try main.put(1, at: UInt64(part << 21), generator.bytes(256 << 10))
    }
    try store.engine.sealer.sealAll()
    let before = segmentByteCount(store)
    let limit = 8 << 20
    let files = store.disk.fileNames().filter { $0.hasPrefix("segments/") }
    #expect(try files.allSatisfy { try store.disk.contents(of: $0).count <= limit })
    var most = before
    let report = try store.engine.collector.collectGarbage(Self.full) { step in
      if step == .copied { most = max(most, segmentByteCount(store)) }
    }
    #expect(report.copiedByteCount > 2 * limit)
    #expect(most - before <= limit + 64 << 10)
    #expect(segmentByteCount(store) < before - 2 << 20)
  }

  @Test func `a restored branch is whole, and a forgotten one cannot be restored`() throws {
    let store = try TestStore()
    var generator = SplitMix64(seed: 2)
    let main = try store.engine.branches.create(named: "main")
    let bytes = generator.bytes(100 * 4096)
    try main.put(1, bytes)
    try store.engine.sealer.sealAll()
    try store.engine.branches.delete([main])
    var careful = Self.full
    careful.forgetting = .overdue
    _ = try store.engine.collector.collectGarbage(careful)
    let back = try store.engine.branches.restore(main.id, named: "main")
    #expect(try back.all(1) == bytes)
    try store.engine.branches.delete([back])
    _ = try store.engine.collector.collectGarbage(Self.full)
    #expect(throws: StoreError.self) { try store.engine.branches.restore(main.id, named: "main") }
  }

  @Test func `an import in preparation keeps what it has found by hash`() throws {
    let store = try TestStore()
    var generator = SplitMix64(seed: 5)
    let bytes = generator.bytes(256 * 4096)
    let old = try store.engine.branches.create(named: "old")
    try old.put(1, bytes)
    try store.engine.sealer.sealAll()
    try store.engine.branches.delete([old])
    let staging = try store.engine.imports.begin(domain: .standard)
    try bytes.withUnsafeBytes { try staging.putLeaf(VolumeNumber(9), leafIndex: 0, pages: $0) }
    #expect(staging.counts.duplicateCount == 256)
    _ = try store.engine.collector.collectGarbage(Self.full)
    try staging.finishVolume(VolumeNumber(9), byteCount: UInt64(bytes.count), modified: 1)
    _ = try store.engine.collector.collectGarbage(Self.full)
    let branch = try staging.publish(creating: "new")
    _ = try store.engine.collector.collectGarbage(Self.full)
    #expect(try branch.all(9) == bytes)
    try store.reopen()
    #expect(try store.engine.branches.named("new").all(9) == bytes)
  }

  @Test func `a shared copy in a layer keeps its pages`() throws {
    let store = try TestStore()
    var generator = SplitMix64(seed: 6)
    let bytes = generator.bytes(4096)
    let source = try store.engine.branches.create(named: "source")
    try source.put(1, bytes)
    try store.engine.sealer.sealAll()
    let target = try store.engine.branches.create(named: "target")
    let refs = try source.storedRefs(of: VolumeNumber(1), pages: 0..<1)
    var copy = Transaction(time: 2)
    copy.share(VolumeNumber(7), at: 0, refs)
    _ = try target.commit(copy)
    try store.engine.branches.delete([source])
    _ = try store.engine.collector.collectGarbage(Self.full)
    #expect(try target.all(7) == bytes)
    try store.engine.sealer.sealAll()
    _ = try store.engine.collector.collectGarbage(Self.full)
    #expect(try target.all(7) == bytes)
  }

  @Test func `an unreadable node keeps everything it may refer to`() throws {
    let store = try TestStore()
    var generator = SplitMix64(seed: 7)
    let main = try store.engine.branches.create(named: "main")
    let bytes = generator.bytes(600 * 4096)
    try main.put(1, bytes)
    try store.reopen()
    let name = try #require(store.disk.fileNames().first { $0.hasPrefix("segments/") })
    // Nodes follow the pages: the last ones lie before the last bundle's directory.
    let byteCount = try store.disk.contents(of: name).count
    var hit = false
    for offset in stride(from: byteCount - 200, to: byteCount - 40_000, by: -150) where !hit {
      let copy = store.disk.snapshot()
      try copy.flipBit(3, at: UInt64(offset), in: name)
      let engine = try Engine.open(disk: copy, clock: store.clock, options: store.options)
      guard let report = try? engine.collector.collectGarbage(Self.full) else {
        engine.abandon()
        continue
      }
      if !report.unreadable.isEmpty {
        hit = true
        #expect(report.deadFrameCount < 10)
      }
      engine.abandon()
    }
    #expect(hit)
  }

  @Test func `an unreadable node of a segment that nobody knows stops the collection`() throws {
    let store = try TestStore()
    var generator = SplitMix64(seed: 8)
    let main = try store.engine.branches.create(named: "main")
    try main.put(1, generator.bytes(20 * 4096))
    try store.engine.sealer.sealAll()
    var options = CollectionOptions()
    options.isDryRun = true
    // Ends the open segment.
    _ = try store.engine.collector.collectGarbage(options)
    let doomed = try store.engine.branches.create(named: "doomed")
    try doomed.put(1, generator.bytes(20 * 4096))
    try store.engine.close()
    let newest = try #require(try StoreInspector(disk: store.disk).catalogues().first)
    var catalogue = try newest.content.get()
    catalogue.segments.removeAll { $0.id == SegmentID(1) }
    try store.disk.setContents(of: newest.file, to: catalogue.encode())
    try store.disk.remove("segments/0000000001")
    store.engine = try Engine.open(disk: store.disk, clock: store.clock, options: store.options)
    try store.engine.branches.delete([store.engine.branches.named("doomed")])
    let before = segmentByteCount(store)
    let failure = #expect(throws: StoreError.self) {
      try store.engine.collector.collectGarbage(Self.full)
    }
    #expect(failure?.kind == .corrupt)
    #expect(segmentByteCount(store) == before)
  }

  @Test func `collections between random operations lose nothing`() throws {
    let store = try TestStore()
    var generator = SplitMix64(seed: 21)
    var model: [String: [UInt8]] = [:]
    _ = try store.engine.branches.create(named: "b")
    model["b"] = []
    for step in 0..<250 {
      let name = model.keys.sorted()[generator.below(model.count)]
      let branch = try store.engine.branches.named(name)
      switch generator.below(10) {
      case 0:
        _ = try store.engine.branches.fork(branch, named: "b\(step)", isReadOnly: false)
        model["b\(step)"] = model[name]
      case 1 where model.count > 1:
        try store.engine.branches.delete([branch])
        model[name] = nil
      case 2, 3: try store.engine.sealer.sealStep(.everything)
      case 4:
        var options = CollectionOptions()
        options.isFull = generator.bool()
        _ = try store.engine.collector.collectGarbage(options)
      case 5:
        try store.engine.journal.flush(through: store.engine.journal.lastLSN)
        try store.crash(seed: UInt64(step))
      default:
        let offset = generator.below(100) * 4096
        let bytes = generator.bytes(4096 * (1 + generator.below(8)))
        try branch.put(1, at: UInt64(offset), bytes)
        var old = model[name] ?? []
        if old.count < offset + bytes.count {
          old += [UInt8](repeating: 0, count: offset + bytes.count - old.count)
        }
        old.replaceSubrange(offset..<offset + bytes.count, with: bytes)
        model[name] = old
      }
      store.engine.checkInvariants()
      if step % 10 == 9 {
        for (name, bytes) in model {
          let found = try store.engine.branches.named(name).all(1) ?? []
          #expect(found == bytes, "step \(step) \(name)")
        }
      }
    }
  }

  @Test func `a branch keeps what the base of another branch's node refers to`() throws {
    let store = try TestStore()
    var generator = SplitMix64(seed: 13)
    let main = try store.engine.branches.create(named: "main")
    let bytes = generator.bytes(40 * 4096)
    try main.put(1, bytes)
    try main.put(2, generator.bytes(400_000))
    try store.engine.sealer.sealAll()
    let child = try store.engine.branches.fork(main, named: "child", isReadOnly: false)
    // The older branch is marked first, and its leaf is stored as overrides of the child's.
    try main.put(1, at: 7 * 4096, generator.bytes(4096))
    for branch in [main, child] {
      var transaction = Transaction(time: 2)
      transaction.drop(VolumeNumber(2))
      _ = try branch.commit(transaction)
    }
    try store.engine.sealer.sealAll()
    let report = try store.engine.collector.collectGarbage(Self.full)
    #expect(report.deadFrameCount > 90)
    try store.reopen()
    #expect(try store.engine.branches.named("child").all(1) == bytes)
    #expect(try store.engine.checks.check().findings == [])
  }
}
