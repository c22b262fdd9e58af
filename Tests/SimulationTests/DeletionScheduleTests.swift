internal import CoppiceEngine
internal import CoppiceFormat
internal import TestSupport
internal import Testing

/// What a power cut leaves of a branch that goes: all of it, or the knowledge that it goes.
@Suite struct DeletionScheduleTests {
  /// A fork with pages of its own, sealed and in layers, and refs to frames in a layer.
  private func prepare(_ simulation: Simulation) throws {
    try simulation.write("main", page: 0, count: 20, seed: 1)
    try simulation.perform(.sealAll)
    try simulation.fork("main", as: "child")
    try simulation.write("child", page: 5, count: 6, seed: 2)
    try simulation.perform(.sealAll)
    try simulation.perform(.collectGarbage(isFull: false))
    try simulation.write("child", page: 14, count: 3, seed: 3)
    try simulation.write("main", page: 40, count: 3, seed: 4)
    try simulation.flush()
  }

  private func prepareWithRefs(_ simulation: Simulation) throws {
    try prepare(simulation)
    try simulation.perform(.sealAll)
    let child = try simulation.id("child")
    try simulation.perform(
      .share(child, VolumeNumber(1), pages: 5..<9, to: child, VolumeNumber(2), at: 0))
    try simulation.flush()
  }

  private func proof(_ simulation: Simulation) throws -> ReclaimProof? {
    if simulation.state.branch(named: "child") != nil { return nil }
    return try simulation.engine?.accounts.reclaimProof(ofDeleted: "child")
  }

  /// - Parameter meanwhile: what else comes first after the cut.
  private func checkDeletion(
    prepare: (Simulation) throws -> Void, meanwhile: (Simulation) throws -> Void = { _ in }
  ) throws {
    try CrashEnumeration(seedsPerPoint: 1).run(prepare: prepare) { simulation in
      try simulation.perform(.deleteForGood(try simulation.id("child")))
    } after: { simulation in
      guard let early = try proof(simulation) else { return }
      #expect(early.isPending || early.isReclaimed)
      try meanwhile(simulation)
      try simulation.perform(.collectAutomatically)
      let proof = try #require(try proof(simulation))
      #expect(proof.isReclaimed, "\(proof)")
      #expect(try simulation.engine?.collector.collectAutomatically() == nil)
      try simulation.checkStructures()
    }
  }

  @Test func `after a power cut a deletion for good is through or goes on`() throws {
    try checkDeletion(prepare: prepare)
  }

  @Test func `so it does when layers of the branch referred to frames`() throws {
    try checkDeletion(prepare: prepareWithRefs)
  }

  @Test func `so it does when a young collection comes first, and after another cut`() throws {
    try checkDeletion(prepare: prepare) { simulation in
      try simulation.perform(.collectYoungGarbage)
      try simulation.perform(.powerCut(seed: 7))
    }
  }

  @Test func `closing the store ends a deletion for good that a power cut interrupted`() throws {
    try CrashEnumeration(seedsPerPoint: 1).run(prepare: prepare) { simulation in
      try simulation.perform(.deleteForGood(try simulation.id("child")))
    } after: { simulation in
      try simulation.perform(.closeAndOpen)
      if let proof = try proof(simulation) { #expect(proof.isReclaimed) }
    }
  }

  /// A collection that forgets a deleted branch may be cut too.
  @Test func `after a power cut a forgotten branch is known`() throws {
    try CrashEnumeration(seedsPerPoint: 1).run { simulation in
      try prepare(simulation)
      try simulation.delete("child")
    } work: { simulation in
      try simulation.perform(.collectGarbage(isFull: true))
    } after: { simulation in
      let early = try #require(try proof(simulation))
      #expect(early.isPending || early.forgottenAt != nil || !early.held.isEmpty)
      try simulation.perform(.collectGarbage(isFull: true))
      _ = try simulation.engine?.collector.eraseJournal()
      let proof = try #require(try proof(simulation))
      #expect(proof.isReclaimed, "\(proof)")
    }
  }
}
