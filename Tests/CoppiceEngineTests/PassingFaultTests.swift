import CoppiceEngine
import CoppiceFormat
import CoppicePlatform
import Glibc
import TestSupport
import Testing

/// What the system lacks for a moment says nothing of what is stored. Every call that opens or
/// reads a file fails, in turn, for want of descriptors or memory: what is done then ends with that
/// error or as if nothing had been lacking, and leaves nothing behind that a second try does
/// not make good (S34).
@Suite struct PassingFaultTests {
  private static let page = 4096

  /// What is lacking, at which calls, and how often in a row.
  struct Lack: Sendable, CustomTestStringConvertible {
    var kind: DiskOperation.Kind
    var code: Int32
    var isLasting = false
    /// From one call that fails first to the next.
    var step = 1

    var testDescription: String {
      "\(kind.rawValue) fails with errno \(code)\(isLasting ? " from then on" : "")"
    }

    static let all = [
      Lack(kind: .open, code: EMFILE), Lack(kind: .open, code: EMFILE, isLasting: true),
      Lack(kind: .read, code: ENOMEM), Lack(kind: .read, code: ENOMEM, isLasting: true, step: 17),
    ]
  }

  /// A closed store with hosts and with a segment of its own branches' frames: pages stored raw,
  /// compressed and as differences, nodes in full and as overrides, notes.
  private final class Scene {
    let store: TestStore
    private var generator = SplitMix64(seed: 31)
    private var contents: [String: [UInt64: [UInt8]]] = [:]

    init() throws {
      store = try TestStore()
      let main = try store.engine.branches.create(named: "main")
      let gone = try store.engine.branches.create(named: "gone")
      try put(main, 1, page: 0, bytes(pages: 6))
      try put(gone, 3, page: 0, bytes(pages: 1))
      try store.engine.sealer.sealAll()
      try change(main, 1, pages: 1..<3)
      try put(main, 1, page: 5, bytes(pages: 1))
      try store.engine.sealer.sealAll()
      let child = try store.engine.branches.fork(main, named: "child", isReadOnly: false)
      contents["child"] = contents["main"]
      try change(child, 1, pages: 2..<4)
      try store.engine.branches.delete([gone])
      try store.engine.sealer.sealAll()
      #expect(try collect(store.engine).copiedByteCount > 0)
      try change(main, 1, pages: 0..<2)
      try change(child, 1, pages: 3..<4)
      try store.engine.sealer.sealAll()
      // With an empty window equal pages are stored once more.
      try store.reopen()
      let other = try store.engine.branches.create(named: "other")
      try put(other, 2, page: 0, try #require(contents["main"]?[1]))
      try store.engine.sealer.sealAll()
      try store.engine.close()
    }

    private func bytes(pages count: Int) -> [UInt8] {
      (0..<count).flatMap { number in
        let page = generator.bytes(PassingFaultTests.page)
        return number % 2 == 0 ? page : page.map { $0 & 7 }
      }
    }

    func put(_ branch: EngineBranch, _ volume: UInt64, page: Int, _ bytes: [UInt8]) throws {
      let offset = page * PassingFaultTests.page
      try branch.put(volume, at: UInt64(offset), bytes)
      let name = store.engine.name(of: branch.id)
      var all = contents[name, default: [:]][volume] ?? []
      let missing = max(0, offset + bytes.count - all.count)
      all += [UInt8](repeating: 0, count: missing)
      all.replaceSubrange(offset..<offset + bytes.count, with: bytes)
      contents[name, default: [:]][volume] = all
    }

    /// Writes whole pages that differ from the old ones in a few bytes.
    func change(_ branch: EngineBranch, _ volume: UInt64, pages: Range<Int>) throws {
      let name = store.engine.name(of: branch.id)
      for page in pages {
        let start = page * PassingFaultTests.page
        let old = try #require(contents[name]?[volume])[start..<start + PassingFaultTests.page]
        try put(branch, volume, page: page, generator.bytes(10) + old.dropFirst(10))
      }
    }

    @discardableResult
    func collect(_ engine: Engine) throws -> CollectionReport {
      var options = CollectionOptions()
      options.isFull = true
      return try engine.collector.collectGarbage(options)
    }

    func open(_ disk: SimulatedDisk) throws -> Engine {
      try Engine.open(disk: disk, clock: store.clock, options: store.options)
    }

    func repair(_ disk: SimulatedDisk) throws -> RepairReport {
      var repair = RepairOptions()
      repair.acceptsLoss = true
      return try Engine.repair(
        disk: disk, clock: store.clock, options: store.options, repair)
    }

    func segments() throws -> [StoreInspector.SegmentInspection] {
      let inspector = StoreInspector(disk: store.disk)
      return try inspector.segments().map { try inspector.segment($0) }
    }

    /// All that the branches hold; `nil` stands for a file that cannot be read whole.
    func state(of disk: SimulatedDisk) throws -> [String: [UInt64: [UInt8]?]] {
      let engine = try open(disk)
      defer { engine.abandon() }
      return try state(of: engine)
    }

    func state(of engine: Engine) throws -> [String: [UInt64: [UInt8]?]] {
      var state: [String: [UInt64: [UInt8]?]] = [:]
      for entry in engine.branches.entries() where !entry.flags.contains(.deleted) {
        let branch = try engine.branches.named(entry.name)
        for volume in UInt64(1)...3 {
          do { state[entry.name, default: [:]][volume] = try branch.all(volume) } catch {
            state[entry.name, default: [:]][volume] = .some(nil)
          }
        }
      }
      return state
    }
  }

