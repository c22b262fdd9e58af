import CoppiceEngine
import CoppiceFormat
import CoppicePlatform
import Glibc
import TestSupport
import Testing

@Suite struct CheckTests {
  /// A closed store with three branches, some differences and overrides, and volumes of two levels.
  private func sampleDisk() throws -> SimulatedDisk {
    let store = try TestStore()
    let main = try store.engine.branches.create(named: "main")
    var generator = SplitMix64(seed: 21)
    try main.put(1, generator.bytes(300 * 4096))
    try main.put(2, generator.bytes(3000))
    try store.engine.sealer.sealAll()
    let child = try store.engine.branches.fork(main, named: "child", isReadOnly: false)
    try child.put(1, at: 290 * 4096 + 100, generator.bytes(10))
    try child.put(1, at: 4096, generator.bytes(20))
    try store.engine.sealer.sealAll()
    _ = try store.engine.branches.fork(main, named: "main@one", isReadOnly: true)
    try store.engine.close()
    return store.disk
  }

  private func check(_ disk: SimulatedDisk) throws -> CheckReport {
    try Engine.check(disk: disk, clock: SimulatedClock(), options: .small) { _ in true }
  }

  private func check(of store: TestStore) throws -> CheckReport {
    try store.engine.checks.check()
  }

  private func check(flipping bit: Int, at offset: UInt64, in name: String, of disk: SimulatedDisk)
    throws -> CheckReport
  {
    let copy = disk.snapshot()
    try copy.flipBit(bit, at: offset, in: name)
    return try check(copy)
  }

  @Test(arguments: [1, 2, 3, 4] as [UInt64])
  func `random stores are sound, open and closed`(seed: UInt64) throws {
    let store = try TestStore()
    var history = RandomHistory(seed: seed)
    for _ in 0..<3 {
      try history.run(store, stepCount: 50)
      let report = try store.engine.checks.check()
      #expect(report.findings == [])
    }
    try store.engine.close()
    let report = try check(store.disk)
    #expect(report.findings == [])
    #expect(report.nodeCount > 0 && report.pageRefCount > 0 && report.frameCount > 0)
  }

