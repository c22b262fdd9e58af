import CoppiceEngine
import CoppiceFormat
import TestSupport
import Testing

@Suite struct BranchTests {
  @Test func `what was written is read back before and after a seal`() throws {
    let store = try TestStore()
    let main = try store.engine.branches.create(named: "main")
    var generator = SplitMix64(seed: 3)
    let bytes = generator.bytes(3 * 4096 + 100)
    try main.put(5, bytes)
    #expect(try main.all(5) == bytes)
    try store.engine.sealer.sealAll()
    store.engine.checkInvariants()
    #expect(try main.all(5) == bytes)
  }

  @Test func `a reopened store has what a closed one had`() throws {
    let store = try TestStore()
    let main = try store.engine.branches.create(named: "main")
    var generator = SplitMix64(seed: 3)
    let bytes = generator.bytes(700_000)
    try main.put(5, bytes)
    try store.reopen()
    #expect(try store.engine.branches.named("main").all(5) == bytes)
  }

  @Test func `flushed writes survive a power cut`() throws {
    let store = try TestStore()
    let main = try store.engine.branches.create(named: "main")
    let lsn = try main.put(5, at: 10_000, [1, 2, 3])
    try main.flush(through: lsn)
    try store.crash(seed: 4)
    let again = try store.engine.branches.named("main")
    #expect(try again.get(5, at: 10_000, 3) == [1, 2, 3])
    #expect(try again.get(5, at: 0, 4) == [0, 0, 0, 0])
  }

  @Test func `a fork has the parent's unsealed writes and then goes its own way`() throws {
    let store = try TestStore()
    let main = try store.engine.branches.create(named: "main")
    try main.put(5, [1, 1, 1])
    let child = try store.engine.branches.fork(main, named: "child", isReadOnly: false)
    try main.put(5, [2])
    try child.put(5, at: 2, [3])
    #expect(try main.all(5) == [2, 1, 1])
    #expect(try child.all(5) == [1, 1, 3])
    try store.engine.sealer.sealAll()
    store.engine.checkInvariants()
    #expect(try main.all(5) == [2, 1, 1])
    #expect(try child.all(5) == [1, 1, 3])
    try store.reopen()
    #expect(try store.engine.branches.named("main").all(5) == [2, 1, 1])
    #expect(try store.engine.branches.named("child").all(5) == [1, 1, 3])
  }

  @Test func `random writes through seals forks and crashes agree with plain arrays`() throws {
    let store = try TestStore()
    var generator = SplitMix64(seed: 11)
    var model: [String: [UInt64: [UInt8]]] = [:]
    _ = try store.engine.branches.create(named: "b0")
    model["b0"] = [:]
    for step in 0..<400 {
      let name = model.keys.sorted()[generator.below(model.count)]
      let branch = try store.engine.branches.named(name)
      let volume = UInt64(1 + generator.below(3))
      switch generator.below(12) {
      case 0:
        let child = "b\(step)"
        _ = try store.engine.branches.fork(branch, named: child, isReadOnly: false)
        model[child] = model[name]
      case 1: try store.engine.sealer.sealStep(.everything)
      case 2: try store.engine.checkpointer.write()
      case 3:
        try store.engine.journal.flush(through: store.engine.journal.lastLSN)
        try store.crash(seed: UInt64(step))
      case 4:
        var transaction = Transaction(time: Int64(step))
        let count = UInt64(generator.below(400_000))
        transaction.resize(VolumeNumber(volume), to: count)
        _ = try branch.commit(transaction)
        var bytes = model[name]?[volume] ?? []
        if bytes.count > Int(count) { bytes.removeLast(bytes.count - Int(count)) }
        bytes += [UInt8](repeating: 0, count: Int(count) - bytes.count)
        model[name]?[volume] = bytes
      case 5:
        var transaction = Transaction(time: Int64(step))
        var bytes = model[name]?[volume] ?? []
        let start = generator.below(bytes.count + 1)
        let count = generator.below(30_000)
        transaction.hole(VolumeNumber(volume), at: UInt64(start), byteCount: UInt64(count))
        _ = try branch.commit(transaction)
        for index in start..<max(start, min(bytes.count, start + count)) { bytes[index] = 0 }
        if model[name]?[volume] != nil { model[name]?[volume] = bytes }
      default:
        let offset = generator.below(300_000)
        let bytes = generator.bytes(1 + generator.below(20_000))
        try branch.put(volume, at: UInt64(offset), bytes, time: Int64(step))
        var old = model[name]?[volume] ?? []
        if old.count < offset + bytes.count {
          old += [UInt8](repeating: 0, count: offset + bytes.count - old.count)
        }
        old.replaceSubrange(offset..<offset + bytes.count, with: bytes)
        model[name]?[volume] = old
      }
      store.engine.checkInvariants()
      if step % 20 == 19 {
        for (name, volumes) in model {
          let branch = try store.engine.branches.named(name)
          for (volume, bytes) in volumes {
            #expect(try branch.all(volume) == bytes, "step \(step) \(name) \(volume)")
          }
        }
      }
    }
  }

