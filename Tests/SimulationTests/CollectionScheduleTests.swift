internal import CoppiceEngine
internal import CoppiceFormat
internal import TestSupport
internal import Testing

/// Garbage collection beside everything else. Interleavings come from the simulated disk: work is
/// done just before each single operation of a collection on segments, reads too. (Inside the
/// journal's own operations the thread that works there would wait for itself.)
// The interleaving runs the work inside a disk operation of the collection, on its thread. Disk
// operations under the seal latch and while a host is made would wait for themselves.
@Suite(.disabled("the work would wait for locks that its own thread holds"))
struct CollectionScheduleTests {
  /// Three segments with live and dead frames, and a deleted branch.
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
    try simulation.perform(.sealAll)
    try simulation.delete("gone")
  }

  /// Runs `work` before each operation on segments of a full collection, then reads everything from disk.
  private func interleave(_ work: @escaping (Simulation) throws -> Void) throws {
    let reference = try Simulation(seed: 1)
    try prepare(reference)
    var operationCount = 0
    func count() {
      operationCount += 1
      reference.disk.intercept(nil, namePrefix: "segments/", count)
    }
    reference.disk.intercept(nil, namePrefix: "segments/", count)
    try reference.perform(.collectGarbage(isFull: true))
    reference.disk.clearInterceptions()
    try #require(operationCount > 10)
    for point in 0..<operationCount {
      do {
        try runOnce(point, work)
      } catch {
        Issue.record("work before operation \(point) of the collection: \(error)")
        return
      }
    }
  }

  private func runOnce(_ point: Int, _ work: @escaping (Simulation) throws -> Void) throws {
    let simulation = try Simulation(seed: 1)
    try prepare(simulation)
    var outcome: Result<Void, any Error>?
    simulation.disk.intercept(nil, namePrefix: "segments/", passing: point) {
      outcome = Result { try work(simulation) }
    }
    try simulation.perform(.collectGarbage(isFull: true))
    simulation.disk.clearInterceptions()
    try outcome?.get()
    try simulation.flush()
    try simulation.checkAll()
    try simulation.perform(.kill)
    try simulation.perform(.collectGarbage(isFull: true))
    try simulation.perform(.powerCut(seed: UInt64(point)))
  }

  /// S8, A5 and the collector's own race: a dead page found by hash is live again, or a miss.
  @Test func `dead pages written again during a collection are there afterwards`() throws {
    try interleave { simulation in
      try simulation.write("child", page: 40, count: 12, seed: 2)
      try simulation.write("child", volume: 2, page: 0, count: 20, seed: 1)
      // The pages of a segment in which nothing else is left.
      try simulation.write("child", page: 60, count: 4, seed: 50)
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
        let engine = simulation.engine, engine.branch(id) != nil
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

  /// A11: a reader that is overtaken by a whole collection reads on.
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

  @Test func `a power cut at any step of a collection loses nothing`() throws {
    try CrashEnumeration(seedsPerPoint: 3).run(prepare: prepare) { simulation in
      try simulation.perform(.collectGarbage(isFull: true))
    } after: { simulation in
      try simulation.write("main", page: 50, count: 3, seed: 70)
      try simulation.perform(.sealAll)
      try simulation.perform(.collectGarbage(isFull: true))
      try simulation.flush()
    }
  }

  /// A6 and A7: hosts are emptied into hosts, and resolving stays one step.
  @Test func `frames that moved many times are found`() throws {
    let simulation = try Simulation(seed: 9)
    try simulation.write("main", page: 0, count: 40, seed: 1)
    try simulation.perform(.sealAll)
    for round in 0..<8 as Range<UInt64> {
      try simulation.write("main", page: round * 4, count: 4, seed: 10 + round)
      try simulation.perform(.sealAll)
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
