import CoppiceEngine
import CoppiceFormat
import TestSupport
import Testing

@Suite struct InspectorTests {
  private func sampleStore() throws -> TestStore {
    let store = try TestStore()
    let main = try store.engine.branches.create(named: "main")
    var generator = SplitMix64(seed: 41)
    try main.put(1, generator.bytes(300 * 4096))
    try store.engine.sealer.sealAll()
    try main.put(1, at: 5000, [1, 2, 3])
    try store.engine.sealer.sealAll()
    return store
  }

  @Test func `the superblock's two copies are shown`() throws {
    let store = try sampleStore()
    try store.disk.flipBit(0, at: 20, in: "superblock")
    let copies = try StoreInspector(disk: store.disk).superblock().copies
    #expect(copies.count == 2)
    #expect(throws: FormatError.self) { try copies[0].get() }
    #expect(try copies[1].get() == store.engine.superblock)
  }

  @Test func `a branch's tree is read from its root to a page`() throws {
    let store = try sampleStore()
    let inspector = StoreInspector(disk: store.disk)
    let root = try #require(store.engine.branches.entries().first).root
    let table = try inspector.node(at: root.locator)
    #expect(table.header.id == root.hash)
    #expect(table.refs.map(\.index) == [1])
    let top = try inspector.node(table.refs[0].ref.locator.name)
    #expect(top.header.byteCount == 300 * 4096)
    #expect(top.header.level == 1)
    #expect(top.refs.map(\.index) == [0, 1])
    let leaf = try inspector.node(at: top.refs[0].ref.locator)
    #expect(leaf.refs.count == 256)
    #expect(leaf.base != nil)
    let changed = leaf.refs[1].ref.locator
    #expect(changed.form == FrameForm(.page, .zstdOnBase))
    #expect(throws: StoreError.self) { try inspector.node(changed.name) }
    #expect(throws: StoreError.self) {
      try inspector.node(FrameName(segment: SegmentID(9), ordinal: 0))
    }
  }

  @Test func `nodes that a collection moved are found in their hosts`() throws {
    let store = try sampleStore()
    let main = try store.engine.branches.named("main")
    try main.put(1, at: 8192, [UInt8](repeating: 7, count: 4096))
    try store.engine.sealer.sealAll()
    var options = CollectionOptions()
    options.isFull = true
    _ = try store.engine.collector.collectGarbage(options)
    let inspector = StoreInspector(disk: store.disk)
    let root = try #require(store.engine.branches.entries().first).root
    #expect(!(try inspector.segments().contains(root.locator.name.segment)))
    let table = try inspector.node(at: root.locator)
    #expect(table.header.id == root.hash)
    let top = try inspector.node(at: table.refs[0].ref.locator)
    #expect(try inspector.node(at: top.refs[0].ref.locator).refs.count == 256)
  }

  @Test func `the journal's records are shown in order`() throws {
    let store = try TestStore()
    let main = try store.engine.branches.create(named: "main")
    var transaction = Transaction(time: 3)
    transaction.resize(VolumeNumber(1), to: 9000)
    transaction.hole(VolumeNumber(1), at: 0, byteCount: 100)
    try main.flush(through: try main.commit(transaction))
    let files = try StoreInspector(disk: store.disk).journalFiles()
    let records = files.flatMap(\.batches).flatMap(\.records)
    #expect(records.map(\.header.kind) == [.create, .write])
    guard case .create(let name, _, _, _)? = records.first?.control else {
      Issue.record("a create record was expected")
      return
    }
    #expect(name == "main")
    #expect(records.last?.ops.map(\.code) == [.resize, .hole])
    #expect(files.allSatisfy { $0.problem == nil })
  }

  @Test func `damage ends a segment's list with a reason`() throws {
    let store = try sampleStore()
    let inspector = StoreInspector(disk: store.disk)
    let whole = try inspector.segment(SegmentID(1))
    #expect(whole.problem == nil)
    #expect(whole.header?.segment == SegmentID(1))
    try store.disk.flipBit(2, at: whole.bundles[1].offset + 9, in: whole.file)
    let damaged = try inspector.segment(SegmentID(1))
    #expect(damaged.bundles.count == 1)
    #expect(damaged.problem != nil)
  }
}
