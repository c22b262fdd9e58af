import CoppiceEngine
import CoppiceFormat
import CoppicePlatform
import TestSupport
import Testing

@Suite struct PageRepairTests {
  private static let page = 4096

  /// Flips a bit in the stored bytes of a page.
  private func damage(_ store: TestStore, page: UInt64, in segment: UInt64 = 1) throws {
    try store.damage(.page, at: page, in: segment, bit: 3, ofByte: 40)
  }

  @Test func `pages are healed from what another branch stored, in branches and snapshots`() throws
  {
    let store = try TestStore()
    var generator = SplitMix64(seed: 2)
    let bytes = generator.bytes(20 * Self.page + 100)
    let main = try store.engine.branches.create(named: "main")
    try main.put(1, bytes, time: 7)
    try store.engine.sealer.sealAll()
    _ = try store.engine.branches.fork(main, named: "main@kept", isReadOnly: true)
    // With an empty window equal pages are stored once more.
    try store.reopen()
    let other = try store.engine.branches.create(named: "other")
    try other.put(9, Array(bytes[(4 * Self.page)...]))
    try store.engine.close()
    try damage(store, page: 5)
    try damage(store, page: 20)
    try damage(store, page: 2)
    let report = try store.repair()
    #expect(report.healedPageCount == 4)
    #expect(report.lost.count == 1)
    #expect(report.lost.first?.affected.map(\.name) == ["main", "main@kept"])
    #expect(report.lost.first?.affected.map(\.pages) == [[2..<3], [2..<3]])
    try store.open()
    for name in ["main", "main@kept"] {
      let branch = try store.engine.branches.named(name)
      let found = try branch.get(1, at: UInt64(3 * Self.page), 18 * Self.page)
      #expect(found == Array(bytes[(3 * Self.page)...]))
      #expect(
        try branch.attributes(of: VolumeNumber(1))
          == VolumeAttributes(byteCount: UInt64(bytes.count), modified: 7))
      #expect(throws: StoreError.self) { try branch.get(1, at: UInt64(2 * Self.page), 1) }
    }
    // What was lost comes back with a new copy.
    let again = try store.engine.branches.create(named: "again")
    try again.put(5, Array(bytes[..<(3 * Self.page)]))
    try store.engine.close()
    let second = try store.repair()
    #expect(second.healedPageCount == 2)
    #expect(second.lost == [])
    try store.open()
    #expect(try store.engine.branches.named("main").all(1) == bytes)
    #expect(try store.engine.branches.named("main@kept").all(1) == bytes)
  }

  @Test func `copies in another trust domain heal nothing, and stop nothing`() throws {
    let store = try TestStore()
    var generator = SplitMix64(seed: 6)
    let bytes = generator.bytes(300 * Self.page)
    let main = try store.engine.branches.create(named: "main")
    try main.put(1, bytes)
    try store.engine.sealer.sealAll()
    let foreign = try store.engine.branches.create(named: "foreign", domain: DomainID(1))
    try foreign.put(1, bytes)
    try store.engine.close()
    try damage(store, page: 5)
    try damage(store, page: 270)
    let report = try store.repair()
    #expect(report.healedPageCount == 0)
    #expect(report.lost.flatMap(\.affected).map(\.name) == ["main", "main"])
    try store.open()
    #expect(try store.engine.branches.named("foreign").all(1) == bytes)
    #expect(try store.engine.branches.named("main").get(1, at: 0, 10) == Array(bytes[..<10]))
    #expect(throws: StoreError.self) {
      try store.engine.branches.named("main").get(1, at: UInt64(5 * Self.page), 1)
    }
  }

  @Test func `more pages than a check lists are healed, behind damage that nobody reads`() throws {
    let store = try TestStore()
    var generator = SplitMix64(seed: 6)
    let junk = try store.engine.branches.create(named: "junk")
    for _ in 0..<2 {
      try junk.put(1, generator.bytes(1100 * Self.page))
      try store.engine.sealer.sealAll()
    }
    let bytes = generator.bytes(1100 * Self.page)
    for name in ["main", "other"] {
      let branch = try store.engine.branches.create(named: name)
      try branch.put(1, bytes)
      // With an empty window equal pages are stored once more.
      try store.reopen()
    }
    try store.engine.close()
    var count = 0
    for segment in try StoreInspector(disk: store.disk).segments() {
      let inspection = try StoreInspector(disk: store.disk).segment(segment)
      for frame in inspection.bundles.flatMap(\.frames) where frame.entry.form.kind == .page {
        // The first state of junk, which is dead, and main.
        if count / 1100 % 2 == 0 {
          try store.disk.flipBit(3, at: UInt64(frame.locator.offset) + 40, in: inspection.file)
        }
        count += 1
      }
    }
    #expect(count == 4400)
    let report = try store.repair()
    #expect(report.healedPageCount == 1100)
    #expect(report.lost == [])
    try store.open()
    #expect(try store.engine.branches.named("main").all(1) == bytes)
  }

  @Test func `of very many lost pages a part is listed and the rest counted`() throws {
    let store = try TestStore()
    var generator = SplitMix64(seed: 8)
    let main = try store.engine.branches.create(named: "main")
    try main.put(1, generator.bytes(1100 * Self.page))
    try store.engine.close()
    let inspection = try StoreInspector(disk: store.disk).segment(SegmentID(1))
    for frame in inspection.bundles.flatMap(\.frames) where frame.entry.form.kind == .page {
      try store.disk.flipBit(3, at: UInt64(frame.locator.offset) + 40, in: inspection.file)
    }
    let report = try store.repair()
    #expect(report.lost.count == CheckReport.findingCountMax)
    #expect(report.omittedLostCount == 100)
  }
}
