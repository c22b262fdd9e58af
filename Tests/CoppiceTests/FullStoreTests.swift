import Coppice
import CoppiceEngine
import TestSupport
import Testing

/// Files on a disk that is full: what makes room always works.
@Suite struct FullStoreTests {
  private static let piece = 64 << 10

  /// Until the disk is full. Returns how many bytes were acknowledged.
  private func fill(_ file: File, _ random: inout SplitMix64) throws -> Int {
    var end = 0
    while end < 256 << 20 {
      let bytes = random.bytes(Self.piece)
      do {
        try bytes.withUnsafeBytes { try file.write(at: UInt64(end), $0) }
        try file.flush()
      } catch let error as StoreError {
        #expect(error.kind == .full)
        return end
      }
      end += Self.piece
    }
    Issue.record("the disk never was full")
    return end
  }

  private func prepare(_ fixture: StoreFixture, _ random: inout SplitMix64) throws -> Branch {
    let main = try fixture.store.createBranch("main")
    try main.writeFile("kept", random.bytes(1 << 20))
    try main.writeFile("victim", random.bytes(3 << 20))
    try main.createDirectories("tree/below")
    for index in 0..<60 { try main.writeFile(BranchPath("tree/below/f\(index)"), [1, 2, 3]) }
    try fixture.store.engine.sealer.sealAll()
    try fixture.store.engine.checkpointer.write()
    return main
  }

  private func journalByteCount(_ fixture: StoreFixture) throws -> Int {
    try fixture.disk.fileNames().filter { $0.hasPrefix("journal/") }
      .reduce(0) { $0 + (try fixture.disk.contents(of: $1).count) }
  }

  /// With every amount of room that is left, the disk is full at another step of writing: in
  /// preparing the journal, in a seal, in a checkpoint, with the reserve made or not.
  @Test(arguments: 0..<40)
  func `whenever the disk gets full, what removes goes on, and room comes back`(_ step: Int) throws
  {
    let fixture = try StoreFixture()
    var random = SplitMix64(seed: UInt64(step))
    let main = try prepare(fixture, &random)
    let kept = try main.read(main.lookup("kept"))
    fixture.disk.capacity = fixture.disk.usedByteCount + UInt64(step * 600) << 10
    let file = try main.open(main.writeFile("fill", []))
    let filled = try fill(file, &random)
    #expect(try main.read(file.id).count >= filled)
    try file.truncate(to: UInt64(filled / 2))
    file.close()
    try main.transaction { changes throws(StoreError) in
      try changes.remove("victim", in: .root)
    }
    for index in 0..<60 {
      let below = try main.lookup("tree/below")
      try main.transaction { changes throws(StoreError) in
        try changes.remove(FileName("f\(index)"), in: below)
      }
      try main.flush()
    }
    try main.transaction { changes throws(StoreError) in
      try changes.removeTree("tree", in: .root)
    }
    try main.transaction { changes throws(StoreError) in
      try changes.remove("fill", in: .root)
    }
    try main.flush()
    let summary = try fixture.store.collectGarbage(isFull: true)
    #expect(summary.leftByteCount == 0)
    #expect(try fixture.store.spaceUsage().storedByteCount < 3 << 20)
    #expect(try journalByteCount(fixture) < 6 << 20)
    // Without a restart.
    let again = random.bytes(2 << 20)
    try main.writeFile("again", again)
    try main.flush()
    try fixture.store.engine.sealer.sealAll()
    try fixture.store.engine.checkpointer.write()
    #expect(try fixture.disk.contents(of: "reserve").count > 1 << 20)
    try fixture.crash(seed: 1)
    let found = try fixture.store.branch("main")
    #expect(try found.read(found.lookup("kept")) == kept)
    #expect(try found.read(found.lookup("again")) == again)
    #expect(try fixture.store.engine.checks.check().findings == [])
  }

