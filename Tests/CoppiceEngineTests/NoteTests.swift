import CoppiceEngine
import CoppiceFormat
import TestSupport
import Testing

/// What is found of branches when both catalogues and the journal are lost, and only notes tell.
@Suite struct NoteTests {
  private static let page = 4096

  private func fill(_ staging: StagingImport, _ bytes: [UInt8]) throws {
    try bytes.withUnsafeBytes { try staging.putLeaf(VolumeNumber(7), leafIndex: 0, pages: $0) }
    try staging.finishVolume(VolumeNumber(7), byteCount: UInt64(bytes.count), modified: 9)
  }

  @discardableResult
  private func importNew(_ name: String, _ bytes: [UInt8], _ store: TestStore) throws
    -> EngineBranch
  {
    let staging = try store.engine.imports.begin(domain: .standard)
    try fill(staging, bytes)
    return try staging.publish(creating: name)
  }

  private func importReplacing(_ branch: EngineBranch, _ bytes: [UInt8], _ store: TestStore) throws
  {
    let staging = try store.engine.imports.begin(replacing: branch)
    try fill(staging, bytes)
    try staging.publishReplacing()
  }

  /// Opens what a repair makes of a store that has neither a catalogue nor a journal.
  private func withoutCatalogue(_ disk: SimulatedDisk, _ store: TestStore) throws -> Engine {
    for file in disk.fileNames() where file.hasPrefix("catalogue-") || file.hasPrefix("journal/") {
      try disk.setContents(of: file, to: [])
    }
    var options = RepairOptions()
    options.acceptsLoss = true
    let report = try Engine.repair(
      disk: disk, clock: store.clock, options: store.options, options)
    #expect(report.lost == [])
    let engine = try Engine.open(disk: disk, clock: store.clock, options: store.options)
    #expect(try engine.checks.check { _ in true }.findings == [])
    return engine
  }

  @Test func `imports that were never written to are found`() throws {
    let store = try TestStore()
    var generator = SplitMix64(seed: 1)
    let (bytes, old, new) = (
      generator.bytes(200 * Self.page), generator.bytes(30 * Self.page),
      generator.bytes(40 * Self.page + 7)
    )
    try importNew("baseline", bytes, store)
    let replaced = try importNew("replaced", old, store)
    try replaced.put(8, [1])
    try importReplacing(replaced, new, store)
    try importNew("empty", [], store)
    for isCollected in [false, true] {
      if isCollected {
        var options = CollectionOptions()
        options.isFull = true
        _ = try store.engine.collector.collectGarbage(options)
      }
      try store.reopen()
      let disk = store.disk.snapshot()
      disk.kill()
      let engine = try withoutCatalogue(disk, store)
      #expect(try engine.branches.named("baseline").all(7) == bytes)
      #expect(try engine.branches.named("replaced").all(7) == new)
      #expect(try engine.branches.named("empty").all(7) == [])
      engine.abandon()
    }
  }

  @Test func `an import behind the older catalogue is found`() throws {
    let store = try TestStore()
    var generator = SplitMix64(seed: 2)
    let main = try importNew("main", generator.bytes(20 * Self.page), store)
    try store.engine.checkpointer.write()
    let bytes = generator.bytes(20 * Self.page)
    try importReplacing(main, bytes, store)
    try store.engine.checkpointer.write()
    store.disk.kill()
    store.engine.abandon()
    let newest = try #require(try StoreInspector(disk: store.disk).catalogues().first).file
    for file in store.disk.fileNames() where file == newest || file.hasPrefix("journal/") {
      try store.disk.setContents(of: file, to: [])
    }
    var options = RepairOptions()
    options.acceptsLoss = true
    _ = try Engine.repair(
      disk: store.disk, clock: store.clock, options: store.options, options)
    let engine = try Engine.open(disk: store.disk, clock: store.clock, options: store.options)
    #expect(try engine.branches.named("main").all(7) == bytes)
    engine.abandon()
  }

