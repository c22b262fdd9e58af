internal import CoppiceEngine
internal import CoppiceFormat
internal import Glibc
internal import TestSupport
internal import Testing

/// The journal across power cuts.
@Suite struct JournalScheduleTests {
  /// S4: batches behind a torn one must not come back after the store went on.
  @Test(arguments: 0..<40 as Range<UInt64>)
  func `records behind a torn batch never come back`(seed: UInt64) throws {
    let simulation = try Simulation(seed: seed)
    for round in 0..<6 as Range<UInt64> {
      // Over 256 KiB a batch is written out before any flush: several are unsynced at once.
      for part in 0..<4 as Range<UInt64> {
        try simulation.write("main", page: part * 30, count: 30, seed: round * 10 + part)
        try simulation.write("main", volume: 2, page: part * 30, count: 30, seed: round + part)
      }
      try simulation.perform(.powerCut(seed: seed * 31 + round))
      try simulation.write("main", page: round, seed: round)
      try simulation.flush()
      try simulation.write("main", page: round + 1, seed: round)
      try simulation.perform(.powerCut(seed: seed * 37 + round))
    }
  }

  /// S4: the same where nothing but the journal is between two openings.
  @Test(arguments: 0..<20 as Range<UInt64>)
  func `openings in a row without work change nothing`(seed: UInt64) throws {
    let simulation = try Simulation(seed: seed)
    for part in 0..<12 as Range<UInt64> {
      try simulation.write("main", page: part * 30, count: 30, seed: part)
    }
    for round in 0..<5 as Range<UInt64> {
      try simulation.perform(.powerCut(seed: seed * 41 + round))
    }
  }

  /// S5: a checkpoint never runs ahead of the journal.
  @Test func `a checkpoint of unsynced records survives a power cut at every step`() throws {
    try CrashEnumeration(seedsPerPoint: 4).run { simulation in
      try simulation.write("main", page: 0, seed: 1)
      try simulation.perform(.checkpoint)
    } work: { simulation in
      try simulation.write("main", page: 0, seed: 2)
      try simulation.write("main", page: 1, seed: 3)
      try simulation.perform(.checkpoint)
      try simulation.write("main", page: 2, seed: 4)
      try simulation.flush()
    }
  }

  @Test func `every control record is all there or not at all after a power cut`() throws {
    try CrashEnumeration().run { simulation in
      try simulation.write("main", page: 0, seed: 1)
      try simulation.fork("main", as: "old")
    } work: { simulation in
      try simulation.fork("main", as: "child")
      try simulation.perform(.rename(try simulation.id("child"), name: "renamed"))
      try simulation.write("renamed", page: 1, seed: 2)
      try simulation.reset("main", to: "renamed")
      let old = try simulation.id("old")
      try simulation.delete("old")
      try simulation.perform(.restore(old, name: "restored"))
      try simulation.fork("main", as: "snapshot", isReadOnly: true)
      try simulation.create("empty")
      try simulation.perform(.checkpoint)
    }
  }

  /// S18: a transaction of several records.
  @Test func `a large transaction is replayed whole or not at all`() throws {
    try CrashEnumeration(seedsPerPoint: 6).run { simulation in
      try simulation.write("main", page: 0, count: 10, seed: 1)
      try simulation.flush()
    } work: { simulation in
      try simulation.perform(
        .commit(
          try simulation.id("main"),
          (0..<8).map {
            .write(VolumeNumber($0 % 3), offset: $0 * 100_000, byteCount: 150_000, seed: $0 + 10)
          }))
      try simulation.flush()
    } after: { simulation in
      // What was left of a torn transaction must not join the next one.
      try simulation.write("main", page: 1, seed: 5)
      try simulation.flush()
    }
  }

