import CoppiceEngine
import CoppiceFormat
import CoppicePlatform
import TestSupport
import Testing

/// Damage of the first block of a journal file, behind which acknowledged records lie.
@Suite struct JournalHeaderTests {
  /// Flushed writes, and a fork and a name behind them, in files that no checkpoint lists; then
  /// the process ends.
  private func store() throws -> TestStore {
    let test = try TestStore()
    let main = try test.engine.branches.create(named: "main")
    for number in 1...4 as ClosedRange<UInt8> {
      try main.flush(through: main.put(UInt64(number), [number]))
      if number == 2 { try test.engine.journal.endCurrentFile() }
    }
    _ = try test.engine.branches.fork(main, named: "main@kept", isReadOnly: true)
    try test.engine.journal.endCurrentFile()
    // A name finds room in the files for control records.
    test.disk.capacity = test.disk.usedByteCount
    try test.engine.branches.rename([(main, "renamed")])
    test.disk.capacity = .max
    try main.flush(through: main.put(5, [5]))
    test.disk.kill()
    test.engine.abandon()
    return test
  }

  private func files(of disk: SimulatedDisk) throws -> [String] {
    try StoreInspector(disk: disk).journalFiles().filter { !$0.batches.isEmpty }.map(\.file)
  }

  private func expectWhole(_ test: TestStore, _ disk: SimulatedDisk, _ place: String) throws {
    let engine = try Engine.open(disk: disk, clock: test.clock, options: test.options)
    defer { engine.abandon() }
    let branch = try engine.branches.named("renamed")
    for number in 1...5 as ClosedRange<UInt8> {
      #expect(try branch.all(UInt64(number)) == [number], "\(place)")
    }
    #expect(try engine.branches.named("main@kept").all(4) == [4], "\(place)")
    #expect(try engine.checks.check().findings == [], "\(place)")
  }

  private func check(_ test: TestStore, _ disk: SimulatedDisk) throws -> CheckReport {
    try Engine.check(disk: disk, clock: test.clock, options: test.options) { _ in true }
  }

  @Test func `a damaged header is found, refused and written anew`() throws {
    let test = try store()
    let files = try files(of: test.disk)
    #expect(files.count >= 3 && files.contains { $0.contains("control-") })
    for file in files {
      for offset in [0, 4, 8, 16, 24, 32, 40, 60, 2000, 4089] as [UInt64] {
        let place = "\(file) at \(offset)"
        let disk = test.disk.snapshot()
        try disk.flipBit(3, at: offset, in: file)
        #expect(try check(test, disk).findings.map(\.object) == [file], "\(place)")
        let error = #expect(throws: StoreError.self, "\(place)") {
          try Engine.open(disk: disk, clock: test.clock, options: test.options)
        }
        #expect(error?.kind == .corrupt && error?.object == file, "\(place)")
        let report = try Engine.repair(
          disk: disk, clock: test.clock, options: test.options, RepairOptions())
        #expect(report.steps.map(\.object) == [file], "\(place)")
        #expect(report.droppedRecords == nil, "\(place)")
        try expectWhole(test, disk, place)
      }
    }
  }

  @Test func `a header of zeros is damage like any other`() throws {
    let test = try store()
    for file in try files(of: test.disk) {
      let disk = test.disk.snapshot()
      let bytes = try disk.contents(of: file)
      try disk.setContents(
        of: file, to: [UInt8](repeating: 0, count: 4096) + bytes[4096...])
      #expect(try check(test, disk).findings.map(\.object) == [file])
      _ = try Engine.repair(disk: disk, clock: test.clock, options: test.options, RepairOptions())
      try expectWhole(test, disk, file)
    }
  }

  @Test func `all headers at once come back`() throws {
    let test = try store()
    for file in try files(of: test.disk) { try test.disk.flipBit(1, at: 17, in: file) }
    let report = try test.repair()
    #expect(report.steps.count >= 3)
    try expectWhole(test, test.disk, "all")
  }

  @Test func `a header with a damaged first batch behind it needs consent`() throws {
    let test = try store()
    let file = try #require(try files(of: test.disk).first { $0.hasSuffix("/0") })
    try test.disk.flipBit(1, at: 17, in: file)
    try test.disk.flipBit(1, at: 4096 + 80, in: file)
    let error = #expect(throws: StoreError.self) { try test.repair() }
    #expect(error?.kind == .corrupt)
    let report = try test.repair(acceptsLoss: true)
    #expect(report.droppedRecords != nil)
    try test.open()
    #expect(try test.engine.checks.check().findings == [])
  }

  @Test func `a file that a checkpoint lists is known without its header`() throws {
    let test = try store()
    try test.open()
    try test.engine.checkpointer.write()
    let branch = try test.engine.branches.named("renamed")
    try branch.flush(through: branch.put(5, [5]))
    test.disk.kill()
    test.engine.abandon()
    let listed = try #require(try StoreInspector(disk: test.disk).catalogues().first?.content.get())
    #expect(!listed.journalFiles.isEmpty)
    for file in try files(of: test.disk) {
      let disk = test.disk.snapshot()
      try disk.flipBit(0, at: 30, in: file)
      guard try !check(test, disk).findings.isEmpty else { continue }
      _ = try Engine.repair(disk: disk, clock: test.clock, options: test.options, RepairOptions())
      try expectWhole(test, disk, file)
    }
  }

  @Test(arguments: 1...8 as ClosedRange<UInt64>)
  func `no crash leaves what looks like a damaged header`(seed: UInt64) throws {
    let test = try TestStore()
    var history = RandomHistory(seed: seed)
    for round in 0..<4 as Range<UInt64> {
      try history.run(test, stepCount: 30)
      test.disk.powerOff(beforeOperation: test.disk.operationCount + Int(seed * 7 % 40))
      _ = try? test.engine.sealer.sealAll()
      _ = try? test.engine.checkpointer.write()
      try test.crash(seed: seed &+ round)
    }
    #expect(try test.engine.checks.check().findings == [])
  }
}
