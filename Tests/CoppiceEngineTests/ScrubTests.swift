import CoppiceEngine
import CoppiceFormat
import TestSupport
import Testing

@Suite struct ScrubTests {
  private static let mebibyte = 256 * 4096

  /// Three bundles and more, with a page that a fork stores as a difference.
  private func sampleStore() throws -> TestStore {
    let store = try TestStore()
    let main = try store.engine.branches.create(named: "main")
    var generator = SplitMix64(seed: 31)
    try main.put(1, generator.bytes(2 * Self.mebibyte))
    try store.engine.sealer.sealAll()
    let child = try store.engine.branches.fork(main, named: "child", isReadOnly: false)
    try child.put(1, at: 7 * 4096 + 9, [1, 2, 3])
    try store.engine.sealer.sealAll()
    return store
  }

  private func scrub(
    _ store: TestStore, from cursor: ScrubCursor = .start, options: ScrubOptions = ScrubOptions(),
    sleep: (UInt64) -> Void = { _ in }, visit: (ScrubProgress) -> Bool = { _ in true }
  ) throws -> ScrubReport {
    try store.engine.checks.scrub(from: cursor, options: options, sleep: sleep, visit: visit)
  }

  @Test func `a scrub reads every frame of a sound store`() throws {
    let store = try sampleStore()
    let report = try scrub(store)
    #expect(report.findings == [])
    #expect(report.next == nil)
    let usage = try store.engine.accounts.storeUsage()
    #expect(report.frameCount == usage.frameCount)
    #expect(report.byteCount == usage.storedByteCount - 64)
  }

  @Test(arguments: [1, 2, 3] as [UInt64])
  func `random stores scrub clean`(seed: UInt64) throws {
    let store = try TestStore()
    var history = RandomHistory(seed: seed)
    try history.run(store, stepCount: 100)
    try store.engine.sealer.sealAll()
    #expect(try scrub(store).findings == [])
  }

  /// A collection removes the base of a dead difference and may leave the difference.
  @Test func `what nobody needs may lack its base`() throws {
    let store = try TestStore()
    var generator = SplitMix64(seed: 41)
    var collection = CollectionOptions()
    let doomed = try store.engine.branches.create(named: "doomed")
    var bytes = generator.bytes(30 * 4096)
    try doomed.put(1, bytes)
    try store.engine.sealer.sealAll()
    collection.isDryRun = true
    // Ends the open segment.
    _ = try store.engine.collector.collectGarbage(collection)
    for page in 0..<30 { bytes[page * 4096] ^= 1 }
    try doomed.put(1, bytes)
    let main = try store.engine.branches.create(named: "main")
    try main.put(1, generator.bytes(60 * 4096))
    try store.engine.sealer.sealAll()
    #expect(store.engine.accounts.statistics.seals.deltaCount == 30)
    try store.engine.branches.delete([doomed])
    collection.isDryRun = false
    let report = try store.engine.collector.collectGarbage(collection)
    #expect(report.reclaimedSegmentCount == 1)
    #expect(report.leftByteCount > 0)
    #expect(try scrub(store).findings == [])
    #expect(try store.engine.checks.check().findings == [])
  }

