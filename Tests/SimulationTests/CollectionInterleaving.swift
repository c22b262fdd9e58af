internal import CoppiceEngine
internal import TestSupport
internal import Testing

/// Something else at each step of a collection, one step a run.
struct CollectionInterleaving {
  /// Makes what the collection meets; the same in every run.
  let prepare: (Simulation) throws -> Void
  var kinds: [Operation] = [.collectGarbage(isFull: true), .collectYoungGarbage]

  /// Runs `work` at each step, then reads everything from disk, before and after further
  /// collections, crashes and power cuts.
  func run(_ work: @escaping (Simulation) throws -> Void) throws {
    for kind in kinds {
      let reference = try Simulation(seed: 1)
      try prepare(reference)
      var steps: [CollectionStep] = []
      reference.duringCollection = { steps.append($0) }
      try reference.perform(kind)
      try #require(Set(steps).isSuperset(of: [.begun, .marking, .marked, .chosen, .moved]))
      for point in steps.indices {
        do {
          try runOnce(kind, point, work)
        } catch {
          Issue.record("work at step \(point), \(steps[point]), of '\(kind)': \(error)")
          return
        }
      }
    }
  }

  private func runOnce(
    _ kind: Operation, _ point: Int, _ work: @escaping (Simulation) throws -> Void
  ) throws {
    let simulation = try Simulation(seed: 1)
    try prepare(simulation)
    var outcome: Result<Void, any Error>?
    var count = 0
    simulation.duringCollection = { [unowned simulation] _ in
      simulation.engine?.checkInvariants()
      if count == point { outcome = Result { try work(simulation) } }
      count += 1
    }
    try simulation.perform(kind)
    simulation.duringCollection = { _ in }
    try outcome?.get()
    try simulation.flush()
    try simulation.checkAll()
    try simulation.checkStructures()
    try simulation.perform(.kill)
    try simulation.perform(.collectYoungGarbage)
    try simulation.perform(.collectGarbage(isFull: true))
    try simulation.perform(.powerCut(seed: UInt64(point)))
  }
}
