import CoppiceEngine
import CoppiceFormat
import TestSupport
import Testing

/// What the catalogue and the bundles say of segments is so.
@Suite struct SegmentEntryTests {
  private func entries(_ test: TestStore) throws -> [SegmentEntry] {
    let newest = try #require(try StoreInspector(disk: test.disk).catalogues().first)
    return try newest.content.get().segments
  }

  @Test func `a segment is closed once nothing is appended to it any more`() throws {
    let test = try TestStore()
    let main = try test.engine.branches.create(named: "main")
    try main.put(2, SplitMix64(seed: 1).bytes(count: 100_000))
    try test.engine.sealer.sealAll()
    try test.engine.checkpointer.write()
    #expect(try entries(test).map(\.flags) == [[]])
    // A collection closes what is open.
    _ = try test.engine.collector.collectGarbage(CollectionOptions())
    try test.engine.checkpointer.write()
    #expect(try entries(test).map(\.flags) == [.closed])
    try main.put(3, SplitMix64(seed: 2).bytes(count: 100_000))
    try test.engine.sealer.sealAll()
    try test.engine.checkpointer.write()
    #expect(try entries(test).map(\.flags) == [.closed, []])
    // What is not closed is continued.
    try test.reopen()
    try test.engine.branches.named("main").put(4, SplitMix64(seed: 3).bytes(count: 100_000))
    try test.engine.sealer.sealAll()
    try test.engine.checkpointer.write()
    #expect(try entries(test).map(\.flags) == [.closed, []])
  }

  @Test func `a bundle says what the last record was`() throws {
    let test = try TestStore()
    let main = try test.engine.branches.create(named: "main")
    var before = test.engine.journal.lastLSN
    for number in 0..<3 as Range<UInt64> {
      let lsn = try main.put(2 + number, SplitMix64(seed: number).bytes(count: 10_000))
      try test.engine.sealer.sealAll()
      let segment = try StoreInspector(disk: test.disk).segment(SegmentID(1))
      let found = try #require(segment.bundles.last).header.lsn
      #expect(found > before && found >= lsn && found <= test.engine.journal.lastLSN)
      before = found
    }
  }
}

extension SplitMix64 {
  fileprivate func bytes(count: Int) -> [UInt8] {
    var generator = self
    return generator.bytes(count)
  }
}