  /// A host with one dead page of a home that a collection has forgotten, among live ones of
  /// another.
  private func storeWithForgottenHome() throws -> TestStore {
    let store = try TestStore()
    var generator = SplitMix64(seed: 43)
    let main = try store.engine.branches.create(named: "main")
    func write(_ pages: Range<Int>) throws {
      try main.put(1, at: UInt64(pages.lowerBound) * 4096, generator.bytes(pages.count * 4096))
      try store.engine.sealer.sealAll()
    }
    var dryRun = CollectionOptions()
    dryRun.isDryRun = true
    try write(0..<2)
    // Ends the open segment.
    _ = try store.engine.collector.collectGarbage(dryRun)
    try write(10..<50)
    try write(0..<1)
    try write(10..<30)
    #expect(
      try store.engine.collector.collectGarbage(CollectionOptions()).reclaimedSegmentCount == 2)
    try write(1..<2)
    let report = try store.engine.collector.collectGarbage(CollectionOptions())
    #expect(report.forgottenSegmentCount == 1)
    #expect(report.leftByteCount > 0)
    return store
  }

  /// The frame's name leads nowhere; the frame is where it is.
  @Test func `a dead frame whose home was forgotten is read where it lies`() throws {
    let store = try storeWithForgottenHome()
    #expect(try scrub(store).findings == [])
    #expect(try store.engine.checks.check().findings == [])
  }

  /// A scrub has to follow: else what it says was verified was not.
  @Test func `what a collection moved ahead of a scrub is read where it lies then`() throws {
    let store = try TestStore()
    var generator = SplitMix64(seed: 44)
    let main = try store.engine.branches.create(named: "main")
    try main.put(1, generator.bytes(20 * 4096))
    try store.engine.sealer.sealAll()
    var collection = CollectionOptions()
    collection.isDryRun = true
    _ = try store.engine.collector.collectGarbage(collection)
    try main.put(2, generator.bytes(20 * 4096))
    try store.engine.sealer.sealAll()
    _ = try store.engine.collector.collectGarbage(collection)
    try main.put(2, generator.bytes(4 * 4096))
    try store.engine.sealer.sealAll()
    try store.damage(.page, at: 9, in: 2, bit: 3, ofByte: 100)
    collection.isDryRun = false
    collection.isFull = true
    var collected: Result<CollectionReport, any Error>?
    let report = try scrub(
      store,
      visit: { _ in
        collected = collected ?? Result { try store.engine.collector.collectGarbage(collection) }
        return true
      })
    #expect(try collected?.get().reclaimedSegmentCount ?? 0 > 0)
    #expect(report.findings.map(\.object) == ["frame 2/9"])
    #expect(report.findings.first?.affected.map(\.pages) == [[9..<10]])
  }

  @Test func `a damaged page names every branch that reads it`() throws {
    let store = try sampleStore()
    let segment = try StoreInspector(disk: store.disk).segment(SegmentID(1))
    let frames = segment.bundles.flatMap(\.frames)
    let base = try #require(
      frames.first { $0.entry.form.kind == .page && $0.entry.page == PageNumber(7) })
    try store.disk.flipBit(4, at: UInt64(base.locator.offset) + 50, in: segment.file)
    let report = try scrub(store)
    let finding = try #require(report.findings.first)
    #expect(report.findings.count == 1)
    #expect(finding.object == "frame 1/\(base.name.ordinal)")
    // The child's page is a difference to this one.
    #expect(finding.affected.map(\.name) == ["main", "child"])
    #expect(finding.affected.allSatisfy { $0.volumes == 1..<2 && $0.pages == [7..<8] })
  }

  @Test func `every flipped bit of a frame is found`() throws {
    let store = try sampleStore()
    let segment = try StoreInspector(disk: store.disk).segment(SegmentID(1))
    var generator = SplitMix64(seed: 8)
    let frames = segment.bundles.flatMap(\.frames)
    let chosen = frames.suffix(6) + (0..<12).map { _ in frames[generator.below(frames.count)] }
    for frame in chosen {
      let offset =
        UInt64(frame.locator.offset) + UInt64(generator.below(frame.locator.storedByteCount))
      let bit = generator.below(8)
      try store.disk.flipBit(bit, at: offset, in: segment.file)
      let report = try scrub(store)
      #expect(
        report.findings.first?.object.hasPrefix("frame 1/\(frame.name.ordinal)") == true,
        "frame \(frame.name.ordinal), \(frame.entry.form)")
      try store.disk.flipBit(bit, at: offset, in: segment.file)
    }
    #expect(try scrub(store).findings == [])
  }

  @Test(arguments: [0, 100, 500, 920, 999])
  func `a segment that was cut is found, with what lay behind`(thousandths: Int) throws {
    let store = try sampleStore()
    let file = "segments/0000000001"
    let bytes = try store.disk.contents(of: file)
    let count = bytes.count * thousandths / 1000
    try store.disk.setContents(of: file, to: Array(bytes.prefix(count)))
    let report = try scrub(store)
    let finding = try #require(
      report.findings.first { $0.message.contains("\(count) bytes, published are \(bytes.count)") })
    #expect(finding.object.hasPrefix("segments/0000000001 bundle at offset "))
    #expect(finding.affected.contains { $0.name == "child" })
  }

  @Test func `a segment that was replaced by a part of itself while it is open is found`() throws {
    let store = try sampleStore()
    let file = "segments/0000000001"
    let bytes = try store.disk.contents(of: file)
    #expect(try scrub(store).findings == [])
    try store.disk.setContents(of: "segments/part", to: Array(bytes.prefix(bytes.count * 92 / 100)))
    try store.disk.rename("segments/part", to: file)
    for findings in [try scrub(store).findings, try store.engine.checks.check().findings] {
      #expect(findings.contains { $0.message.contains("published are \(bytes.count)") })
    }
  }

  @Test func `a scrub that goes on finds that the rest of the segment was cut off`() throws {
    let store = try sampleStore()
    let bundles = try StoreInspector(disk: store.disk).segment(SegmentID(1)).bundles
    #expect(bundles.count > 3)
    let next = try #require(try scrub(store, visit: { _ in false }).next)
    #expect(next.offset == bundles[1].offset)
    // Nothing that is left is to be read any more.
    let file = "segments/0000000001"
    let rest = try store.disk.contents(of: file).prefix(Int(bundles[0].offset) + 100)
    try store.disk.setContents(of: file, to: Array(rest))
    let report = try scrub(store, from: next)
    #expect(report.frameCount == 0)
    #expect(report.findings.count == 1)
    #expect(report.findings.first?.affected.isEmpty == false)
  }

  @Test func `a stopped scrub goes on where it was`() throws {
    let store = try sampleStore()
    var cursor: ScrubCursor? = .start
    var frameCount = 0
    var rounds = 0
    while let from = cursor {
      let parsed = try #require(ScrubCursor(text: from.text))
      let report = try scrub(store, from: parsed, visit: { _ in false })
      frameCount += report.frameCount
      cursor = report.next
      rounds += 1
    }
    #expect(rounds > 3)
    #expect(frameCount == (try store.engine.accounts.storeUsage().frameCount))
    #expect(ScrubCursor(text: "7") == nil)
    #expect(ScrubCursor(text: "7:x") == nil)
  }

  @Test func `a pass goes on after the store was reopened, and says since when all is verified`()
    throws
  {
    let store = try sampleStore()
    let engine = { store.engine }
    func goOn(_ isRestarted: Bool = false, _ visit: (ScrubProgress) -> Bool) throws -> ScrubReport {
      try engine().checks.scrubOn(
        isRestarted: isRestarted, options: ScrubOptions(), sleep: { _ in }, visit: visit)
    }
    #expect(engine().checks.scrubStatus.verifiedSince == nil)
    let began = store.clock.wallNanoseconds()
    let first = try goOn { _ in false }
    store.clock.advance(byNanoseconds: 1_000_000_000)
    try store.reopen()
    #expect(engine().checks.scrubStatus.next == first.next)
    let second = try goOn { _ in true }
    let all = try store.engine.accounts.storeUsage().frameCount
    #expect(first.frameCount + second.frameCount == all)
    #expect(engine().checks.scrubStatus.verifiedSince == began)
    #expect(engine().checks.scrubStatus.next == nil)
    // The next one is a pass of its own; until it ends the last one counts.
    store.clock.advance(byNanoseconds: 1_000_000_000)
    _ = try goOn { _ in false }
    #expect(engine().checks.scrubStatus.verifiedSince == began)
    let whole = try goOn(true) { _ in true }
    #expect(whole.frameCount == all)
    #expect(engine().checks.scrubStatus.verifiedSince == store.clock.wallNanoseconds())
    try store.crash(seed: 1)
    #expect(engine().checks.scrubStatus.verifiedSince == store.clock.wallNanoseconds())
  }

  @Test func `a scrub keeps to its rate`() throws {
    let store = try sampleStore()
    var slept: UInt64 = 0
    let report = try scrub(
      store, options: ScrubOptions(byteCountPerSecond: 1 << 20),
      sleep: { nanoseconds in
        slept += nanoseconds
        store.clock.advance(byNanoseconds: nanoseconds)
      })
    let due = Double(report.byteCount) / Double(1 << 20) * 1e9
    #expect(abs(Double(slept) - due) < 1e6)
  }

  @Test func `a damaged bundle directory is a finding and the scrub goes on`() throws {
    let store = try sampleStore()
    let segment = try StoreInspector(disk: store.disk).segment(SegmentID(1))
    let bundle = segment.bundles[1]
    try store.disk.flipBit(
      0, at: bundle.offset + UInt64(bundle.header.directoryOffset) + 3, in: segment.file)
    let report = try scrub(store)
    #expect(report.findings.count == 1)
    let all = segment.bundles.reduce(0) { $0 + $1.frames.count }
    #expect(report.frameCount == all - bundle.frames.count)
  }
}
