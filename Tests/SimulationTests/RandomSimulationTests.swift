internal import CoppiceEngine
internal import TestSupport
internal import Testing

/// Seeded random workloads. `SEED=n` runs one seed, `SEEDS=n` that many from there on, `STEPS=n`
/// makes them longer, `TRACE=1` prints every step.
@Suite struct RandomSimulationTests {
  @Test func `random work, forks and power cuts never lose an acknowledged write`() throws {
    try run(Workload.Weights(), steps: 300, seeds: 12)
  }

  @Test func `failing writes, failing syncs and a full disk never lose an acknowledged write`()
    throws
  {
    try run(.withErrors, steps: 300, seeds: 12)
  }

  /// Seeds that once lost data, each for what its commit says: a host segment published before its
  /// name was durable.
  @Test(arguments: [114, 128, 130, 131, 132] as [UInt64])
  func `seeds that once lost data do so no more`(seed: UInt64) throws {
    try runOne(seed, .withErrors, steps: 500)
  }

  private func run(_ weights: Workload.Weights, steps: Int, seeds: UInt64) throws {
    for seed in SeedRange.chosen(else: 0..<seeds) {
      do {
        try runOne(seed, weights, steps: SeedRange.number("STEPS") ?? steps)
      } catch {
        Issue.record("SEED=\(seed): \(error)")
        return
      }
    }
  }

  private func runOne(_ seed: UInt64, _ weights: Workload.Weights, steps: Int) throws {
    let simulation = try Simulation(seed: seed)
    var workload = Workload(seed: seed, weights: weights)
    for step in 0..<steps {
      if simulation.history.inDoubt != nil || simulation.engine?.journal.isPoisoned == true {
        try simulation.perform(step % 2 == 0 ? .kill : .powerCut(seed: seed &+ UInt64(step)))
      } else {
        try simulation.perform(workload.next(simulation.state))
      }
      if step % 25 == 24 { try simulation.checkAll() }
    }
    try simulation.perform(.powerCut(seed: seed))
  }
}
