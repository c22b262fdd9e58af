import CoppiceEngine
import CoppiceFormat
import CoppicePlatform
import TestSupport
import Testing

@Suite struct RepairTests {
  private static let page = 4096

  @Test func `a sound store is left as it is`() throws {
    let store = try TestStore()
    var history = RandomHistory(seed: 1)
    try history.run(store, stepCount: 60)
    try store.engine.close()
    let report = try store.repair()
    #expect(report.steps == [])
    #expect(report.folder == "")
    #expect(report.lost == [])
  }

  @Test func `a segment with a damaged bundle directory is written anew`() throws {
    let store = try TestStore()
    var generator = SplitMix64(seed: 5)
    let main = try store.engine.branches.create(named: "main")
    var bytes = generator.bytes(700 * Self.page)
    try main.put(1, bytes)
    try store.engine.sealer.sealAll()
    for page in 0..<40 { bytes[page * Self.page] ^= 1 }
    try main.put(1, Array(bytes[..<(40 * Self.page)]))
    try store.engine.close()
    let segment = try StoreInspector(disk: store.disk).segment(SegmentID(1))
    let bundle = segment.bundles[1]
    try store.disk.flipBit(
      0, at: bundle.offset + UInt64(bundle.header.directoryOffset) + 3, in: segment.file)
    try store.open()
    #expect(throws: StoreError.self) {
      try store.engine.collector.collectGarbage(CollectionOptions())
    }
    try store.engine.close()
    let report = try store.repair()
    #expect(report.steps.map(\.object) == [segment.file])
    #expect(store.disk.fileNames().contains { $0.hasPrefix("\(report.folder)/segments-") })
    try store.open()
    #expect(try store.engine.branches.named("main").all(1) == bytes)
    _ = try store.engine.collector.collectGarbage(CollectionOptions())
    #expect(try store.engine.checks.check().findings == [])
    try store.crash(seed: 1)
    #expect(try store.engine.branches.named("main").all(1) == bytes)
    let second = try store.engine.branches.named("main")
    try second.put(1, generator.bytes(50 * Self.page))
    try store.engine.close()
    #expect(try store.repair().steps == [])
  }

  // MARK: The catalogue

  /// Two bits, which no checksum gives back.
  private func damageCatalogue(_ store: TestStore, _ name: String) throws {
    try store.disk.flipBit(1, at: 60, in: name)
    try store.disk.flipBit(5, at: 68, in: name)
  }

  @Test func `a bit that flipped in the catalogue is flipped back`() throws {
    let store = try TestStore()
    let main = try store.engine.branches.create(named: "main")
    try store.engine.checkpointer.write()
    _ = try store.engine.branches.fork(main, named: "main@kept", isReadOnly: true)
    try main.flush(through: main.put(2, [1, 2, 3]))
    try store.engine.close()
    let files = store.disk.fileNames().filter { $0.hasPrefix("catalogue-") }
    let newest = try #require(try StoreInspector(disk: store.disk).catalogues().first)
    // Only the newest is left, and it is damaged.
    for file in files where file != newest.file {
      try damageCatalogue(store, file)
    }
    for offset in stride(from: UInt64(0), to: UInt64(newest.byteCount), by: 7) {
      let disk = store.disk.snapshot()
      try disk.flipBit(Int(offset % 8), at: offset, in: newest.file)
      let report = try Engine.repair(
        disk: disk, clock: store.clock, options: store.options, RepairOptions())
      #expect(report.steps.map(\.object) == [newest.file])
      let engine = try Engine.open(disk: disk, clock: store.clock, options: store.options)
      #expect(try engine.branches.named("main").all(2) == [1, 2, 3])
      #expect(try engine.branches.named("main@kept").all(2) == nil)
      engine.abandon()
    }
  }

  @Test func `an older catalogue says which branches were deleted, and which never written`() throws
  {
    let store = try TestStore()
    let main = try store.engine.branches.create(named: "main")
    let gone = try store.engine.branches.create(named: "gone")
    let forgotten = try store.engine.branches.create(named: "forgotten")
    for branch in [main, gone, forgotten] {
      try branch.put(1, [UInt8(branch.id.rawValue)])
      try branch.put(2, [7])
    }
    try store.engine.sealer.sealAll()
    _ = try store.engine.branches.fork(main, named: "main@kept", isReadOnly: true)
    _ = try store.engine.branches.delete([forgotten])
    _ = try store.engine.collector.collectGarbage(CollectionOptions())
    _ = try store.engine.branches.delete([gone])
    try store.engine.checkpointer.write()
    // Behind the older catalogue: a gap, then what the journal still has.
    try main.put(1, [8])
    try store.engine.sealer.sealAll()
    try store.engine.close()
    store.engine = try Engine.open(disk: store.disk, clock: store.clock, options: store.options)
    let again = try store.engine.branches.named("main")
    _ = try store.engine.branches.fork(again, named: "late", isReadOnly: false)
    try store.engine.checkpointer.write()
    store.disk.kill()
    store.engine.abandon()
    let files = try StoreInspector(disk: store.disk).catalogues()
    try damageCatalogue(store, try #require(files.first).file)
    for file in store.disk.fileNames() where file.hasPrefix("journal/") {
      try store.disk.setContents(of: file, to: [])
    }
    // The damaged one is of a later record than any that is left.
    let refusal = #expect(throws: StoreError.self) { try store.repair() }
    #expect(refusal?.message.contains("as of record") == true)
    let damaged = store.disk.snapshot()
    let report = try store.repair(acceptsLoss: true)
    #expect(report.steps.first?.action.contains("the catalogue of record") == true)
    try expectKnown(store, store.disk)
    var options = RepairOptions()
    options.acceptsLoss = true
    let reference = damaged.snapshot()
    let start = reference.operationCount
    _ = try Engine.repair(
      disk: reference, clock: store.clock, options: store.options, options)
    for point in start..<reference.operationCount {
      let disk = damaged.snapshot()
      disk.powerOff(beforeOperation: point)
      let rest = reference.operations[point...].map(\.name)
      let outcome = Result {
        try Engine.repair(disk: disk, clock: store.clock, options: store.options, options)
      }
      // Hints are written last, and nothing fails for their sake.
      if rest.contains(where: { !$0.hasPrefix("hints-") && !$0.isEmpty }) {
        #expect(throws: StoreError.self) { try outcome.get() }
      }
      disk.crash(seed: UInt64(point))
      _ = try Engine.repair(disk: disk, clock: store.clock, options: store.options, options)
      try expectKnown(store, disk)
    }
  }

  private func expectKnown(_ store: TestStore, _ disk: SimulatedDisk) throws {
    let engine = try Engine.open(disk: disk, clock: store.clock, options: store.options)
    defer { engine.abandon() }
    #expect(try engine.branches.named("main").all(1) == [8])
    #expect(try engine.branches.named("main@kept").all(1) == [1])
    #expect(throws: StoreError.self) { try engine.branches.named("gone") }
    #expect(throws: StoreError.self) { try engine.branches.named("forgotten") }
    #expect(try engine.checks.check().findings == [])
  }

  @Test func `without catalogues the journal tells of forks and deletions`() throws {
    let store = try TestStore()
    let main = try store.engine.branches.create(named: "main")
    let gone = try store.engine.branches.create(named: "gone")
    for branch in [main, gone] { try branch.put(1, [UInt8(branch.id.rawValue)]) }
    try store.engine.close()
    store.engine = try Engine.open(disk: store.disk, clock: store.clock, options: store.options)
    let again = try store.engine.branches.named("main")
    _ = try store.engine.branches.fork(again, named: "main@kept", isReadOnly: true)
    try again.flush(through: again.put(1, [8]))
    try store.engine.sealer.sealAll()
    _ = try store.engine.branches.delete([try store.engine.branches.named("gone")])
    store.disk.kill()
    store.engine.abandon()
    for file in store.disk.fileNames() where file.hasPrefix("catalogue-") {
      try damageCatalogue(store, file)
    }
    let report = try store.repair(acceptsLoss: true)
    #expect(report.steps.first?.action.contains("records of the journal") == true)
    try store.open()
    #expect(try store.engine.branches.named("main").all(1) == [8])
    #expect(try store.engine.branches.named("main@kept").all(1) == [1])
    #expect(throws: StoreError.self) { try store.engine.branches.named("gone") }
    #expect(try store.engine.checks.check().findings == [])
  }

  @Test func `an older catalogue never stands in when the damaged one hides its own record`() throws
  {
    let store = try TestStore()
    let main = try store.engine.branches.create(named: "main")
    try main.put(1, [1])
    try store.engine.close()
    try store.open()
    try store.engine.branches.named("main").put(1, [2])
    try store.engine.close()
    let newest = try #require(try StoreInspector(disk: store.disk).catalogues().first).file
    let bytes = try store.disk.contents(of: newest)
    // The first block went, then the number of its record alone.
    for range in [0..<64, 8..<16] {
      let disk = store.disk.snapshot()
      var damaged = bytes
      damaged.replaceSubrange(range, with: repeatElement(0, count: range.count))
      try disk.setContents(of: newest, to: damaged)
      #expect(throws: StoreError.self) {
        try Engine.repair(
          disk: disk, clock: store.clock, options: store.options, RepairOptions())
      }
      var accepting = RepairOptions()
      accepting.acceptsLoss = true
      _ = try Engine.repair(
        disk: disk, clock: store.clock, options: store.options, accepting)
      let engine = try Engine.open(disk: disk, clock: store.clock, options: store.options)
      #expect(try engine.branches.named("main").all(1) == [2])
      engine.abandon()
    }
  }

  @Test func `an older catalogue and the journal stand in for a damaged one`() throws {
    let store = try TestStore()
    var generator = SplitMix64(seed: 3)
    let main = try store.engine.branches.create(named: "main")
    let bytes = generator.bytes(20 * Self.page)
    try main.put(1, bytes)
    try store.engine.sealer.sealAll()
    try store.engine.checkpointer.write()
    _ = try store.engine.branches.fork(main, named: "child", isReadOnly: false)
    try main.flush(through: main.put(2, [1, 2, 3]))
    try store.engine.checkpointer.write()
    store.disk.kill()
    store.engine.abandon()
    let newest = try #require(try StoreInspector(disk: store.disk).catalogues().first).file
    try damageCatalogue(store, newest)
    let failure = #expect(throws: StoreError.self) { try store.open() }
    #expect(failure?.remedy.description.contains("`Store.repair`") == true)
    let report = try store.repair()
    #expect(report.steps.map(\.object) == [newest])
    #expect(!report.folder.isEmpty)
    #expect(try store.disk.contents(of: "\(report.folder)/\(newest)").count > 100)
    try store.open()
    #expect(try store.engine.branches.named("main").all(1) == bytes)
    #expect(try store.engine.branches.named("main").all(2) == [1, 2, 3])
    #expect(try store.engine.branches.named("child").all(1) == bytes)
  }

  @Test func `without any catalogue the segments tell the branches, if a loss is accepted`() throws
  {
    let store = try TestStore()
    var generator = SplitMix64(seed: 4)
    var contents: [String: [UInt8]] = [:]
    for name in ["main", "trial"] {
      let branch = try store.engine.branches.create(named: name)
      try branch.put(1, generator.bytes(30 * Self.page))
      try store.engine.sealer.sealAll()
      contents[name] = generator.bytes(30 * Self.page)
      try branch.put(1, contents[name] ?? [])
      try store.engine.sealer.sealAll()
    }
    var collection = CollectionOptions()
    collection.isFull = true
    // Notes move with what else is live.
    #expect(try store.engine.collector.collectGarbage(collection).copiedByteCount > 0)
    try store.engine.close()
    for name in store.disk.fileNames().filter({ $0.hasPrefix("catalogue-") }) {
      try damageCatalogue(store, name)
    }
    let refusal = #expect(throws: StoreError.self) { try store.repair() }
    #expect(refusal?.remedy.description.contains("acceptingLoss: true") == true)
    #expect(!store.disk.fileNames().contains { $0.hasPrefix("repair-") })
    let report = try store.repair(acceptsLoss: true)
    // Without a catalogue nobody can know.
    #expect(report.steps.last?.action == "these may have been deleted before: main, trial")
    try store.open()
    for (name, bytes) in contents {
      #expect(try store.engine.branches.named(name).all(1) == bytes)
    }
    // The store works on.
    let main = try store.engine.branches.named("main")
    let fork = try store.engine.branches.fork(main, named: "fork", isReadOnly: false)
    try fork.put(1, generator.bytes(10 * Self.page))
    try store.engine.sealer.sealAll()
    _ = try store.engine.collector.collectGarbage(collection)
    #expect(try store.engine.checks.check().findings == [])
    try store.crash(seed: 1)
    #expect(try store.engine.branches.named("main").all(1) == contents["main"])
  }

  // MARK: The journal

  @Test func `acknowledged records that are gone are dropped only when that is accepted`() throws {
    let store = try TestStore()
    let main = try store.engine.branches.create(named: "main")
    let trial = try store.engine.branches.create(named: "trial")
    try main.flush(through: main.put(1, [1]))
    try trial.flush(through: trial.put(7, [2]))
    try trial.flush(through: trial.put(7, [3]))
    try trial.flush(through: trial.put(8, [4]))
    store.disk.kill()
    store.engine.abandon()
    try damageBatch(store, behind: 2)
    let refusal = #expect(throws: StoreError.self) { try store.open() }
    let message = refusal?.message ?? ""
    #expect(message.contains(", of trial,"), "\(message)")
    #expect(
      refusal?.remedy.description.contains("`Store.repair` with `acceptingLoss: true`") == true)
    let before = store.disk.snapshot()
    let second = #expect(throws: StoreError.self) { try store.repair() }
    #expect(second?.kind == .corrupt)
    #expect(before.fileNames() == store.disk.fileNames())
    let report = try store.repair(acceptsLoss: true)
    let loss = try #require(report.droppedRecords)
    #expect(loss.branches == [trial.id])
    #expect(loss.volumes.isSubset(of: [VolumeNumber(7), VolumeNumber(8)]))
    #expect(store.disk.fileNames().contains { $0.hasPrefix("\(report.folder)/journal-") })
    try store.open()
    #expect(try store.engine.branches.named("main").all(1) == [1])
    #expect(try store.engine.branches.named("trial").all(8) == nil)
    let again = try store.engine.branches.named("trial")
    try again.flush(through: again.put(8, [5]))
    try store.crash(seed: 1)
    #expect(try store.engine.branches.named("trial").all(8) == [5])
  }

  /// Damages the batch that comes after that many batches with writes.
  private func damageBatch(_ store: TestStore, behind count: Int) throws {
    for file in store.disk.fileNames() where file.hasPrefix("journal/") {
      let bytes = try store.disk.contents(of: file)
      var found = 0
      for offset in stride(from: 4096, to: bytes.count, by: 4096) {
        let isBatch = bytes.withUnsafeBytes { buffer in
          let block = UnsafeRawBufferPointer(rebasing: buffer[offset..<offset + 64])
          return (try? JournalBatchHeader.decode(block.bytes)) != nil
        }
        guard isBatch else { continue }
        // The first two made the branches.
        if found == 2 + count - 1 {
          try store.disk.flipBit(0, at: UInt64(offset) + 70, in: file)
          return
        }
        found += 1
      }
    }
    Issue.record("no such batch")
  }
}