  /// A killed process leaves unsynced batches that reopening reads; they must be synced before they
  /// count as durable.
  @Test(arguments: 0..<20 as Range<UInt64>)
  func `what reopening after a kill shows survives a power cut`(seed: UInt64) throws {
    let simulation = try Simulation(seed: seed)
    for part in 0..<12 as Range<UInt64> {
      try simulation.write("main", page: part * 30, count: 30, seed: part)
    }
    try simulation.perform(.kill)
    try simulation.flush()
    try simulation.perform(.powerCut(seed: seed))
  }

  /// I9: after a failed journal sync nothing is acknowledged until the store is opened again.
  @Test(arguments: 0..<20 as Range<UInt64>)
  func `a failing journal sync poisons until reopening`(seed: UInt64) throws {
    let simulation = try Simulation(seed: seed)
    try simulation.write("main", page: 0, seed: 1)
    try simulation.flush()
    try simulation.write("main", page: 0, seed: 2)
    try simulation.perform(.failSync(prefix: "journal/", passing: 0))
    let branch = try simulation.branch(try simulation.id("main"))
    let engine = try #require(simulation.engine)
    #expect(throws: StoreError.self) { try branch.flush(through: engine.journal.lastLSN) }
    #expect(throws: StoreError.self) { try branch.flush(through: engine.journal.lastLSN) }
    #expect(throws: StoreError.self) { try engine.checkpointer.write() }
    #expect(throws: StoreError.self) {
      _ = try engine.branches.fork(branch, named: "x", isReadOnly: false)
    }
    #expect(try simulation.read(branch, VolumeNumber(1), at: 0, count: 10).count == 10)
    try simulation.perform(.powerCut(seed: seed))
    try simulation.write("main", page: 0, seed: 3)
    try simulation.flush()
    try simulation.perform(.powerCut(seed: seed + 1))
  }

  /// S16: a full disk is an answer, not an accident.
  @Test func `on a full disk writes are refused, deletes work, and room brings writes back`() throws
  {
    let simulation = try Simulation(seed: 1)
    try simulation.fork("main", as: "child")
    try simulation.write("main", page: 0, seed: 1)
    try simulation.perform(.limitDisk(freeByteCount: 0))
    let engine = try #require(simulation.engine)
    var round: UInt64 = 0
    var isFull = false
    while !isFull, round < 1000 {
      let before = engine.journal.lastLSN
      try simulation.write("main", page: round % 50, count: 20, seed: round)
      isFull = engine.journal.lastLSN == before
      round += 1
    }
    #expect(isFull)
    #expect(!engine.journal.isPoisoned)
    try simulation.delete("child")
    #expect(simulation.state.branch(named: "child") == nil)
    try simulation.checkAll()
    try simulation.perform(.unlimitDisk)
    let before = engine.journal.lastLSN
    try simulation.write("main", page: 3, seed: 77)
    #expect(engine.journal.lastLSN > before)
    try simulation.flush()
    try simulation.perform(.powerCut(seed: 1))
  }

  /// B3: control records that free nothing must not use up the room of those that do.
  @Test func `many control records on a full disk leave room to seal and checkpoint`() throws {
    let simulation = try Simulation(seed: 2)
    for number in 0..<100 { try simulation.fork("main", as: "c\(number)") }
    try simulation.write("main", page: 0, count: 5, seed: 1)
    try simulation.perform(.limitDisk(freeByteCount: 0))
    let engine = try #require(simulation.engine)
    for round in 0..<200 as Range<UInt64> {
      try simulation.write("main", page: round % 50, count: 20, seed: round)
    }
    for number in 0..<100 where simulation.state.branch(named: "c\(number)") != nil {
      try simulation.delete("c\(number)")
    }
    #expect(!engine.journal.isPoisoned)
    try simulation.perform(.unlimitDisk)
    let before = engine.journal.durableLSN
    try simulation.perform(.sealAll)
    try simulation.perform(.checkpoint)
    #expect(engine.journal.durableLSN > before)
    try simulation.perform(.powerCut(seed: 3))
  }
}