  /// Runs `work` on copies of a disk, each time with one call more that succeeds before the fault,
  /// until there is none left to fail; then `check`, without faults, of every disk that this leads
  /// to.
  private func sweep(
    _ disk: SimulatedDisk, _ lack: Lack, _ work: (SimulatedDisk) throws -> Void,
    then check: (SimulatedDisk, Comment) throws -> Void
  ) throws {
    var passing = 0
    var checked: Set<Int> = []
    while true {
      let disk = disk.snapshot()
      let before = disk.failedCallCount
      disk.inject(
        DiskFault(
          lack.kind, passing: passing, failing: lack.isLasting ? .max : 1, code: lack.code))
      do { try work(disk) } catch let error as StoreError {
        #expect(error.reason == .passing, "call \(passing): \(error)")
      }
      disk.clearFaults()
      if disk.failedCallCount == before { break }
      disk.kill()
      if checked.insert(try contentHash(of: disk)).inserted {
        try check(disk, "\(lack.testDescription), call \(passing)")
      }
      passing += lack.step
    }
    #expect(passing > 1)
  }

  private func contentHash(of disk: SimulatedDisk) throws -> Int {
    var hasher = Hasher()
    for name in disk.fileNames() {
      hasher.combine(name)
      try disk.contents(of: name).withUnsafeBytes { hasher.combine(bytes: $0) }
    }
    return hasher.finalize()
  }

  // MARK: Repair

  private func sweepRepair(_ scene: Scene, _ disk: SimulatedDisk, _ lack: Lack) throws {
    let reference = disk.snapshot()
    let lost = try scene.repair(reference).lost
    let expected = try scene.state(of: reference)
    try sweep(disk, lack) { disk in
      let report = try scene.repair(disk)
      #expect(report.lost == lost)
    } then: { disk, place in
      #expect(try scene.repair(disk).lost == lost, place)
      let engine = try scene.open(disk)
      defer { engine.abandon() }
      #expect(try scene.state(of: engine) == expected, place)
      #expect(try engine.checks.check().findings == [], place)
    }
  }

