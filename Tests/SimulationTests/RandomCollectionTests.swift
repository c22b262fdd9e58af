internal import CoppiceEngine
internal import TestSupport
internal import Testing

/// Seeded random work, with more of it inside collections, between any two of their steps.
@Suite struct RandomCollectionTests {
  /// What may come while a collection is under way.
  private static let inside: Workload.Weights = {
    var weights = Workload.Weights()
    weights.collect = 0
    weights.collectYoung = 0
    weights.collectAutomatically = 0
    weights.deleteForGood = 0
    weights.closeAndOpen = 0
    weights.kill = 0
    weights.powerCut = 0
    weights.restore = 6
    weights.sealAll = 8
    weights.share = 6
    return weights
  }()

  private static let outside: Workload.Weights = {
    var weights = Workload.Weights()
    weights.collect = 10
    weights.collectYoung = 14
    weights.collectAutomatically = 6
    weights.deleteForGood = 3
    return weights
  }()

  @Test(arguments: SeedRange.chosen(else: 0..<12))
  func `random work between the steps of collections loses nothing`(seed: UInt64) throws {
    let simulation = try Simulation(seed: seed)
    var workload = Workload(seed: seed, weights: Self.outside)
    var insideWorkload = Workload(
      seed: seed &+ 1000, weights: Self.inside, namePrefix: "inside ")
    var generator = SplitMix64(seed: seed &+ 2000)
    var failure: (any Error)?
    simulation.duringCollection = { [unowned simulation] _ in
      guard failure == nil, generator.oneIn(3) else { return }
      simulation.noteForgotten()
      do { try simulation.perform(insideWorkload.next(simulation.state)) } catch { failure = error }
    }
    for step in 0..<250 {
      try simulation.perform(workload.next(simulation.state))
      if let failure { throw failure }
      if step % 20 == 19 {
        try simulation.checkAll()
        try simulation.checkStructures()
      }
    }
    simulation.duringCollection = { _ in }
    try simulation.perform(.powerCut(seed: seed))
    try simulation.perform(.collectGarbage(isFull: true))
    try simulation.checkAll()
  }
}