  @Test func `a check ends where nobody wants it any more`() throws {
    let disk = try sampleDisk()
    func check(_ goesOn: (CheckProgress) -> Bool) throws -> CheckReport {
      try Engine.check(disk: disk, clock: SimulatedClock(), options: .small, progress: goesOn)
    }
    var askedCount = 0
    let whole = try check { _ in
      askedCount += 1
      return true
    }
    #expect(askedCount > 4)
    for last in 0..<askedCount {
      var count = 0
      let error = #expect(throws: StoreError.self) {
        try check { _ in
          count += 1
          return count <= last
        }
      }
      #expect(error?.kind == .unavailable)
      #expect(count == last + 1)
    }
    #expect(try check { _ in true }.nodeCount == whole.nodeCount)
  }

  @Test(arguments: [1, 2, 3] as [UInt64])
  func `stores stay sound through collections`(seed: UInt64) throws {
    let store = try TestStore()
    var history = RandomHistory(seed: seed)
    var options = CollectionOptions()
    options.isFull = true
    for _ in 0..<4 {
      try history.run(store, stepCount: 40)
      let report = try store.engine.collector.collectGarbage(options)
      #expect(try check(of: store).findings == [])
      let usage = try store.engine.accounts.storeUsage()
      #expect(usage.liveFrameCount >= report.liveFrameCount)
    }
    try store.reopen()
    #expect(try check(of: store).findings == [])
    let scrub = try store.engine.checks.scrub(
      from: .start, options: ScrubOptions(), sleep: { _ in }, visit: { _ in true })
    #expect(scrub.findings == [])
  }

  @Test func `damage of an evacuated page names the branches that read it`() throws {
    let store = try TestStore()
    let main = try store.engine.branches.create(named: "main")
    var generator = SplitMix64(seed: 9)
    try main.put(1, generator.bytes(20 * 4096))
    try store.engine.sealer.sealAll()
    try main.put(1, generator.bytes(10 * 4096))
    var options = CollectionOptions()
    options.isFull = true
    try store.engine.sealer.sealAll()
    _ = try store.engine.collector.collectGarbage(options)
    let inspector = StoreInspector(disk: store.disk)
    let page = try #require(
      try inspector.segments().flatMap { try inspector.segment($0).bundles }
        .filter { $0.header.hasHomeNames }.flatMap(\.frames)
        .first { $0.entry.form.kind == .page && $0.entry.page == PageNumber(15) })
    let host = try #require(
      try inspector.segments().first { id in
        try inspector.segment(id).bundles.contains { bundle in
          bundle.frames.contains { $0.name == page.name }
        }
      })
    let file = try inspector.segment(host).file
    try store.disk.flipBit(1, at: UInt64(page.locator.offset) + 9, in: file)
    let report = try store.engine.checks.scrub(
      from: .start, options: ScrubOptions(), sleep: { _ in }, visit: { _ in true })
    #expect(report.findings.count == 1)
    let affected = try #require(report.findings.first?.affected.first)
    #expect(affected.name == "main")
    #expect(affected.volumes == 1..<2)
    #expect(affected.pages == [15..<16])
  }

  @Test func `a check tells what it looked at and writes nothing`() throws {
    let disk = try sampleDisk()
    let operationCount = disk.operationCount
    let report = try check(disk)
    #expect(report.findings == [])
    #expect(report.segmentCount == 1)
    #expect(report.bundleCount == 3)
    #expect(disk.operationCount == operationCount)
  }

  @Test func `damage of one superblock copy is found and the store opens`() throws {
    let disk = try sampleDisk()
    for (offset, number) in [(70, 1), (4096 + 70, 2)] as [(UInt64, Int)] {
      let report = try check(flipping: 3, at: offset, in: "superblock", of: disk)
      #expect(report.findings.map(\.object) == ["superblock copy \(number)"])
      #expect(report.nodeCount > 0)
    }
  }

  @Test func `a catalogue that cannot be read is a finding`() throws {
    let disk = try sampleDisk()
    let newest = try #require(try StoreInspector(disk: disk).catalogues().first)
    for offset in stride(from: 0, to: UInt64(newest.byteCount), by: 7) {
      let report = try check(flipping: 1, at: offset, in: newest.file, of: disk)
      #expect(report.findings.contains { $0.object == newest.file }, "offset \(offset)")
    }
  }

  @Test func `every flipped bit of a segment's metadata is found`() throws {
    let disk = try sampleDisk()
    let inspector = StoreInspector(disk: disk)
    let segment = try inspector.segment(SegmentID(1))
    var offsets = Array(stride(from: 0, to: UInt64(64), by: 3))
    for bundle in segment.bundles {
      offsets += stride(from: bundle.offset, to: bundle.offset + 64, by: 5)
      let directory = bundle.offset + UInt64(bundle.header.directoryOffset)
      offsets += stride(
        from: directory, to: bundle.offset + UInt64(bundle.header.bundleByteCount), by: 97)
      for frame in bundle.frames where frame.entry.form.kind != .page {
        let start = UInt64(frame.locator.offset)
        offsets += stride(from: start, to: start + UInt64(frame.locator.storedByteCount), by: 211)
      }
    }
    for offset in offsets {
      let report = try check(
        flipping: Int(offset % 8), at: offset, in: segment.file, of: disk)
      #expect(!report.findings.isEmpty, "offset \(offset)")
    }
  }

  @Test func `a damaged leaf names the branches volumes and pages that need it`() throws {
    let disk = try sampleDisk()
    let inspector = StoreInspector(disk: disk)
    let segment = try inspector.segment(SegmentID(1))
    let leaf = try #require(
      segment.bundles.flatMap(\.frames).first {
        $0.entry.form.kind == .volumeNode && $0.entry.page == PageNumber(256)
      })
    let report = try check(
      flipping: 0, at: UInt64(leaf.locator.offset) + 70, in: segment.file, of: disk)
    let finding = try #require(report.findings.first)
    #expect(finding.object == "frame 1/\(leaf.name.ordinal)")
    // The child's own leaf is stored as overrides of this one.
    #expect(finding.affected.map(\.name) == ["main", "child", "main@one"])
    for affected in finding.affected {
      #expect(affected.volumes == 1..<2)
      #expect(affected.pages == [256..<300])
    }
  }

  @Test func `a missing segment affects all branches`() throws {
    let disk = try sampleDisk()
    try disk.remove("segments/0000000001")
    let report = try check(disk)
    let finding = try #require(report.findings.first { $0.object == "segments/0000000001" })
    #expect(finding.affected.map(\.name) == ["main", "child", "main@one"])
  }

  @Test func `a damaged bundle does not hide the ones behind it`() throws {
    let disk = try sampleDisk()
    let segment = try StoreInspector(disk: disk).segment(SegmentID(1))
    #expect(segment.bundles.count == 3)
    let report = try check(
      flipping: 2, at: segment.bundles[0].offset + 24, in: segment.file, of: disk)
    #expect(report.bundleCount == 2)
    #expect(report.findings.count == 1)
  }

  @Test func `lost records of the journal are a finding`() throws {
    let store = try TestStore()
    let main = try store.engine.branches.create(named: "main")
    for value in 1...3 as ClosedRange<UInt8> {
      try main.flush(through: try main.put(1, [value]))
    }
    store.engine.abandon()
    let inspected = try StoreInspector(disk: store.disk).journalFiles()
    let file = try #require(inspected.first { $0.batches.count > 2 })
    #expect(try check(store.disk).findings == [])
    let report = try check(
      flipping: 0, at: file.batches[1].offset + 100, in: file.file, of: store.disk)
    #expect(report.findings.count == 1)
    #expect(report.findings.first?.object == file.file)
  }

  @Test func `a foreign file among the segments is a finding`() throws {
    let disk = try sampleDisk()
    try disk.setContents(of: "segments/notes.txt", to: [1])
    #expect(try check(disk).findings.map(\.object) == ["segments/notes.txt"])
  }

  @Test func `no store at all is an error and not a finding`() throws {
    #expect(throws: StoreError.self) { try check(SimulatedDisk(seed: 1)) }
  }

  /// What the system lacks for a moment says nothing of the store.
  @Test(arguments: [EMFILE, ENFILE, ENOMEM, EIO])
  func `a file that cannot be opened ends a look at the store and is no finding`(code: Int32) throws
  {
    let store = try TestStore(disk: try sampleDisk().snapshot(), isNew: false)
    func looks() -> [() throws -> [Finding]] {
      [
        { try store.engine.checks.check().findings },
        {
          try store.engine.checks.scrub(
            from: .start, options: ScrubOptions(), sleep: { _ in }, visit: { _ in true }
          ).findings
        },
      ]
    }
    for look in looks() {
      // Until no look is left that a fault could hit.
      var (passing, isDone) = (0, false)
      while !isDone {
        try store.reopen()
        store.disk.inject(
          DiskFault(.open, namePrefix: "segments/", passing: passing, code: code))
        do {
          #expect(try look() == [])
          isDone = passing > 0
        } catch let error as StoreError {
          #expect(error.kind == .unavailable && error.reason == .passing)
        }
        passing += 1
        store.disk.clearFaults()
        #expect(try look() == [])
      }
    }
  }
}
