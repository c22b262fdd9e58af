internal import CoppiceEngine
internal import CoppiceFormat
internal import TestSupport
internal import Testing

/// A base's bytes stay, and what it refers to under overrides may go: whatever could bring that
/// back, or take the base itself for something that it is not, comes here at every step of a
/// collection.
@Suite struct EffectiveRefScheduleTests {
  /// The leaf of `main` is stored as overrides on a full one that refers to four pages which
  /// nothing effectively refers to any more, in a segment of their own. Of `past`, which is
  /// deleted, the full leaf is the leaf itself.
  ///
  /// Whatever is looked at came since the last collection, so that young ones find it as well.
  private func prepare(_ simulation: Simulation) throws {
    try simulation.write("main", page: 0, count: 4, seed: 50)
    try simulation.perform(.sealAll)
    // Whoever looks ends the segment.
    try simulation.endSegment()
    try simulation.write("main", page: 4, count: 20, seed: 1)
    try simulation.perform(.sealAll)
    try simulation.fork("main", as: "past")
    try simulation.fork("main", as: "kept")
    try simulation.write("kept", page: 0, count: 4, seed: 61)
    try simulation.write("main", page: 0, count: 4, seed: 60)
    try simulation.perform(.sealAll)
    try simulation.endSegment()
    try simulation.write("main", page: 24, count: 2, seed: 62)
    try simulation.perform(.sealAll)
    try simulation.delete("past")
  }

  private func interleave(_ work: @escaping (Simulation) throws -> Void) throws {
    try CollectionInterleaving(prepare: prepare).run(work)
  }

  @Test func `a base keeps its bytes and not what it refers to under overrides`() throws {
    for kind in [Operation.collectGarbage(isFull: true), .collectYoungGarbage] {
      let simulation = try Simulation(seed: 1)
      try prepare(simulation)
      let first = FrameName(segment: SegmentID(1), ordinal: 0)
      #expect(try FrameCensus(simulation.disk).frames[first]?.form.kind == .page)
      try simulation.perform(kind)
      var census = try FrameCensus(simulation.disk)
      #expect(census.frames[first] == nil)
      let roots = try #require(simulation.engine).branches.entries().map(\.root)
      let needed = try census.needed(by: roots)
      if kind == .collectGarbage(isFull: true) { #expect(needed == Set(census.frames.keys)) }
      try simulation.checkAll()
      try simulation.checkStructures()
    }
  }

  @Test func `the very pages that a base carries come back by their hashes`() throws {
    try interleave { simulation in
      try simulation.write("main", page: 0, count: 4, seed: 50)
      try simulation.perform(.sealAll)
    }
  }

  @Test func `pages that a base carries are written elsewhere and shared back into their slots`()
    throws
  {
    try interleave { simulation in
      try simulation.write("kept", volume: 2, page: 0, count: 4, seed: 50)
      try simulation.perform(.sealAll)
      try simulation.perform(
        .share(
          try simulation.id("kept"), VolumeNumber(2), pages: 0..<4,
          to: try simulation.id("main"), VolumeNumber(1), at: 0))
      try simulation.delete("kept")
      try simulation.perform(.sealAll)
    }
  }

  @Test func `a node that others build on is itself again when its branch is restored`() throws {
    try interleave { simulation in
      guard let id = simulation.state.deleted.first, simulation.engine?.branches.with(id) != nil
      else {
        return
      }
      try simulation.perform(.restore(id, name: "again"))
      try simulation.reset("main", to: "again")
      try simulation.write("again", page: 9, count: 1, seed: 63)
      try simulation.perform(.sealAll)
    }
  }

  @Test func `nodes are built on a base that lost what it refers to`() throws {
    try interleave { simulation in
      try simulation.write("main", page: 1, count: 2, seed: 64)
      try simulation.write("kept", page: 3, count: 3, seed: 65)
      try simulation.perform(.sealAll)
      try simulation.write("main", page: 0, count: 4, seed: 50)
      try simulation.fork("main", as: "again")
      try simulation.perform(.sealAll)
      try simulation.resize("kept", to: 6 * UInt64(ModelVolume.pageByteCount))
      try simulation.perform(.sealAll)
    }
  }

  @Test func `an import over a branch builds on a base that lost what it refers to`() throws {
    try interleave { simulation in
      try simulation.perform(.importReplacing(try simulation.id("kept"), seed: 8))
      try simulation.write("main", page: 2, count: 1, seed: 66)
      try simulation.perform(.sealAll)
      try simulation.perform(.importReplacing(try simulation.id("main"), seed: 9))
    }
  }

  @Test(arguments: [Operation.collectGarbage(isFull: true), .collectYoungGarbage])
  func `a power cut at any step loses neither a base nor what builds on it`(_ kind: Operation)
    throws
  {
    try CrashEnumeration(seedsPerPoint: 2).run(prepare: prepare) { simulation in
      try simulation.perform(kind)
    } after: { simulation in
      try simulation.write("main", page: 0, count: 4, seed: 50)
      try simulation.perform(.sealAll)
      try simulation.perform(.collectGarbage(isFull: true))
      try simulation.checkStructures()
      try simulation.flush()
    }
  }

  /// Bases move like anything else, and their homes are forgotten when only they refer there.
  @Test func `a base moves and moves again, and its lost refs trouble nobody`() throws {
    let simulation = try Simulation(seed: 2)
    try prepare(simulation)
    for round in 0..<6 as Range<UInt64> {
      try simulation.write("main", page: 4 + 2 * round, count: 2, seed: 70 + round)
      try simulation.perform(.sealAll)
      try simulation.perform(
        round % 2 == 0 ? .collectGarbage(isFull: true) : .collectYoungGarbage)
      try simulation.checkAll()
      try simulation.checkStructures()
      try simulation.perform(.kill)
      let scrubbed = try #require(simulation.engine)
        .checks.scrub(from: .start, options: ScrubOptions(), sleep: { _ in }, visit: { _ in true })
      #expect(scrubbed.findings == [])
    }
    try simulation.perform(.collectGarbage(isFull: true))
    var census = try FrameCensus(simulation.disk)
    let roots = try #require(simulation.engine).branches.entries().map(\.root)
    #expect(try census.needed(by: roots) == Set(census.frames.keys))
  }
}

extension Simulation {
  /// The next frame goes to a new segment.
  func endSegment() throws {
    var options = CollectionOptions()
    options.isDryRun = true
    _ = try engine?.collector.collectGarbage(options)
  }
}
