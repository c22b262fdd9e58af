import CoppiceEngine
import CoppiceFormat
import CoppicePlatform
import TestSupport
import Testing

/// Damage at many places of every file of a store: what a check or a scrub finds, a repair mends or
/// lists; what a repair mends, they found before; and what they find afterwards, the repair has
/// said.
@Suite struct DamageSweepTests {
  /// Forks, differences, overrides, hosts, notes, a deleted branch and dead frames.
  private func sampleStore() throws -> TestStore {
    let store = try TestStore()
    var generator = SplitMix64(seed: 51)
    let main = try store.engine.branches.create(named: "main")
    try main.put(0, generator.bytes(3 * 4096))
    try main.put(1, generator.bytes(60 * 4096))
    try store.engine.sealer.sealAll()
    let child = try store.engine.branches.fork(main, named: "child", isReadOnly: false)
    try child.put(1, at: 7 * 4096 + 9, generator.bytes(20))
    try main.put(1, at: 20 * 4096, generator.bytes(20 * 4096))
    try store.engine.sealer.sealAll()
    _ = try store.engine.collector.collectGarbage(CollectionOptions())
    let gone = try store.engine.branches.fork(child, named: "gone", isReadOnly: false)
    try gone.put(2, generator.bytes(5 * 4096))
    try child.put(3, generator.bytes(4 * 4096))
    try store.engine.sealer.sealAll()
    _ = try store.engine.branches.fork(main, named: "main@one", isReadOnly: true)
    try store.engine.branches.delete([gone])
    return store
  }

  private func closedDisk() throws -> SimulatedDisk {
    let store = try sampleStore()
    try store.engine.close()
    return store.disk
  }

  /// As a killed process left it, with records in the journal that are not sealed.
  private func abandonedDisk() throws -> SimulatedDisk {
    let store = try sampleStore()
    let main = try store.engine.branches.named("main")
    for value in 1...6 as ClosedRange<UInt8> {
      try main.flush(through: try main.put(4, at: UInt64(value) * 700, [value]))
    }
    store.engine.abandon()
    store.disk.kill()
    return store.disk
  }

  private func options(isReadOnly: Bool) -> EngineOptions {
    var options = EngineOptions.small
    options.isReadOnly = isReadOnly
    return options
  }

  /// What a check finds, and what a scrub does if the store opens.
  private func findings(_ disk: SimulatedDisk) throws -> [Finding] {
    let clock = SimulatedClock()
    let checked = try Engine.check(disk: disk, clock: clock, options: .small) { _ in true }
    let options = options(isReadOnly: true)
    guard let engine = try? Engine.open(disk: disk, clock: clock, options: options) else {
      return checked.findings
    }
    defer { engine.abandon() }
    let scrubbed = try engine.checks.scrub(
      from: .start, options: ScrubOptions(), sleep: { _ in }, visit: { _ in true })
    return checked.findings + scrubbed.findings
  }

  private func sweep(_ sound: SimulatedDisk, placesPerSegment: Int, seed: UInt64) throws {
    #expect(try findings(sound) == [])
    var generator = SplitMix64(seed: seed)
    for name in sound.fileNames().sorted() {
      let byteCount = try sound.contents(of: name).count
      if byteCount == 0 { continue }
      // Headers always, and then anywhere.
      var places = [0, 20, 60].filter { $0 < byteCount }
      for _ in 0..<(name.hasPrefix("segments/") ? placesPerSegment : 5) {
        places.append(generator.below(byteCount))
      }
      for place in places {
        let disk = sound.snapshot()
        for _ in 0..<1 + generator.below(2) {
          let at = min(byteCount - 1, place + generator.below(8))
          try disk.flipBit(generator.below(8), at: UInt64(at), in: name)
        }
        try checkRepair(of: disk, "\(name) at \(place)")
      }
    }
  }

  private func checkRepair(of disk: SimulatedDisk, _ place: Comment) throws {
    let before = try findings(disk)
    let report: RepairReport
    do throws(StoreError) {
      report = try Engine.repair(
        disk: disk, clock: SimulatedClock(), options: .small, RepairOptions())
    } catch {
      #expect(!before.isEmpty, place)
      #expect(!error.remedy.isEmpty, place)
      return
    }
    let told = report.lost + report.left
    if before.isEmpty {
      #expect(report.steps == [] && told == [], place)
    } else {
      #expect(!report.steps.isEmpty || !told.isEmpty, place)
    }
    let after = try findings(disk)
    for finding in after {
      #expect(told.contains { $0.object == finding.object }, "\(place): \(finding)")
    }
    if after.isEmpty || !after.allSatisfy(\.isUnused) { return }
    try collect(disk)
    #expect(try findings(disk) == [], place)
  }

  private func collect(_ disk: SimulatedDisk) throws {
    let engine = try Engine.open(
      disk: disk, clock: SimulatedClock(), options: options(isReadOnly: false))
    var collection = CollectionOptions()
    collection.isFull = true
    _ = try engine.collector.collectGarbage(collection)
    try engine.close()
  }

  @Test(arguments: [1, 2] as [UInt64])
  func `checks find what repairs mend, and repairs what checks find`(seed: UInt64) throws {
    try sweep(try closedDisk(), placesPerSegment: 24, seed: seed)
  }

  @Test func `so it is with a store that was not closed`() throws {
    try sweep(try abandonedDisk(), placesPerSegment: 8, seed: 3)
  }

  @Test func `a segment's damaged header is written anew, and nothing else`() throws {
    let disk = try closedDisk()
    let name = try #require(disk.fileNames().first { $0.hasPrefix("segments/") })
    let sound = try disk.contents(of: name)
    for offset in [0, 9, 20, 44, 63] as [UInt64] {
      let damaged = disk.snapshot()
      try damaged.flipBit(3, at: offset, in: name)
      let report = try Engine.repair(
        disk: damaged, clock: SimulatedClock(), options: .small, RepairOptions())
      #expect(report.steps.map(\.object) == ["\(name) header"])
      #expect(try damaged.contents(of: name) == sound)
      #expect(try findings(damaged) == [])
    }
  }
}
