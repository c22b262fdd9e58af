internal import CoppiceEngine
internal import CoppiceFormat
internal import TestSupport
internal import Testing

/// Garbage collection beside everything else. Interleavings come from the steps that a collection
/// announces, at which it holds no lock that others wait for.
@Suite struct CollectionScheduleTests {
  /// Segments with live and dead frames, hosts, and a deleted branch. Frames that a young
  /// collection looks at are among them.
  private func prepare(_ simulation: Simulation) throws {
    try simulation.write("main", page: 0, count: 20, seed: 1)
    try simulation.perform(.sealAll)
    try simulation.fork("main", as: "child")
    try simulation.fork("main", as: "gone")
    try simulation.write("gone", page: 30, count: 4, seed: 50)
    try simulation.perform(.sealAll)
    try simulation.perform(.collectGarbage(isFull: false))
    try simulation.write("main", page: 0, count: 10, seed: 2)
    try simulation.write("child", page: 5, count: 3, seed: 3)
    try simulation.perform(.sealAll)
    try simulation.perform(.collectGarbage(isFull: false))
    try simulation.write("main", page: 0, count: 12, seed: 4)
    try simulation.write("gone", page: 34, count: 4, seed: 51)
    try simulation.perform(.sealAll)
    try simulation.fork("child", as: "late")
    try simulation.write("late", volume: 3, page: 3, count: 16, seed: 5)
    try simulation.perform(.sealAll)
    try simulation.delete("gone")
    try simulation.delete("late")
  }

  /// Runs `work` at each step of a collection, one step a run, then reads everything from disk.
  private func interleave(_ work: @escaping (Simulation) throws -> Void) throws {
    try CollectionInterleaving(prepare: prepare).run(work)
  }

  /// S8, S26 and the collector's own race: a dead page found by hash is live again, or a miss.
  @Test func `dead pages written again during a collection are there afterwards`() throws {
    try interleave { simulation in
      try simulation.write("child", page: 40, count: 12, seed: 2)
      try simulation.write("child", volume: 2, page: 0, count: 20, seed: 1)
      // The pages of a segment in which nothing else is left, and of a young one.
      try simulation.write("child", page: 60, count: 4, seed: 50)
      try simulation.write("child", page: 70, count: 16, seed: 5)
      try simulation.perform(.sealAll)
    }
  }

  @Test func `forks and resets during a collection keep what they refer to`() throws {
    try interleave { simulation in
      try simulation.fork("child", as: "second")
      try simulation.reset("main", to: "second")
      try simulation.delete("child")
    }
  }

  /// S11: a branch that is forgotten cannot come back, one that comes back was not forgotten.
  @Test func `a branch restored during a collection is whole, or its restoration is refused`()
    throws
  {
    try interleave { simulation in
      guard let id = simulation.state.deleted.first,
        let engine = simulation.engine, engine.branches.with(id) != nil
      else { return }
      try simulation.perform(.restore(id, name: "again"))
    }
  }

  @Test func `an import that ends during a collection is whole`() throws {
    try interleave { simulation in
      try simulation.perform(.importNew(name: "imported", seed: 7))
      try simulation.perform(.importReplacing(try simulation.id("child"), seed: 8))
    }
  }

  /// S12: refs in layers are roots.
  @Test func `pages shared during a collection stay when their first owner loses them`() throws {
    try interleave { simulation in
      let child = try simulation.id("child")
      let main = try simulation.id("main")
      try simulation.perform(
        .share(child, VolumeNumber(1), pages: 4..<9, to: main, VolumeNumber(2), at: 3))
      try simulation.write("child", page: 4, count: 5, seed: 60)
      try simulation.perform(.sealStep)
    }
  }