  @Test func `the note of an import that failed stands against no state of the branch`() throws {
    for isSealed in [false, true] {
      let store = try TestStore()
      var generator = SplitMix64(seed: 3)
      let (old, new) = (generator.bytes(20 * Self.page), generator.bytes(20 * Self.page))
      let main = try importNew("main", old, store)
      let staging = try store.engine.imports.begin(replacing: main)
      try fill(staging, new)
      // Somebody writes between the note and the record.
      store.disk.intercept(.sync, namePrefix: "segments/") {
        _ = try? main.put(8, [1, 2])
        _ = try? store.engine.branches.fork(main, named: "child", isReadOnly: false)
      }
      let failure = #expect(throws: StoreError.self) { try staging.publishReplacing() }
      #expect(failure?.kind == .conflict)
      if isSealed {
        try store.engine.sealer.sealAll()
      } else {
        try store.engine.sealer.publishAppended()
      }
      store.disk.kill()
      store.engine.abandon()
      let engine = try withoutCatalogue(store.disk, store)
      if isSealed { #expect(try engine.branches.named("main").all(7) == old) }
      #expect(try engine.branches.named("main").all(8) == (isSealed ? [1, 2] : nil))
      engine.abandon()
    }
  }

  @Test func `the note of an import that met another state is corrected`() throws {
    let store = try TestStore()
    var generator = SplitMix64(seed: 4)
    let (old, new) = (generator.bytes(20 * Self.page), generator.bytes(20 * Self.page))
    let main = try importNew("main", old, store)
    let staging = try store.engine.imports.begin(replacing: main)
    try fill(staging, new)
    store.disk.intercept(.sync, namePrefix: "segments/") {
      _ = try? store.engine.branches.delete([main])
    }
    #expect(throws: StoreError.self) { try staging.publishReplacing() }
    _ = try store.engine.branches.restore(main.id, named: "again")
    try store.engine.sealer.publishAppended()
    store.disk.kill()
    store.engine.abandon()
    let engine = try withoutCatalogue(store.disk, store)
    #expect(
      try engine.branches.entries().map { try engine.branches.named($0.name).all(7) } == [old])
    engine.abandon()
  }

  /// It takes the segment that the import's frames and its note lie in.
  @Test func `a collection between the note of an import and its record keeps both`() throws {
    let store = try TestStore()
    var generator = SplitMix64(seed: 7)
    let junk = try importNew("junk", generator.bytes(200 * Self.page), store)
    let bytes = generator.bytes(20 * Self.page)
    let staging = try store.engine.imports.begin(domain: .standard)
    try fill(staging, bytes)
    var copiedByteCount = 0
    store.disk.intercept(.sync, namePrefix: "segments/") {
      _ = try? store.engine.branches.delete([junk])
      var options = CollectionOptions()
      options.isFull = true
      copiedByteCount = (try? store.engine.collector.collectGarbage(options).copiedByteCount) ?? 0
    }
    _ = try staging.publish(creating: "main")
    #expect(copiedByteCount > 0)
    #expect(try store.engine.checks.check { _ in true }.findings == [])
    try store.reopen()
    store.disk.kill()
    store.engine.abandon()
    let engine = try withoutCatalogue(store.disk, store)
    #expect(try engine.branches.named("main").all(7) == bytes)
    engine.abandon()
  }

  @Test func `a note costs an import no sync`() throws {
    let store = try TestStore()
    var generator = SplitMix64(seed: 5)
    let bytes = generator.bytes(20 * Self.page)
    let main = try importNew("main", bytes, store)
    for content in [generator.bytes(20 * Self.page), bytes] {
      let staging = try store.engine.imports.begin(replacing: main)
      try fill(staging, content)
      let start = store.disk.operationCount
      try staging.publishReplacing()
      let syncs = store.disk.operations[start...].filter { $0.kind == .sync }
      #expect(syncs.count == 2, "one of the segment, one of the journal")
    }
  }

  @Test func `whenever the power goes, a replaced branch is found with its old or new content`()
    throws
  {
    let store = try TestStore()
    var generator = SplitMix64(seed: 6)
    let (old, new) = (generator.bytes(20 * Self.page), generator.bytes(20 * Self.page))
    let main = try importNew("main", old, store)
    let staging = try store.engine.imports.begin(replacing: main)
    try fill(staging, new)
    var cuts: [SimulatedDisk] = []
    store.disk.intercept(nil) { cuts.append(store.disk.snapshot()) }
    for passing in 1..<8 {
      store.disk.intercept(nil, passing: passing) { cuts.append(store.disk.snapshot()) }
    }
    try staging.publishReplacing()
    let end = store.disk.snapshot()
    #expect(cuts.count > 2)
    for (index, disk) in (cuts + [end]).enumerated() {
      for seed in 0..<3 as Range<UInt64> {
        let copy = disk.snapshot()
        copy.crash(seed: seed)
        let engine = try withoutCatalogue(copy, store)
        let found = try engine.branches.named("main").all(7)
        #expect(found == new || (index < cuts.count && found == old))
        engine.abandon()
      }
    }
  }
}