  @Test func `somebody else fills the disk, and removing makes room for what is unsealed`() throws {
    let fixture = try StoreFixture()
    var random = SplitMix64(seed: 2)
    let main = try prepare(fixture, &random)
    let unsealed = random.bytes(1 << 20)
    try main.writeFile("unsealed", unsealed)
    try main.flush()
    // All but what the store has.
    fixture.disk.capacity = fixture.disk.usedByteCount
    try main.transaction { changes throws(StoreError) in
      try changes.remove("victim", in: .root)
    }
    _ = try fixture.store.collectGarbage(isFull: true)
    try fixture.store.engine.sealer.sealAll()
    try main.writeFile("more", unsealed)
    try fixture.store.engine.sealer.sealAll()
    try fixture.reopen()
    let found = try fixture.store.branch("main")
    #expect(try found.read(found.lookup("unsealed")) == unsealed)
    #expect(try found.read(found.lookup("more")) == unsealed)
    #expect(throws: StoreError.self) { try found.lookup("victim") }
  }

  @Test func `a removal is accepted right after opening a store on a full disk`() throws {
    let fixture = try StoreFixture()
    var random = SplitMix64(seed: 3)
    _ = try prepare(fixture, &random)
    try fixture.reopen()
    fixture.disk.capacity = fixture.disk.usedByteCount
    let main = try fixture.store.branch("main")
    try main.transaction { changes throws(StoreError) in
      try changes.remove("victim", in: .root)
    }
    try main.flush()
    try fixture.reopen()
    _ = try fixture.store.collectGarbage(isFull: true)
    let found = try fixture.store.branch("main")
    #expect(throws: StoreError.self) { try found.lookup("victim") }
    try found.writeFile("more", random.bytes(1 << 20))
    try fixture.store.engine.sealer.sealAll()
  }

  @Test func `branches are deleted on a full disk, however many`() throws {
    let fixture = try StoreFixture()
    var random = SplitMix64(seed: 4)
    _ = try prepare(fixture, &random)
    for index in 0..<300 { try fixture.store.createBranch("trial-\(index)", from: "main") }
    try fixture.store.engine.checkpointer.write()
    fixture.disk.capacity = fixture.disk.usedByteCount
    for index in 0..<150 { try fixture.store.delete(["trial-\(index)"]) }
    for index in 150..<160 { _ = try fixture.store.deleteForGood(["trial-\(index)"]) }
    #expect(try fixture.store.entries().count == 141)
  }

  /// A store whose journal took 24 MiB of writes, all of them sealed.
  private func storeWithLargeJournal() throws -> (fixture: StoreFixture, main: Branch) {
    let fixture = try StoreFixture()
    var random = SplitMix64(seed: 5)
    let main = try fixture.store.createBranch("main")
    let file = try main.open(main.writeFile("file", []))
    for round in 0..<24 as Range<UInt64> {
      let bytes = random.bytes(1 << 20)
      try bytes.withUnsafeBytes { try file.write(at: round << 20, $0) }
    }
    file.close()
    try fixture.store.engine.sealer.sealAll()
    #expect(try journalByteCount(fixture) > 24 << 20)
    return (fixture, main)
  }

  @Test func `an idle journal gives back what it took for many writes`() throws {
    let (fixture, main) = try storeWithLargeJournal()
    let delay = try #require(try fixture.store.engine.pressure.tidyJournalWhenIdle())
    fixture.clock.advance(byNanoseconds: delay)
    #expect(try fixture.store.engine.pressure.tidyJournalWhenIdle() == nil)
    #expect(try journalByteCount(fixture) <= 17 << 20)
    try main.writeFile("more", [1])
    #expect(try fixture.store.engine.pressure.tidyJournalWhenIdle() == nil)
  }

  @Test(arguments: [false, true])
  func `a collection gives back what the journal took for many writes`(isFull: Bool) throws {
    let (fixture, _) = try storeWithLargeJournal()
    let summary = try fixture.store.collectGarbage(isFull: isFull)
    #expect(summary.journalByteCount == (isFull ? 0 : nil))
    #expect(try journalByteCount(fixture) <= 17 << 20)
  }

  @Test func `a deletion for good gives back what the journal took for many writes`() throws {
    let (fixture, _) = try storeWithLargeJournal()
    try fixture.store.createBranch("doomed")
    #expect(try fixture.store.deleteForGood(["doomed"])?.journalByteCount == 0)
    #expect(try journalByteCount(fixture) <= 17 << 20)
  }
}
