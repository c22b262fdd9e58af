import CoppiceEngine
import CoppiceFormat
import CoppicePlatform
import TestSupport
import Testing

/// Segments that collections copied live frames to, with damaged bundle directories.
@Suite struct HostRepairTests {
  private static let page = 4096

  /// A store with hosts, and what its branches hold.
  private final class Scene {
    let store: TestStore
    private(set) var contents: [String: [UInt64: [UInt8]]] = [:]
    private(set) var hosts: [StoreInspector.SegmentInspection] = []

    init() throws {
      store = try TestStore()
      var generator = SplitMix64(seed: 21)
      let main = try store.engine.branches.create(named: "main")
      for volume in UInt64(1)...3 {
        var bytes: [UInt8] = []
        for number in 0..<150 {
          let page = generator.bytes(page)
          // Stored raw, and compressed.
          bytes += number % 2 == 0 ? page : page.map { $0 & 7 }
        }
        contents["main", default: [:]][volume] = bytes
        try main.put(volume, bytes)
      }
      try store.engine.sealer.sealAll()
      // Dead pages, and deltas on bases that no ref names any more.
      for number in 20..<60 {
        try put(main, 1, page: number, generator.bytes(HostRepairTests.page))
      }
      for number in 60..<100 { try put(main, 2, page: number, [UInt8(number), 1, 2]) }
      try store.engine.sealer.sealAll()
      let child = try store.engine.branches.fork(main, named: "child", isReadOnly: false)
      contents["child"] = contents["main"]
      for number in 90..<110 { try put(child, 2, page: number, [UInt8(number), 3]) }
      try store.engine.sealer.sealAll()
      var collection = CollectionOptions()
      collection.isFull = true
      #expect(try store.engine.collector.collectGarbage(collection).copiedByteCount > 0)
      try store.engine.close()
      let inspector = StoreInspector(disk: store.disk)
      hosts = try inspector.segments().map { try inspector.segment($0) }
        .filter { $0.bundles.contains { $0.header.hasHomeNames } }
    }

    private func put(
      _ branch: EngineBranch, _ volume: UInt64, page: Int, _ bytes: [UInt8]
    ) throws {
      let offset = page * HostRepairTests.page
      try branch.put(volume, at: UInt64(offset), bytes)
      contents[store.engine.name(of: branch.id)]?[volume]?
        .replaceSubrange(offset..<offset + bytes.count, with: bytes)
    }

    func repair(_ disk: SimulatedDisk) throws -> RepairReport {
      try Engine.repair(
        disk: disk, clock: store.clock, options: store.options, RepairOptions())
    }

    func open(_ disk: SimulatedDisk) throws -> Engine {
      try Engine.open(disk: disk, clock: store.clock, options: store.options)
    }

    /// The pages that cannot be read, in all branches; any that are wrong are an issue.
    func unreadablePageCount(_ engine: Engine) throws -> Int {
      try unreadablePages(engine).count
    }

    func unreadablePages(
      _ engine: Engine
    ) throws -> [(branch: String, volume: UInt64, page: UInt64)] {
      var pages: [(branch: String, volume: UInt64, page: UInt64)] = []
      for (name, volumes) in contents {
        let branch = try engine.branches.named(name)
        for (volume, bytes) in volumes {
          for start in stride(from: 0, to: bytes.count, by: page) {
            guard let found = try? branch.get(volume, at: UInt64(start), page) else {
              pages.append((name, volume, UInt64(start / page)))
              continue
            }
            if found != Array(bytes[start..<start + page]) {
              Issue.record("wrong content in \(name), volume \(volume), at \(start)")
            }
          }
        }
      }
      return pages
    }

    private let page = HostRepairTests.page
  }

  private func damageDirectory(
    _ bundle: BundleInspection, of host: StoreInspector.SegmentInspection,
    on disk: SimulatedDisk
  ) throws {
    try disk.flipBit(
      0, at: bundle.offset + UInt64(bundle.header.directoryOffset) + 3, in: host.file)
  }

  @Test func `a host that is missing is told with the branches that it concerns`() throws {
    let scene = try Scene()
    for host in scene.hosts {
      let disk = scene.store.disk.snapshot()
      let engine = try scene.open(disk)
      try disk.remove(host.file)
      for findings in [try engine.checks.check().findings, try scrub(engine).findings] {
        let finding = try #require(findings.first { $0.object == host.file })
        #expect(Set(finding.affected.map(\.name)) == ["main", "child"])
      }
    }
  }

  private func scrub(_ engine: Engine) throws -> ScrubReport {
    try engine.checks.scrub(
      from: .start, options: ScrubOptions(), sleep: { _ in }, visit: { _ in true })
  }

