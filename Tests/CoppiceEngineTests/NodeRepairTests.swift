import CoppiceEngine
import CoppiceFormat
import CoppicePlatform
import TestSupport
import Testing

/// Damaged nodes: what a repair makes of them, and that it uses nothing which is not proven.
@Suite struct NodeRepairTests {
  private static let page = 4096

  /// A store with branches and snapshots of volumes with nodes of every kind, and what they hold.
  private final class Scene {
    let store: TestStore
    var contents: [String: [UInt64: [UInt8]]] = [:]
    private var time: Int64 = 0

    init() throws {
      store = try TestStore()
      var generator = SplitMix64(seed: 11)
      let main = try store.engine.branches.create(named: "main")
      try put(main, 1, at: 0, generator.text(300 * page))
      try put(main, 2, at: 0, generator.text(3 * page + 5))
      try put(main, 1000, at: 0, generator.text(page))
      try store.engine.sealer.sealAll()
      // Overrides on the nodes so far.
      for round in 0..<3 {
        for number in [5, 9, 270, 271, 299] {
          try put(main, 1, at: (number + round) % 300 * page, generator.text(100))
        }
        try store.engine.sealer.sealAll()
      }
      let snapshot = try store.engine.branches.fork(main, named: "main@kept", isReadOnly: true)
      let child = try store.engine.branches.fork(main, named: "child", isReadOnly: false)
      for branch in [snapshot, child] {
        contents[store.engine.name(of: branch.id)] = contents["main"]
      }
      for round in 0..<2 {
        for number in 40..<44 {
          try put(main, 1, at: (number + round) * page, generator.text(page))
          try put(child, 1, at: (number + 2 * round) * page, generator.text(page / 2))
        }
        try put(child, 2, at: 100, generator.text(50))
        try store.engine.sealer.sealAll()
      }
      try store.engine.close()
    }

    private func put(
      _ branch: EngineBranch, _ volume: UInt64, at offset: Int, _ bytes: [UInt8]
    ) throws {
      time += 1
      try branch.put(volume, at: UInt64(offset), bytes, time: time)
      let name = store.engine.name(of: branch.id)
      var all = contents[name, default: [:]][volume] ?? []
      if all.count < offset + bytes.count {
        all += [UInt8](repeating: 0, count: offset + bytes.count - all.count)
      }
      all.replaceSubrange(offset..<offset + bytes.count, with: bytes)
      contents[name, default: [:]][volume] = all
    }

    var nodes: [FrameInspection] {
      get throws {
        let inspector = StoreInspector(disk: store.disk)
        return try inspector.segments().flatMap { try inspector.segment($0).bundles }
          .flatMap(\.frames)
          .filter { [.volumeNode, .tableNode].contains($0.entry.form.kind) }
      }
    }
  }

  private func repair(_ disk: SimulatedDisk, _ store: TestStore) throws -> RepairReport {
    try Engine.repair(
      disk: disk, clock: store.clock, options: store.options, RepairOptions())
  }

  private func wipe(_ frame: FrameInspection, _ disk: SimulatedDisk) throws {
    try disk.wipe(frame, in: StoreInspector(disk: disk).segment(frame.name.segment).file)
  }

  /// Whatever is not listed as lost must be what it was, and what is listed must be unreadable.
  private func expectContents(
    _ scene: Scene, on disk: SimulatedDisk, but lost: [Finding], _ what: String
  ) throws {
    let engine = try Engine.open(
      disk: disk, clock: scene.store.clock, options: scene.store.options)
    defer { engine.abandon() }
    engine.checkInvariants()
    #expect(try engine.checks.check().findings == lost, "\(what)")
    for (name, volumes) in scene.contents {
      let branch = try engine.branches.named(name)
      for (volume, bytes) in volumes {
        let affected = lost.flatMap(\.affected).filter {
          $0.name == name && $0.volumes.contains(volume)
        }
        for start in stride(from: 0, to: bytes.count, by: Self.page) {
          let number = UInt64(start / Self.page)
          let isLost = affected.contains { range in
            range.pages.isEmpty || range.pages.contains { $0.contains(number) }
          }
          let own = bytes[start..<min(bytes.count, start + Self.page)]
          let found = try? branch.get(volume, at: UInt64(start), own.count)
          if found != (isLost ? nil : Array(own)) {
            Issue.record("\(what): page \(number) of volume \(volume) of \(name)")
            return
          }
        }
      }
    }
  }

