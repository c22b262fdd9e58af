internal import CoppiceEngine
internal import CoppiceFormat
internal import TestSupport
internal import Testing

/// Readers that take long, with whole collections between any two of their looks at segments (S32):
/// what has just moved is no damage and no error.
@Suite struct ReaderScheduleTests {
  /// Segments with live and dead frames of two branches, hosts, and differences to old pages.
  private func prepare(_ simulation: Simulation) throws {
    try simulation.write("main", page: 0, count: 20, seed: 1)
    try simulation.perform(.sealAll)
    try simulation.fork("main", as: "child")
    try simulation.fork("main", as: "gone")
    try simulation.write("gone", page: 30, count: 4, seed: 50)
    try simulation.perform(.sealAll)
    try simulation.write("main", page: 0, count: 10, seed: 2)
    try simulation.write("child", page: 5, count: 3, seed: 3)
    try simulation.perform(.sealAll)
    try simulation.perform(.collectGarbage(isFull: true))
    for page in 0..<6 as Range<UInt64> {
      let offset = page * UInt64(ModelVolume.pageByteCount) + 7
      try simulation.change(
        "child", .write(VolumeNumber(1), offset: offset, byteCount: 30, seed: page))
    }
    try simulation.perform(.sealAll)
    try simulation.write("main", volume: 2, page: 0, count: 20, seed: 4)
    try simulation.perform(.sealAll)
    // Every look goes to the disk.
    try simulation.perform(.kill)
  }

  /// Makes garbage in every segment and moves what is left, whatever was there before.
  private func move(_ simulation: Simulation, round: UInt64) throws {
    try simulation.write("main", page: 10 + round % 8, count: 2, seed: 100 + round)
    try simulation.write("child", volume: 2, page: round % 8, count: 2, seed: 200 + round)
    try simulation.perform(.sealAll)
    try simulation.perform(
      round % 3 == 2 ? .collectYoungGarbage : .collectGarbage(isFull: round % 2 == 0))
  }

  /// Has `read` overtaken by one collection at one of its looks at segments, at each of the first
  /// ones and at some of the others, then by one at every look.
  private func overtake(_ read: (Engine) throws -> Void) throws {
    for kind in [DiskOperation.Kind.open, .read] {
      var isReached = true
      for point in Array(0..<12) + Array(stride(from: 12, to: 1000, by: 7)) where isReached {
        isReached = false
        try run(kind, passing: point, isRepeated: false, read) { isReached = true }
      }
      #expect(!isReached)
      for step in 1..<4 { try run(kind, passing: step, isRepeated: true, read) {} }
    }
  }

  private func run(
    _ kind: DiskOperation.Kind, passing: Int, isRepeated: Bool, _ read: (Engine) throws -> Void,
    reached: @escaping () -> Void
  ) throws {
    let simulation = try Simulation(seed: 3)
    try prepare(simulation)
    var round = UInt64(passing)
    var failure: (any Error)?
    var isMoving = false
    func arm() {
      simulation.disk.intercept(kind, namePrefix: "segments/", passing: passing) {
        if isMoving { return }
        isMoving = true
        defer { isMoving = false }
        reached()
        round += 1
        do { try self.move(simulation, round: round) } catch { failure = failure ?? error }
        // As long as there is something to read, but not for ever.
        if isRepeated, round < 40 { arm() }
      }
    }
    arm()
    let engine = try #require(simulation.engine)
    do { try read(engine) } catch {
      Issue.record("overtaken at \(kind.rawValue) \(passing): \(error)")
    }
    simulation.disk.clearInterceptions()
    if let failure { throw failure }
    try simulation.checkAll()
  }

  @Test func `a check finds nothing in a sound store`() throws {
    try overtake { engine in
      let report = try engine.checks.check()
      #expect(report.findings == [])
    }
  }

  @Test func `a scrub finds nothing in a sound store`() throws {
    try overtake { engine in
      let report = try engine.checks.scrub(
        from: .start, options: ScrubOptions(), sleep: { _ in }, visit: { _ in true })
      #expect(report.findings == [])
    }
  }

  @Test func `what is told of space adds up`() throws {
    try overtake { engine in
      let report = try engine.accounts.spaceReport()
      #expect(
        report.exclusiveByteCount + report.sharedByteCount + report.deadByteCount
          + report.metadataByteCount == report.storedByteCount)
    }
    try overtake { engine in
      let usage = try engine.accounts.storeUsage()
      #expect(
        usage.liveByteCount + usage.garbageByteCount + usage.metadataByteCount
          == usage.storedByteCount)
    }
    try overtake { engine in
      let ids = engine.branches.entries().map(\.id)
      #expect(try engine.accounts.usage(of: ids).allSatisfy { $0.referencedByteCount > 0 })
      _ = try engine.accounts.spaceFreed(byForgetting: Set(ids.suffix(1)))
    }
  }

  @Test func `a comparison of two branches is one of two moments`() throws {
    try overtake { engine in
      let branches = engine.branches.entries().sorted { $0.id < $1.id }.compactMap {
        engine.branches.with($0.id)
      }
      let views = try branches.prefix(2).map { try $0.pinnedView() }
      var volumes: [VolumeNumber] = []
      try BranchDifference(from: views[0], to: views[1]).forEachVolume { volumes.append($0.volume) }
      #expect(volumes == [VolumeNumber(1), VolumeNumber(2)])
    }
  }

  @Test func `an inspector finds a node wherever it lies`() throws {
    try overtake { engine in
      let main = try #require(engine.branches.entries().first { $0.name == "main" })
      let view = try #require(engine.branches.with(main.id)).pinnedView()
      let inspector = StoreInspector(disk: engine.disk)
      #expect(try inspector.node(main.root.locator.name).locator.name == main.root.locator.name)
      withExtendedLifetime(view) {}
    }
  }
}
