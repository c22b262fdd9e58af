internal import TestSupport
internal import Testing

/// Cuts the power before every single disk operation of a piece of work.
struct CrashEnumeration {
  /// How many states a cut is tried with.
  var seedsPerPoint: UInt64 = 3
  var simulationSeed: UInt64 = 1

  /// Runs `prepare` and `work` once for each operation that `work` makes on the disk, with a power
  /// cut before it, opens the store again and lets the simulation check it; then does `after`.
  func run(
    prepare: (Simulation) throws -> Void = { _ in }, work: (Simulation) throws -> Void,
    after: (Simulation) throws -> Void = { _ in }
  ) throws {
    let reference = try Simulation(seed: simulationSeed)
    try prepare(reference)
    let start = reference.disk.operationCount
    try work(reference)
    try reference.checkAll()
    let end = reference.disk.operationCount
    try #require(end > start)
    for point in start...end {
      for seed in 0..<seedsPerPoint {
        try runOnce(point, seed, prepare, work, after)
      }
    }
  }

  private func runOnce(
    _ point: Int, _ seed: UInt64, _ prepare: (Simulation) throws -> Void,
    _ work: (Simulation) throws -> Void, _ after: (Simulation) throws -> Void
  ) throws {
    let simulation = try Simulation(seed: simulationSeed)
    try prepare(simulation)
    simulation.cutPower(beforeOperation: point)
    do {
      do { try work(simulation) } catch is PowerIsOff {}
      try simulation.perform(.powerCut(seed: seed))
      try after(simulation)
      try simulation.perform(.powerCut(seed: seed + 1))
    } catch {
      Issue.record("power cut before operation \(point), seed \(seed): \(error)")
      throw error
    }
  }
}