  @Test func `a bit that flipped in a node, any node, is flipped back`() throws {
    let scene = try Scene()
    var generator = SplitMix64(seed: 3)
    for frame in try scene.nodes {
      let disk = scene.store.disk.snapshot()
      let file = try StoreInspector(disk: disk).segment(frame.name.segment).file
      let offset = generator.next() % UInt64(frame.entry.storedByteCount)
      try disk.flipBit(
        Int(generator.next() % 8), at: UInt64(frame.locator.offset) + offset, in: file)
      let report = try repair(disk, scene.store)
      #expect(report.lost == [])
      try expectContents(scene, on: disk, but: [], "\(frame.name)")
    }
  }

  @Test func `a wiped node is rebuilt from what else is there, or all below it is listed`() throws {
    let scene = try Scene()
    var healedCount = 0
    var kinds: Set<FrameForm> = []
    for frame in try scene.nodes {
      let disk = scene.store.disk.snapshot()
      try wipe(frame, disk)
      let report = try repair(disk, scene.store)
      try expectContents(scene, on: disk, but: report.lost, "\(frame.name)")
      if report.healedNodeCount > 0, report.lost.isEmpty {
        healedCount += 1
        kinds.insert(frame.entry.form)
      }
      // Without the attributes nothing proves a volume's top node.
      let header = try StoreInspector(disk: scene.store.disk).node(frame.name).header
      if header.byteCount == 0 { #expect(report.lost == [], "\(frame.name) \(header)") }
      // A second repair finds nothing more to do.
      let second = try repair(disk, scene.store)
      #expect(second.steps == [])
      #expect(second.lost == report.lost)
    }
    #expect(healedCount > 8)
    #expect(kinds.count == 4)
  }

  @Test func `nodes and the nodes they build on are healed together`() throws {
    let scene = try Scene()
    let disk = scene.store.disk.snapshot()
    // Of each volume's leaves all versions but the last one of each; nothing else holds its refs.
    let leaves = try scene.nodes.filter { frame in
      let header = try StoreInspector(disk: scene.store.disk).node(frame.name).header
      return header.kind == .volumeNode && header.level == 0 && header.byteCount == 0
    }
    #expect(leaves.contains { $0.entry.form.isDerived })
    #expect(leaves.contains { !$0.entry.form.isDerived })
    for frame in leaves where !frame.entry.form.isDerived { try wipe(frame, disk) }
    let report = try repair(disk, scene.store)
    #expect(report.healedNodeCount >= 2)
    #expect(report.lost == [])
    try expectContents(scene, on: disk, but: [], "bases")
  }

  @Test func `half of a node, and what directories say, are enough`() throws {
    let scene = try Scene()
    for frame in try scene.nodes where frame.entry.storedByteCount > 1000 {
      for half in 0..<2 {
        let disk = scene.store.disk.snapshot()
        let file = try StoreInspector(disk: disk).segment(frame.name.segment).file
        var bytes = try disk.contents(of: file)
        let count = frame.entry.storedByteCount / 2
        let start = Int(frame.locator.offset) + half * count
        for index in start..<start + count { bytes[index] = 0xFF }
        try disk.setContents(of: file, to: bytes)
        let report = try repair(disk, scene.store)
        try expectContents(scene, on: disk, but: report.lost, "\(frame.name), half \(half)")
        let header = try StoreInspector(disk: scene.store.disk).node(frame.name).header
        if header.byteCount == 0 || half == 1 {
          #expect(report.lost == [], "\(frame.name) \(header)")
        }
      }
    }
  }

  @Test func `a node is rebuilt from frames of its own trust domain only`() throws {
    let store = try TestStore()
    var generator = SplitMix64(seed: 12)
    let bytes = generator.bytes(300 * Self.page)
    for (name, domain) in [("main", DomainID(0)), ("foreign", DomainID(1))] {
      try store.engine.branches.create(named: name, domain: domain).put(1, bytes)
      try store.engine.sealer.sealAll()
    }
    try store.engine.close()
    let frame = try #require(
      try StoreInspector(disk: store.disk).segment(SegmentID(2)).bundles.flatMap(\.frames).first {
        $0.entry.form.kind == .volumeNode && $0.entry.storedByteCount > 256 * 16
      })
    // The columns go, the hashes stay.
    let file = try StoreInspector(disk: store.disk).segment(SegmentID(2)).file
    var damaged = try store.disk.contents(of: file)
    for index in 64..<100 { damaged[Int(frame.locator.offset) + index] = 0xFF }
    try store.disk.setContents(of: file, to: damaged)
    let report = try repair(store.disk, store)
    #expect(report.healedNodeCount == 1)
    #expect(report.lost == [])
    let engine = try Engine.open(
      disk: store.disk, clock: store.clock, options: store.options)
    #expect(try engine.checks.check().findings == [])
    #expect(try engine.branches.named("foreign").all(1) == bytes)
    // Nothing of it depends on the other domain.
    _ = try engine.collector.deleteForGood([try engine.branches.named("main")])
    #expect(try engine.branches.named("foreign").all(1) == bytes)
    try engine.close()
  }