  @Test(arguments: Lack.all)
  func `a rescue of segments loses no frame that could not be read for a moment`(lack: Lack) throws
  {
    let scene = try Scene()
    let sound = try scene.state(of: scene.store.disk.snapshot())
    let disk = scene.store.disk.snapshot()
    // All but that of `other`, which is as the others are.
    for segment in try scene.segments().dropLast() {
      let bundle = try #require(segment.bundles.first)
      try disk.flipBit(
        0, at: bundle.offset + UInt64(bundle.header.directoryOffset) + 3, in: segment.file)
    }
    try sweepRepair(scene, disk, lack)
    _ = try scene.repair(disk)
    #expect(try scene.state(of: disk) == sound)
  }

  @Test(arguments: Lack.all)
  func `nodes and pages are healed as if nothing had been lacking`(lack: Lack) throws {
    let scene = try Scene()
    let sound = try scene.state(of: scene.store.disk.snapshot())
    let disk = scene.store.disk.snapshot()
    let frames = try scene.segments().flatMap { segment in
      segment.bundles.flatMap(\.frames).map { (segment.file, $0) }
    }
    for kind in [FrameKind.volumeNode, .tableNode] {
      let (file, node) = try #require(frames.last { $0.1.entry.form.kind == kind })
      try disk.flipBit(3, at: UInt64(node.locator.offset) + 40, in: file)
    }
    // Of one that `other` has too.
    let (file, copied) = try #require(
      frames.first { $0.1.entry.form.kind == .page && $0.1.entry.page == PageNumber(4) })
    try disk.flipBit(3, at: UInt64(copied.locator.offset) + 40, in: file)
    try sweepRepair(scene, disk, lack)
    let report = try scene.repair(disk)
    #expect(report.healedNodeCount == 2 && report.healedPageCount > 0)
    #expect(try scene.state(of: disk) == sound)
  }

  @Test(arguments: Lack.all)
  func `a catalogue is put together of all that is there`(lack: Lack) throws {
    let scene = try Scene()
    let store = scene.store
    try store.open()
    let main = try store.engine.branches.named("main")
    let late = try store.engine.branches.fork(main, named: "late", isReadOnly: false)
    try scene.put(late, 3, page: 0, [1, 2, 3])
    try store.engine.branches.delete([try store.engine.branches.named("other")])
    try store.engine.sealer.sealAll()
    store.disk.kill()
    store.engine.abandon()
    for name in store.disk.fileNames().filter({ $0.hasPrefix("catalogue-") }) {
      try store.disk.flipBit(1, at: 60, in: name)
      try store.disk.flipBit(5, at: 68, in: name)
    }
    try sweepRepair(scene, store.disk, lack)
  }

  // MARK: Collections

  @Test(arguments: Lack.all)
  func `a collection keeps what could not be read for a moment, and no more`(lack: Lack) throws {
    let scene = try Scene()
    let store = scene.store
    try store.open()
    try store.engine.branches.delete([try store.engine.branches.named("child")])
    try store.engine.close()
    let reference = store.disk.snapshot()
    var engine = try scene.open(reference)
    try scene.collect(engine)
    let expected = try scene.state(of: engine)
    let byteCount = engine.accounts.statistics.segmentByteCount
    try engine.close()
    try sweep(store.disk, lack) { disk in
      let engine = try scene.open(disk)
      defer { engine.abandon() }
      let report = try scene.collect(engine)
      #expect(report.unreadable == [])
      // What the store remembers of the one before was read.
      #expect(report.cycleNumber == 2)
    } then: { disk, place in
      engine = try scene.open(disk)
      try scene.collect(engine)
      #expect(try scene.state(of: engine) == expected, place)
      #expect(try engine.checks.check().findings == [], place)
      #expect(engine.accounts.statistics.segmentByteCount < byteCount + byteCount / 8, place)
      try engine.close()
      // The newest note of every branch was kept.
      for name in disk.fileNames().filter({ $0.hasPrefix("catalogue-") }) {
        try disk.flipBit(1, at: 60, in: name)
        try disk.flipBit(5, at: 68, in: name)
      }
      _ = try scene.repair(disk)
      #expect(try scene.state(of: disk) == expected, place)
    }
  }