  /// S32: a reader that is overtaken by a whole collection reads on.
  @Test func `a read that a collection overtakes succeeds`() throws {
    for point in 0..<12 {
      let simulation = try Simulation(seed: 1)
      try prepare(simulation)
      try simulation.perform(.kill)
      simulation.disk.intercept(.read, namePrefix: "segments/", passing: point) {
        #expect(throws: Never.self) {
          try simulation.perform(.collectGarbage(isFull: true))
        }
      }
      try simulation.checkAll()
      simulation.disk.clearInterceptions()
    }
  }

  @Test(arguments: [Operation.collectGarbage(isFull: true), .collectYoungGarbage])
  func `a power cut at any step of a collection loses nothing`(_ kind: Operation) throws {
    try CrashEnumeration(seedsPerPoint: 3).run(prepare: prepare) { simulation in
      try simulation.perform(kind)
    } after: { simulation in
      try simulation.write("main", page: 50, count: 3, seed: 70)
      try simulation.perform(.sealAll)
      try simulation.perform(.collectYoungGarbage)
      try simulation.perform(.collectGarbage(isFull: true))
      try simulation.checkStructures()
      try simulation.flush()
    }
  }

  @Test func `a power cut at any step of a deletion for good leaves the branch whole or gone`()
    throws
  {
    try CrashEnumeration(seedsPerPoint: 2).run(prepare: prepare) { simulation in
      let child = try #require(simulation.state.branch(named: "child"))
      try simulation.perform(.deleteForGood(child))
    } after: { simulation in
      if let child = simulation.state.branch(named: "child") {
        try simulation.perform(.deleteForGood(child))
      }
      try simulation.perform(.sealAll)
      try simulation.perform(.collectGarbage(isFull: true))
      try simulation.checkStructures()
      #expect(try simulation.engine?.accounts.spaceReport().deadByteCount == 0)
    }
  }

  /// Records of the branch share journal files with others', which are sealed before these are
  /// overwritten.
  @Test func `a power cut at any step of an erasure of the journal loses nothing`() throws {
    func prepareUnsealed(_ simulation: Simulation) throws {
      try prepare(simulation)
      for round in 0..<3 as Range<UInt64> {
        try simulation.write("main", page: 8 + round, count: 2, seed: 80 + round)
        try simulation.write("child", page: 20 + round, count: 2, seed: 90 + round)
        try simulation.flush()
      }
    }
    try CrashEnumeration(seedsPerPoint: 2).run(prepare: prepareUnsealed) { simulation in
      let child = try #require(simulation.state.branch(named: "child"))
      try simulation.perform(.deleteForGood(child))
      if !simulation.disk.isPoweredOff {
        let proof = try simulation.engine?.accounts.reclaimProof(ofDeleted: "child")
        // What main's differences build on stays, and nothing else.
        #expect(proof.map { $0.isComplete && !$0.isPending } == true)
        #expect(proof?.heldByteCount == proof?.baseByteCount)
      }
      try simulation.write("main", page: 30, count: 2, seed: 99)
      try simulation.flush()
    }
  }

  /// What a collection had begun before the power was cut, the next one finishes.
  @Test func `after a power cut at any step the next collection leaves nothing dead`() throws {
    try CrashEnumeration(seedsPerPoint: 1).run(prepare: prepare) { simulation in
      try simulation.perform(.collectGarbage(isFull: true))
    } after: { simulation in
      try simulation.perform(.sealAll)
      try simulation.perform(.collectGarbage(isFull: true))
      guard let engine = simulation.engine else { return }
      let files = simulation.disk.fileNames().filter { $0.hasPrefix("segments/") }
      let report = try engine.accounts.spaceReport()
      #expect(report.deadByteCount == 0)
      #expect(files.count == engine.accounts.statistics.segmentCount)
    }
  }

  /// S27 and S28: hosts are emptied into hosts, and resolving stays one step.
  @Test(arguments: [false, true])
  func `frames that moved many times are found`(_ withYoung: Bool) throws {
    let simulation = try Simulation(seed: 9)
    try simulation.write("main", page: 0, count: 40, seed: 1)
    try simulation.perform(.sealAll)
    for round in 0..<8 as Range<UInt64> {
      try simulation.write("main", page: round * 4, count: 4, seed: 10 + round)
      try simulation.perform(.sealAll)
      if withYoung { try simulation.perform(.collectYoungGarbage) }
      try simulation.perform(.collectGarbage(isFull: true))
      try simulation.checkAll()
      try simulation.perform(.kill)
    }
    #expect(simulation.segmentByteCount < 3 * 40 * UInt64(ModelVolume.pageByteCount))
  }

  @Test func `a collection gives back the space of deleted branches`() throws {
    let simulation = try Simulation(seed: 10)
    try simulation.fork("main", as: "large")
    try simulation.write("large", page: 0, count: 200, seed: 1)
    try simulation.perform(.sealAll)
    let before = simulation.segmentByteCount
    try simulation.delete("large")
    try simulation.perform(.collectGarbage(isFull: true))
    #expect(simulation.segmentByteCount < before / 4)
    try simulation.perform(.powerCut(seed: 1))
  }

  /// S13: whatever single bit is wrong, a collection destroys nothing that could be read.
  @Test func `a damaged byte costs what it damages and nothing else in a collection`() throws {
    let simulation = try Simulation(seed: 11)
    try prepare(simulation)
    try simulation.perform(.kill)
    simulation.engine?.abandon()
    let names = simulation.disk.fileNames().filter { $0.hasPrefix("segments/") }
    for name in names {
      let byteCount = try simulation.disk.contents(of: name).count
      for offset in stride(from: 64, to: byteCount, by: max(1, byteCount / 40)) {
        let disk = simulation.disk.snapshot()
        try disk.flipBit(offset % 8, at: UInt64(offset), in: name)
        try check(disk, simulation, "\(name) at \(offset)")
      }
    }
  }

  private func check(_ disk: SimulatedDisk, _ simulation: Simulation, _ place: String) throws {
    let damaged = Simulation(opening: disk, of: simulation)
    // Damage may be found at once; then nothing is changed and nothing lost.
    guard let before = try? damaged.readablePages() else { return }
    try damaged.collectAndReopen()
    let after = try damaged.readablePages()
    #expect(before == after, "a bit flipped in \(place)")
  }
}
