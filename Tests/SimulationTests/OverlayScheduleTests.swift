internal import CoppiceEngine
internal import CoppiceFormat
internal import CoppicePlatform
internal import Glibc
internal import Synchronization
internal import TestSupport
internal import Testing

/// Layers: truncation, forks, and what they cost.
@Suite struct OverlayScheduleTests {
  private static let page = UInt64(ModelVolume.pageByteCount)

  /// S7: a lookup never falls through a hole.
  @Test(arguments: [false, true], [0, 1, 5000, 8192] as [UInt64])
  func `a volume cut and grown again reads as zero behind the cut`(
    isSealedBetween: Bool, cut: UInt64
  ) throws {
    try CrashEnumeration(seedsPerPoint: 1).run { simulation in
      try simulation.write("main", page: 0, count: 10, seed: 1)
      try simulation.write("main", page: 300, count: 2, seed: 2)
      try simulation.perform(.sealAll)
    } work: { simulation in
      try simulation.resize("main", to: cut)
      if isSealedBetween { try simulation.perform(.sealAll) }
      try simulation.resize("main", to: 310 * Self.page)
      try simulation.checkAll()
      try simulation.perform(.sealAll)
      try simulation.checkAll()
      try simulation.flush()
    }
  }

  @Test func `a dropped volume written again shows nothing of its former self`() throws {
    try CrashEnumeration(seedsPerPoint: 1).run { simulation in
      try simulation.write("main", page: 0, count: 300, seed: 1)
      try simulation.perform(.sealAll)
    } work: { simulation in
      try simulation.change(
        "main", .drop(VolumeNumber(1)),
        .write(VolumeNumber(1), offset: 290 * Self.page + 10, byteCount: 20, seed: 5))
      try simulation.checkAll()
      try simulation.fork("main", as: "child")
      try simulation.change("child", .drop(VolumeNumber(1)))
      try simulation.checkAll()
      try simulation.perform(.sealAll)
      try simulation.checkAll()
    }
  }

  @Test func `a hole inside sealed pages is a hole in every later state`() throws {
    try CrashEnumeration(seedsPerPoint: 1).run { simulation in
      try simulation.write("main", page: 0, count: 20, seed: 1)
      try simulation.write("main", page: 255, count: 4, seed: 2)
      try simulation.perform(.sealAll)
    } work: { simulation in
      try simulation.change(
        "main", .hole(VolumeNumber(1), offset: 3 * Self.page + 7, byteCount: 260 * Self.page))
      try simulation.checkAll()
      try simulation.write("main", page: 100, seed: 3)
      try simulation.perform(.sealAll)
      try simulation.checkAll()
    }
  }

  /// S17 and I6: a fork never waits for a seal, and reading stays right above many layers.
  @Test func `forks of a writing branch within one seal time all hold their moment`() throws {
    let simulation = try Simulation(seed: 3)
    for round in 0..<20 as Range<UInt64> {
      try simulation.write("main", page: round % 7, seed: round)
      try simulation.change("main", .resize(VolumeNumber(2), byteCount: round * 1000))
      try simulation.fork("main", as: "child \(round)")
    }
    try simulation.checkAll()
    try simulation.perform(.powerCut(seed: 1))
    try simulation.checkAll()
    try simulation.perform(.sealAll)
    try simulation.checkAll()
    try simulation.perform(.checkpoint)
    try simulation.perform(.powerCut(seed: 2))
  }

  /// B1: forking must not keep the writer's layers from being sealed.
  @Test func `a writer forked faster than it is sealed still gets sealed`() throws {
    let simulation = try Simulation(seed: 4)
    let engine = try #require(simulation.engine)
    for round in 0..<30 as Range<UInt64> {
      try simulation.write("main", page: round % 40, count: 4, seed: round)
      try simulation.seal {
        for part in 0..<6 as Range<UInt64> {
          try simulation.write("main", page: 50 + part, seed: round * 6 + part)
          try simulation.fork("main", as: "c\(round)-\(part)")
        }
      }
      for id in simulation.state.living where simulation.state.branches[id]?.name != "main" {
        try simulation.perform(.delete(id))
      }
    }
    try simulation.perform(.sealAll)
    #expect(try !engine.sealer.sealStep(.everything))
    try simulation.checkAll()
  }

  /// B1: n cuts of one writer cost each page version once, whoever shares them.
  @Test func `a layer shared by many forks is sealed once`() throws {
    let simulation = try Simulation(seed: 5)
    try simulation.write("main", page: 0, count: 50, seed: 1)
    for number in 0..<30 { try simulation.fork("main", as: "c\(number)") }
    let before = simulation.segmentByteCount
    try simulation.perform(.sealAll)
    let stored = simulation.segmentByteCount - before
    #expect(stored < 2 * 50 * Self.page)
    try simulation.checkAll()
    try simulation.perform(.powerCut(seed: 1))
    try simulation.checkAll()
  }

  /// B2: a branch nobody writes to must not hold the journal for ever.
  @Test func `an idle fork with a dirty page does not let the journal grow`() throws {
    var options = Simulation.options
    options.journalByteCountMax = 6 << 20
    let simulation = try Simulation(seed: 6, options: options)
    try simulation.fork("main", as: "idle")
    try simulation.write("idle", page: 0, seed: 1)
    for round in 0..<300 as Range<UInt64> {
      try simulation.write("main", page: round % 60, count: 20, seed: round)
    }
    try simulation.checkAll()
    try simulation.perform(.powerCut(seed: 1))
  }

  /// B5: intervals of one writer that touch are joined.
  @Test func `the children of a writer that was forked often list few intervals`() throws {
    let simulation = try Simulation(seed: 7)
    for round in 0..<100 as Range<UInt64> {
      try simulation.write("main", page: round % 5, seed: round)
      try simulation.fork("main", as: "c\(round)")
      if round >= 10 { try simulation.delete("c\(round - 10)") }
    }
    let engine = try #require(simulation.engine)
    #expect(engine.branches.entries().allSatisfy { $0.intervals.count <= 2 })
    try simulation.perform(.powerCut(seed: 1))
    #expect(
      try #require(simulation.engine).branches.entries().allSatisfy { $0.intervals.count <= 2 })
  }

  /// S15: opening removes only what it can prove to be unpublished.
  @Test func `a segment that the catalogue should know stops opening for writing`() throws {
    let simulation = try Simulation(seed: 8)
    try simulation.write("main", page: 0, count: 20, seed: 1)
    try simulation.perform(.closeAndOpen)
    simulation.engine?.abandon()
    let disk = simulation.disk.snapshot()
    let segment = try #require(disk.fileNames().first { $0.hasPrefix("segments/") })
    let unknown = "segments/0000000000"
    try disk.setContents(of: unknown, to: try disk.contents(of: segment))
    let names = disk.fileNames()
    #expect(throws: StoreError.self) {
      _ = try Engine.open(disk: disk, clock: simulation.clock, options: simulation.options)
    }
    #expect(disk.fileNames() == names)
  }
}