  @Test func `a node on a bad sector is damage, and ends no collection`() throws {
    let scene = try Scene()
    try scene.store.open()
    scene.store.disk.inject(DiskFault(.read, namePrefix: "segments/", code: EIO))
    #expect(try scene.collect(scene.store.engine).unreadable.count == 1)
  }

  // MARK: Seals

  @Test(arguments: Lack.all)
  func `a seal stores nothing anew that could not be read for a moment`(lack: Lack) throws {
    let scene = try Scene()
    let store = scene.store
    try store.open()
    let main = try store.engine.branches.named("main")
    try scene.change(main, 1, pages: 0..<4)
    // What is there already.
    try main.put(1, at: UInt64(4 * Self.page), main.get(1, at: UInt64(4 * Self.page), Self.page))
    try main.flush(through: main.put(1, at: UInt64(5 * Self.page), [9, 9, 9]))
    store.disk.kill()
    store.engine.abandon()
    func counts(_ disk: SimulatedDisk) throws -> SealCounts {
      let engine = try scene.open(disk)
      defer { engine.abandon() }
      try engine.sealer.sealAll()
      return engine.accounts.statistics.seals
    }
    let reference = store.disk.snapshot()
    let expected = try counts(reference)
    #expect(expected.deltaCount > 2 && expected.unchangedCount == 1)
    let state = try scene.state(of: reference)
    try sweep(store.disk, lack) { disk in
      let found = try counts(disk)
      #expect(found.deltaCount == expected.deltaCount)
      #expect(found.unchangedCount == expected.unchangedCount)
      #expect(found.nodeByteCount < expected.nodeByteCount + expected.nodeByteCount / 4)
    } then: { disk, place in
      _ = try counts(disk)
      #expect(try scene.state(of: disk) == state, place)
    }
  }

  // MARK: Reading and looking

  @Test(arguments: Lack.all)
  func `what is known of a damaged host is all that can be read of it`(lack: Lack) throws {
    let scene = try Scene()
    let disk = scene.store.disk.snapshot()
    for host in try scene.segments() where host.bundles.contains(where: \.header.hasHomeNames) {
      let bundle = try #require(host.bundles.first)
      try disk.flipBit(
        0, at: bundle.offset + UInt64(bundle.header.directoryOffset) + 3, in: host.file)
    }
    let expected = try scene.state(of: disk.snapshot())
    #expect(expected.values.joined().contains { $0.value == .some(nil) })
    var passing = 0
    while true {
      let engine = try scene.open(disk)
      defer { engine.abandon() }
      let before = disk.failedCallCount
      disk.inject(
        DiskFault(
          lack.kind, passing: passing, failing: lack.isLasting ? .max : 1, code: lack.code))
      _ = try scene.state(of: engine)
      disk.clearFaults()
      if disk.failedCallCount == before { break }
      #expect(try scene.state(of: engine) == expected, "call \(passing)")
      passing += lack.step
    }
    #expect(passing > 1)
  }

  @Test(arguments: Lack.all)
  func `a scrub goes on where the last one could not read`(lack: Lack) throws {
    let scene = try Scene()
    let disk = scene.store.disk.snapshot()
    let segment = try #require(try scene.segments().first)
    let frame = try #require(
      segment.bundles.flatMap(\.frames).first { $0.entry.form == FrameForm(.page, .raw) })
    try disk.flipBit(3, at: UInt64(frame.locator.offset) + 40, in: segment.file)
    func scrub(_ engine: Engine) throws {
      _ = try engine.checks.scrubOn(
        isRestarted: false, options: ScrubOptions(), sleep: { _ in }, visit: { _ in true })
    }
    try sweep(disk, lack) { disk in
      let engine = try scene.open(disk)
      defer { engine.abandon() }
      do { try scrub(engine) } catch {
        disk.clearFaults()
        try scrub(engine)
      }
      let status = engine.checks.scrubStatus
      #expect(status.next == nil && status.findingCount > 0)
    } then: { _, _ in
    }
  }
}
