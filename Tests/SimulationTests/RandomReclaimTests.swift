internal import CoppiceEngine
internal import CoppiceFormat
internal import TestSupport
internal import Testing

/// After a full collection a store holds what its states need and nothing else, whatever came
/// before.
@Suite struct RandomReclaimTests {
  private static let weights: Workload.Weights = {
    var weights = Workload.Weights()
    weights.flush = 0
    weights.fork = 8
    weights.delete = 6
    weights.reset = 4
    weights.sealStep = 16
    weights.collect = 4
    weights.collectYoung = 6
    weights.create = 3
    weights.importNew = 2
    weights.importReplacing = 2
    weights.share = 5
    weights.witness = 0
    weights.readSome = 0
    weights.closeAndOpen = 0
    weights.kill = 0
    weights.powerCut = 0
    return weights
  }()

  private static let historiesPerArgument: UInt64 = 20
  private static let stepCount = 24

  @Test(arguments: 0..<25 as Range<UInt64>)
  func `a full collection leaves what states reach, and what that builds on`(block: UInt64) throws {
    let first = block * Self.historiesPerArgument
    for seed in first..<first + Self.historiesPerArgument {
      do { try run(seed) } catch {
        Issue.record("seed \(seed): \(error)")
        return
      }
    }
  }

  private func run(_ seed: UInt64) throws {
    let simulation = try Simulation(seed: seed)
    var workload = Workload(seed: seed, weights: Self.weights)
    for _ in 0..<Self.stepCount { try simulation.perform(workload.next(simulation.state)) }
    try simulation.perform(.sealAll)
    try simulation.perform(.collectGarbage(isFull: true))
    try expectNothingElse(simulation)
    try simulation.checkStructures()
    // Opening reads everything from disk, and compares.
    try simulation.perform(.powerCut(seed: seed))
  }

  private func expectNothingElse(_ simulation: Simulation) throws {
    guard let engine = simulation.engine else { throw simulation.failure("it is not open") }
    var census = try FrameCensus(simulation.disk)
    let entries = engine.branches.entries()
    let needed = try census.needed(by: entries.map(\.root))
    let stored = Set(census.frames.keys)
    guard stored == needed else {
      throw simulation.failure(
        "\(stored.subtracting(needed).count) frames too many, "
          + "\(needed.subtracting(stored).count) too few")
    }
    let usage = try engine.accounts.storeUsage()
    guard usage.garbageByteCount == 0, usage.liveByteCount == census.byteCount(needed) else {
      throw simulation.failure("usage differs: \(usage)")
    }
    for (entry, own) in zip(entries, try engine.accounts.usage(of: entries.map(\.id))) {
      let crossings = try census.crossings(of: entry.root, in: entry.domain)
      guard crossings.isEmpty else {
        throw simulation.failure("\(entry.name): \(crossings) lie in another domain")
      }
      let byteCount = census.byteCount(try census.needed(by: [entry.root]))
      guard own.referencedByteCount == byteCount else {
        throw simulation.failure("\(entry.name) needs \(byteCount) bytes: \(own)")
      }
    }
  }
}