  @Test(arguments: [false, true])
  func `damage of a host is told with the pages that it concerns`(isScrub: Bool) throws {
    let scene = try Scene()
    let host = try #require(scene.hosts.max { $0.bundles.count < $1.bundles.count })
    for bundle in host.bundles {
      let disk = scene.store.disk.snapshot()
      try damageDirectory(bundle, of: host, on: disk)
      let engine = try scene.open(disk)
      let findings = isScrub ? try scrub(engine).findings : try engine.checks.check().findings
      let object = "\(host.file) bundle at offset \(bundle.offset)"
      let finding = try #require(findings.first { $0.object == object })
      let unreadable = try scene.unreadablePages(engine)
      #expect(!unreadable.isEmpty)
      for (branch, volume, page) in unreadable {
        #expect(
          finding.affected.contains { range in
            range.name == branch && range.volumes.contains(volume)
              && (range.pages.isEmpty || range.pages.contains { $0.contains(page) })
          }, "\(branch), volume \(volume), page \(page)")
      }
    }
  }

  @Test func `every frame of a host without directories is found again`() throws {
    let scene = try Scene()
    #expect(scene.hosts.flatMap(\.bundles).count > 1)
    for host in scene.hosts {
      for bundle in host.bundles {
        let disk = scene.store.disk.snapshot()
        try damageDirectory(bundle, of: host, on: disk)
        let report = try scene.repair(disk)
        #expect(report.lost == [])
        #expect(report.steps.map(\.object) == [host.file])
        #expect(disk.fileNames().contains { $0.hasPrefix("\(report.folder)/segments-") })
        let engine = try scene.open(disk)
        #expect(try scene.unreadablePageCount(engine) == 0)
        #expect(try engine.checks.check().findings == [])
        _ = try engine.collector.collectGarbage(CollectionOptions())
        #expect(try scene.unreadablePageCount(engine) == 0)
        #expect(try engine.checks.check().findings == [])
        try engine.close()
        #expect(try scene.repair(disk).steps == [])
      }
    }
  }

  @Test func `bundles of a host that are whole can be read although another is damaged`() throws {
    let scene = try Scene()
    let host = try #require(scene.hosts.max { $0.bundles.count < $1.bundles.count })
    let disk = scene.store.disk.snapshot()
    try damageDirectory(#require(host.bundles.first), of: host, on: disk)
    let engine = try scene.open(disk)
    defer { engine.abandon() }
    let count = try scene.unreadablePageCount(engine)
    #expect(count > 0)
    #expect(count < 900)
  }

  @Test func `frames that are damaged themselves are lost, and no others`() throws {
    let scene = try Scene()
    let host = try #require(scene.hosts.max { $0.bundles.count < $1.bundles.count })
    let bundle = try #require(host.bundles.first)
    let disk = scene.store.disk.snapshot()
    for bundle in host.bundles { try damageDirectory(bundle, of: host, on: disk) }
    let pages = bundle.frames.filter { $0.entry.form == FrameForm(.page, .raw) }
    let frame = pages[pages.count / 2]
    try disk.flipBit(3, at: UInt64(frame.locator.offset) + 40, in: host.file)
    let report = try scene.repair(disk)
    #expect(report.lost.count == 1)
    let engine = try scene.open(disk)
    defer { engine.abandon() }
    let findings = try engine.checks.check().findings
    #expect(findings == report.lost)
    #expect(
      try scene.unreadablePageCount(engine)
        == report.lost.flatMap(\.affected).flatMap(\.pages).reduce(0) { $0 + $1.count })
  }

  @Test func `a power cut at any point of a host's rescue loses nothing`() throws {
    let scene = try Scene()
    let damaged = scene.store.disk.snapshot()
    for host in scene.hosts {
      try damageDirectory(#require(host.bundles.first), of: host, on: damaged)
    }
    let reference = damaged.snapshot()
    let start = reference.operationCount
    #expect(try scene.repair(reference).lost == [])
    let end = reference.operationCount
    for point in stride(from: start, to: end, by: 7) {
      let disk = damaged.snapshot()
      disk.powerOff(beforeOperation: point)
      #expect(throws: StoreError.self) { try scene.repair(disk) }
      disk.crash(seed: UInt64(point))
      #expect(try scene.repair(disk).lost == [])
      let engine = try scene.open(disk)
      #expect(try scene.unreadablePageCount(engine) == 0, "power cut before operation \(point)")
      #expect(try engine.checks.check().findings == [])
      engine.abandon()
    }
  }

  @Test func `what only unsealed writes share is found again too`() throws {
    let scene = try Scene()
    let store = scene.store
    let disk = store.disk.snapshot()
    var engine = try scene.open(disk)
    let main = try engine.branches.named("main")
    let other = try engine.branches.create(named: "other")
    let refs = try main.storedRefs(of: VolumeNumber(3), pages: 0..<150)
    var transaction = Transaction(time: 1)
    transaction.share(VolumeNumber(9), at: 0, refs)
    _ = try other.commit(transaction)
    var removal = Transaction(time: 1)
    removal.drop(VolumeNumber(3))
    try main.flush(through: main.commit(removal))
    let child = try engine.branches.named("child")
    try child.flush(through: child.commit(removal))
    try engine.sealer.seal(main)
    try engine.sealer.seal(child)
    disk.kill()
    engine.abandon()
    for host in scene.hosts {
      for bundle in host.bundles { try damageDirectory(bundle, of: host, on: disk) }
    }
    #expect(try scene.repair(disk).lost == [])
    engine = try scene.open(disk)
    defer { engine.abandon() }
    #expect(try engine.branches.named("other").all(9) == scene.contents["main"]?[3])
  }
}
