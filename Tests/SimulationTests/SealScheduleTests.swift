internal import CoppiceEngine
internal import CoppiceFormat
internal import Glibc
internal import TestSupport
internal import Testing

/// What happens while a layer is being sealed, with a power cut at every step.
@Suite struct SealScheduleTests {
  /// S2: the publish must reach every branch that shares the layer.
  @Test func `a fork made during a seal keeps what the sealed layer held`() throws {
    try CrashEnumeration().run { simulation in
      try simulation.write("main", page: 0, count: 3, seed: 1)
      try simulation.flush()
    } work: { simulation in
      try simulation.seal { try simulation.fork("main", as: "child") }
      try simulation.perform(.checkpoint)
      try simulation.write("child", page: 1, seed: 2)
      try simulation.flush()
    }
  }

  /// S3: replay must split the journal between what was published and what was not.
  @Test func `a write made during a seal survives the publish`() throws {
    try CrashEnumeration().run { simulation in
      try simulation.write("main", page: 0, count: 2, seed: 1)
      try simulation.flush()
    } work: { simulation in
      try simulation.seal {
        try simulation.write("main", page: 1, seed: 2)
        try simulation.change(
          "main", .write(VolumeNumber(1), offset: 100, byteCount: 50, seed: 9))
        try simulation.flush()
      }
      try simulation.perform(.checkpoint)
      try simulation.perform(.sealAll)
    }
  }

  /// S3: a child needs records that its parent has sealed.
  @Test func `a child forked between two seals replays its own part`() throws {
    try CrashEnumeration(seedsPerPoint: 2).run { simulation in
      try simulation.write("main", page: 0, seed: 1)
    } work: { simulation in
      try simulation.seal { try simulation.write("main", page: 1, seed: 2) }
      try simulation.fork("main", as: "child")
      try simulation.write("main", page: 2, seed: 3)
      try simulation.perform(.sealStep)
      try simulation.perform(.checkpoint)
      try simulation.write("child", page: 0, seed: 4)
      try simulation.flush()
    }
  }

  /// S6: the publish must not touch a branch that has gone elsewhere.
  @Test func `a branch reset during its seal stays at what it was reset to`() throws {
    try CrashEnumeration().run { simulation in
      try simulation.write("main", page: 0, seed: 1)
      try simulation.fork("main", as: "other")
      try simulation.perform(.sealAll)
      try simulation.write("main", page: 0, seed: 2)
      try simulation.flush()
    } work: { simulation in
      try simulation.seal { try simulation.reset("main", to: "other") }
      try simulation.write("main", page: 5, seed: 3)
      try simulation.perform(.checkpoint)
      try simulation.flush()
    }
  }

  @Test func `a branch deleted during its seal can be restored whole`() throws {
    try CrashEnumeration().run { simulation in
      try simulation.fork("main", as: "child")
      try simulation.write("child", page: 0, count: 2, seed: 1)
      try simulation.flush()
    } work: { simulation in
      let id = try simulation.id("child")
      try simulation.seal { try simulation.delete("child") }
      try simulation.perform(.checkpoint)
      try simulation.perform(.restore(id, name: "again"))
    }
  }

  /// A match after reset-and-back is right: the layer over the root gives the same content.
  @Test func `a branch reset away and back during its seal is right either way`() throws {
    try CrashEnumeration(seedsPerPoint: 2).run { simulation in
      try simulation.write("main", page: 0, seed: 1)
      try simulation.fork("main", as: "copy")
    } work: { simulation in
      try simulation.seal {
        try simulation.create("empty")
        try simulation.reset("main", to: "empty")
        try simulation.reset("main", to: "copy")
      }
      try simulation.perform(.checkpoint)
      try simulation.perform(.sealAll)
    }
  }

  /// S22: freezing leaves no record; freeing goes by the intervals that the checkpoint lists.
  @Test func `a seal frozen before a fork frees nothing that replay still needs`() throws {
    try CrashEnumeration().run { simulation in
      try simulation.write("main", page: 0, count: 4, seed: 1)
      try simulation.perform(.checkpoint)
      try simulation.write("main", page: 1, seed: 2)
    } work: { simulation in
      try simulation.seal {
        try simulation.write("main", page: 2, seed: 3)
        try simulation.fork("main", as: "child")
      }
      try simulation.perform(.checkpoint)
      try simulation.perform(.checkpoint)
      try simulation.write("main", page: 3, seed: 4)
      try simulation.flush()
    }
  }

  /// S23: what a layer held may leave the journal only behind a durable publish.
  @Test func `journal files are reused only behind a checkpoint that covers the publish`() throws {
    try CrashEnumeration(seedsPerPoint: 2).run { simulation in
      for round in 0..<3 as Range<UInt64> {
        try simulation.write("main", page: round * 40, count: 30, seed: round)
      }
      try simulation.flush()
    } work: { simulation in
      try simulation.perform(.sealAll)
      try simulation.perform(.checkpoint)
      for round in 3..<6 as Range<UInt64> {
        try simulation.write("main", page: round * 40, count: 30, seed: round)
      }
      try simulation.flush()
      try simulation.perform(.sealAll)
      try simulation.perform(.checkpoint)
    }
  }

  /// S24: a page stored by one seal is shared by another before it was synced.
  @Test func `a duplicate of an unsynced page is never published without it`() throws {
    try CrashEnumeration().run { simulation in
      try simulation.fork("main", as: "child")
      try simulation.write("main", page: 0, count: 3, seed: 1)
      try simulation.write("child", page: 9, count: 3, seed: 1)
      try simulation.flush()
    } work: { simulation in
      try simulation.perform(.sealStep)
      try simulation.perform(.sealAll)
      try simulation.perform(.checkpoint)
    }
  }

  /// S19 and S25: published frames stay; what a failed sync may have lost is built again elsewhere.
  @Test(arguments: 0..<8 as Range<UInt64>)
  func `a failing segment sync loses nothing and what shared the lost frames is built again`(
    seed: UInt64
  ) throws {
    let simulation = try Simulation(seed: seed)
    try simulation.fork("main", as: "child")
    try simulation.write("main", page: 0, count: 3, seed: 1)
    try simulation.perform(.sealAll)
    try simulation.write("main", page: 4, count: 3, seed: 2)
    try simulation.write("child", page: 7, count: 3, seed: 2)
    try simulation.flush()
    try simulation.perform(.failSync(prefix: "segments/", passing: 0))
    try simulation.perform(.sealAll)
    try simulation.checkAll()
    try simulation.perform(.sealAll)
    try simulation.perform(.checkpoint)
    try simulation.checkAll()
    try simulation.perform(.powerCut(seed: seed))
  }

  @Test(arguments: 0..<8 as Range<UInt64>)
  func `a failing segment write loses nothing`(seed: UInt64) throws {
    let simulation = try Simulation(seed: seed)
    for round in 0..<4 as Range<UInt64> {
      try simulation.write("main", page: round, count: 3, seed: seed + round)
      try simulation.perform(.failWrite(prefix: "segments/", passing: Int(round)))
      try simulation.perform(.sealAll)
      try simulation.checkAll()
    }
    try simulation.flush()
    try simulation.perform(.powerCut(seed: seed))
  }
}