  @Test(arguments: 1...6 as ClosedRange<UInt64>)
  func `a journal that is nearly full takes turns of writes and forks`(seed: UInt64) throws {
    var options = EngineOptions.small
    options.journalByteCountMax = 3 << 20
    let store = try TestStore(disk: SimulatedDisk(seed: seed), options: options)
    let main = try store.engine.branches.create(named: "main")
    var generator = SplitMix64(seed: seed)
    var bytes = [UInt8](repeating: 0, count: 64 * 4096)
    for step in 0..<400 {
      switch generator.below(4) {
      case 0:
        _ = try store.engine.branches.fork(main, named: "fork-\(step)", isReadOnly: false)
      case 1 where generator.oneIn(4):
        try main.flush(through: store.engine.journal.lastLSN)
      default:
        let count = generator.below(12) * 4096 + 100
        let offset = generator.below(bytes.count - count)
        let new = generator.bytes(count)
        try main.put(1, at: UInt64(offset), new)
        bytes.replaceSubrange(offset..<offset + count, with: new)
      }
    }
    try main.flush(through: store.engine.journal.lastLSN)
    try store.crash(seed: seed)
    let found = try store.engine.branches.named("main").all(1) ?? []
    #expect(found == Array(bytes.prefix(found.count)))
  }

  @Test func `a journal that takes only some publishes of a group keeps RAM and catalogue alike`()
    throws
  {
    var options = EngineOptions.small
    options.journalByteCountMax = 15 << 20
    options.overlayByteCountMax = 64 << 20
    let store = try TestStore(options: options)
    func create(_ name: String) throws -> EngineBranch {
      try store.engine.branches.create(named: name)
    }
    let count = 1300
    for index in 0..<count { try create("branch \(index)").put(1, [UInt8(index % 251), 1]) }
    // Ordinary records leave the last quarter of the control files to publishes.
    var failure: StoreError?
    for index in 0..<5000 where failure == nil {
      do { _ = try create("filler \(index)") } catch let error as StoreError { failure = error }
    }
    #expect(failure?.kind == .full)
    let checkpoints = try StoreInspector(disk: store.disk).catalogues().map(\.file)
    // What the journal did not take is sealed after a checkpoint, which gives the control files
    // back.
    try store.engine.sealer.sealAll()
    #expect(try StoreInspector(disk: store.disk).catalogues().map(\.file) != checkpoints)
    store.engine.checkInvariants()
    #expect(store.engine.accounts.statistics.overlayByteCount == 0)
    try store.crash(seed: 5)
    for index in 0..<count {
      let branch = try store.engine.branches.named("branch \(index)")
      #expect(try branch.all(1) == [UInt8(index % 251), 1])
    }
  }
}