  @Test func `a store opens again whose unsealed writes lie over a damaged node`() throws {
    let scene = try Scene()
    let store = scene.store
    store.engine = try Engine.open(disk: store.disk, clock: store.clock, options: store.options)
    let child = try store.engine.branches.named("child")
    try child.flush(through: child.put(1, at: 5, [1, 2, 3], time: 77))
    scene.contents["child"]?[1]?.replaceSubrange(5..<8, with: [1, 2, 3])
    let root = try #require(
      try StoreInspector(disk: store.disk).catalogues().first?.content.get().branches
        .first { $0.name == "child" }?.root)
    store.disk.kill()
    store.engine.abandon()
    let frame = try #require(try scene.nodes.first { $0.name == root.locator.name })
    try wipe(frame, store.disk)
    let opened = try Engine.open(
      disk: store.disk.snapshot(), clock: store.clock, options: store.options)
    #expect(throws: StoreError.self) { try opened.branches.named("child").all(1) }
    opened.abandon()
    let report = try repair(store.disk, store)
    #expect(report.healedNodeCount == 1)
    #expect(report.lost == [])
    try expectContents(scene, on: store.disk, but: [], "an unsealed write")
  }

  @Test func `a power cut at any point of a repair leaves a store that a repair heals`() throws {
    let scene = try Scene()
    let damaged = scene.store.disk.snapshot()
    for frame in try scene.nodes where frame.entry.form.kind == .volumeNode {
      let header = try StoreInspector(disk: scene.store.disk).node(frame.name).header
      if header.byteCount == 0 { try wipe(frame, damaged) }
    }
    let reference = damaged.snapshot()
    let start = reference.operationCount
    #expect(try repair(reference, scene.store).lost == [])
    let end = reference.operationCount
    #expect(end > start + 10)
    for point in start..<end {
      let disk = damaged.snapshot()
      disk.powerOff(beforeOperation: point)
      #expect(throws: StoreError.self) { try repair(disk, scene.store) }
      disk.crash(seed: UInt64(point))
      #expect(try repair(disk, scene.store).lost == [])
      try expectContents(scene, on: disk, but: [], "power cut before operation \(point)")
    }
  }

  /// A store whose leaf is stored as overrides on one that refers to a page which is gone, and what
  /// it holds. With `isRewritten` that page is there again, in another frame: the two leaves have
  /// one id.
  private func collectedStore(isRewritten: Bool) throws -> (TestStore, [UInt8]) {
    let store = try TestStore()
    var generator = SplitMix64(seed: 31)
    let main = try store.engine.branches.create(named: "main")
    var bytes = generator.bytes(300 * Self.page)
    let place = 5 * Self.page..<6 * Self.page
    let lost = Array(bytes[place])
    try main.put(1, bytes)
    try store.engine.sealer.sealAll()
    bytes.replaceSubrange(place, with: generator.bytes(Self.page))
    try main.put(1, at: UInt64(place.lowerBound), Array(bytes[place]))
    try store.engine.sealer.sealAll()
    var collection = CollectionOptions()
    collection.isFull = true
    #expect(try store.engine.collector.collectGarbage(collection).deadFrameCount > 0)
    if isRewritten {
      bytes.replaceSubrange(place, with: lost)
      try main.put(1, at: UInt64(place.lowerBound), lost)
      try store.engine.sealer.sealAll()
    }
    try store.engine.close()
    return (store, bytes)
  }

  /// The first leaves of the volume, oldest first, with the file that each lies in.
  private func firstLeaves(_ store: TestStore) throws -> [(FrameInspection, String)] {
    let inspector = StoreInspector(disk: store.disk)
    return try inspector.segments().flatMap { id in
      let segment = try inspector.segment(id)
      return segment.bundles.flatMap(\.frames).map { ($0, segment.file) }
    }
    .filter { frame, _ in
      guard frame.entry.form.kind == .volumeNode, frame.entry.page == PageNumber(0),
        frame.entry.volume == VolumeNumber(1)
      else { return false }
      return try inspector.node(frame.name).header.level == 0
    }
    .sorted { $0.0.name < $1.0.name }
  }

  private func expectWhole(_ store: TestStore, _ bytes: [UInt8]) throws {
    try store.open()
    #expect(try store.engine.checks.check().findings == [])
    var collection = CollectionOptions()
    collection.isFull = true
    #expect(try store.engine.collector.collectGarbage(collection).unreadable == [])
    try store.reopen()
    #expect(try store.engine.branches.named("main").all(1) == bytes)
  }

  @Test func `an equal node whose children are gone is not taken for the one that is damaged`()
    throws
  {
    let (store, bytes) = try collectedStore(isRewritten: true)
    let leaves = try firstLeaves(store)
    let (old, _) = try #require(leaves.first)
    let (damaged, file) = try #require(leaves.last)
    let inspector = StoreInspector(disk: store.disk)
    #expect(try inspector.node(old.name).header.id == inspector.node(damaged.name).header.id)
    #expect(damaged.entry.base == old.name)
    try store.disk.wipe(damaged, in: file)
    let report = try store.repair()
    #expect(report.healedNodeCount == 1)
    // It refers to nothing that would have to be healed then.
    #expect(report.healedPageCount == 0)
    #expect(report.lost == [])
    try expectWhole(store, bytes)
  }

  @Test(arguments: [false, true], [false, true])
  func `a damaged base heals although what it refers to is gone`(
    _ isRewritten: Bool, _ isWiped: Bool
  ) throws {
    let (store, bytes) = try collectedStore(isRewritten: isRewritten)
    let (base, file) = try #require(try firstLeaves(store).first)
    #expect(!base.entry.form.isDerived)
    if isWiped {
      try store.disk.wipe(base, in: file)
    } else {
      try store.disk.flipBit(3, at: UInt64(base.locator.offset) + 700, in: file)
    }
    let report = try store.repair()
    #expect(report.healedNodeCount > 0)
    #expect(report.lost == [])
    try expectWhole(store, bytes)
  }

  @Test func `a catalogue put together after a repair has the healed roots`() throws {
    let scene = try Scene()
    let disk = scene.store.disk.snapshot()
    for frame in try scene.nodes where frame.entry.form == FrameForm(.volumeNode, .columns) {
      try disk.flipBit(2, at: UInt64(frame.locator.offset) + 90, in: "segments/0000000001")
    }
    #expect(try repair(disk, scene.store).healedNodeCount > 2)
    for name in disk.fileNames() where name.hasPrefix("catalogue-") {
      try disk.flipBit(1, at: 90, in: name)
      try disk.flipBit(5, at: 91, in: name)
    }
    var options = RepairOptions()
    options.acceptsLoss = true
    let report = try Engine.repair(
      disk: disk, clock: scene.store.clock, options: scene.store.options, options)
    #expect(report.healedNodeCount == 0)
    #expect(report.lost == [])
    try expectContents(scene, on: disk, but: [], "a new catalogue")
  }
}

extension SimulatedDisk {
  fileprivate func wipe(_ frame: FrameInspection, in file: String) throws {
    var bytes = try contents(of: file)
    let start = Int(frame.locator.offset)
    for index in start..<start + frame.entry.storedByteCount { bytes[index] = 0 }
    try setContents(of: file, to: bytes)
  }
}

extension SplitMix64 {
  /// Bytes that compress.
  fileprivate mutating func text(_ count: Int) -> [UInt8] { bytes(count).map { $0 & 7 } }
}
