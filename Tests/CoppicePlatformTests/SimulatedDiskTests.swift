internal import CoppicePlatform
internal import Glibc
internal import TestSupport
internal import Testing

/// The simulated disk's crashes and faults.
@Suite struct SimulatedDiskTests {
  /// A disk with a durable file `a` of two blocks of ones.
  private func diskWithFile() throws -> SimulatedDisk {
    let disk = SimulatedDisk(seed: 5)
    let file = try disk.open("a", .create)
    try file.write([UInt8](repeating: 1, count: 8192), at: 0)
    try file.sync()
    try disk.syncDirectory("")
    return disk
  }

  /// Every outcome of `body` followed by a crash, over many seeds.
  private func outcomes<Outcome: Hashable>(
    _ disk: SimulatedDisk, seeds: Range<UInt64> = 0..<200, _ body: (SimulatedDisk) throws -> Outcome
  ) rethrows -> Set<Outcome> {
    var outcomes: Set<Outcome> = []
    for seed in seeds {
      let copy = disk.snapshot()
      copy.crash(seed: seed)
      outcomes.insert(try body(copy))
    }
    return outcomes
  }

  @Test func `synced bytes under synced names survive every crash`() throws {
    let disk = try diskWithFile()
    let after = try outcomes(disk) { try $0.contents(of: "a") }
    #expect(after == [[UInt8](repeating: 1, count: 8192)])
  }

  @Test func `an unsynced write survives, vanishes or is torn between sectors`() throws {
    let disk = try diskWithFile()
    try disk.open("a", .write).write([UInt8](repeating: 2, count: 1024), at: 512)
    let after = try outcomes(disk) { disk in
      let bytes = try disk.contents(of: "a")
      #expect(bytes.count == 8192)
      for start in stride(from: 0, to: 8192, by: 512) {
        #expect(Set(bytes[start..<start + 512]).count == 1)
      }
      return [bytes[0], bytes[512], bytes[1024], bytes[1536]]
    }
    #expect(after == [[1, 1, 1, 1], [1, 2, 1, 1], [1, 1, 2, 1], [1, 2, 2, 1]])
  }

  @Test func `a later write may survive without an earlier one`() throws {
    let disk = try diskWithFile()
    let file = try disk.open("a", .write)
    try file.write([UInt8](repeating: 2, count: 512), at: 0)
    try file.write([UInt8](repeating: 3, count: 512), at: 4096)
    let after = try outcomes(disk) {
      let bytes = try $0.contents(of: "a")
      return [bytes[0], bytes[4096]]
    }
    #expect(after == [[1, 1], [2, 1], [1, 3], [2, 3]])
  }

  @Test func `after an unsynced extension the byte count is anything between`() throws {
    let disk = try diskWithFile()
    try disk.open("a", .write).write([UInt8](repeating: 2, count: 4096), at: 8192)
    let counts = try outcomes(disk) { try $0.contents(of: "a").count }
    #expect(counts.allSatisfy { (8192...12288).contains($0) })
    #expect(counts.contains(8192) && counts.contains(12288) && counts.count > 4)
  }

  @Test func `a file whose directory was not synced may vanish`() throws {
    let disk = SimulatedDisk()
    let file = try disk.open("a", .create)
    try file.write("x", at: 0)
    try file.sync()
    let after = outcomes(disk) { $0.fileNames() }
    #expect(after == [[], ["a"]])
  }

  @Test func `an unsynced renaming leaves the old or the new file, never none`() throws {
    let disk = try diskWithFile()
    let file = try disk.open("b", .create)
    try file.write("new", at: 0)
    try file.sync()
    try disk.syncDirectory("")
    try disk.rename("b", to: "a")
    let after = try outcomes(disk) { disk in
      let count = try disk.contents(of: "a").count
      #expect([3, 8192].contains(count))
      return disk.fileNames()
    }
    #expect(after == [["a", "b"], ["a"]])
    try disk.syncDirectory("")
    #expect(outcomes(disk) { $0.fileNames() } == [["a"]])
  }

  @Test func `an unsynced removal may be undone`() throws {
    let disk = try diskWithFile()
    try disk.remove("a")
    #expect(outcomes(disk) { $0.fileNames() } == [[], ["a"]])
  }

  @Test func `the same seed crashes into the same state`() throws {
    let disk = try diskWithFile()
    var generator = SplitMix64(seed: 3)
    let file = try disk.open("a", .write)
    for _ in 0..<20 {
      try file.write(generator.bytes(700), at: UInt64(generator.below(9000)))
    }
    let first = disk.snapshot()
    let second = disk.snapshot()
    first.crash(seed: 77)
    second.crash(seed: 77)
    #expect(try first.contents(of: "a") == second.contents(of: "a"))
  }

  @Test func `what was open before a crash fails after it`() throws {
    let disk = try diskWithFile()
    let file = try disk.open("a", .write)
    let lock = try disk.lock(exclusively: true)
    disk.crash(seed: 1)
    #expect(error { try file.write("x", at: 0) }?.code == EIO)
    #expect(error { try file.sync() }?.code == EIO)
    #expect(error { _ = try file.byteCount() }?.code == EIO)
    let second = try disk.lock(exclusively: true)
    withExtendedLifetime((lock, second)) {}
  }

  @Test func `a killed process loses no write`() throws {
    let disk = try diskWithFile()
    try disk.open("a", .write).write("zz", at: 0)
    disk.kill()
    #expect(try disk.contents(of: "a")[0] == UInt8(ascii: "z"))
    #expect(try outcomes(disk) { try $0.contents(of: "a")[0] }.count == 2)
  }

  @Test func `without power every call fails from the given operation on`() throws {
    let disk = try diskWithFile()
    let file = try disk.open("a", .write)
    let before = disk.operationCount
    disk.powerOff(beforeOperation: before + 1)
    try file.write("first", at: 0)
    #expect(!disk.isPoweredOff)
    #expect(error { try file.sync() }?.code == EIO)
    #expect(disk.isPoweredOff)
    #expect(error { _ = try disk.open("a", .read) }?.code == EIO)
    #expect(disk.operationCount == before + 1)
    disk.crash(seed: 9)
    _ = try disk.open("a", .read)
  }

  @Test(arguments: DiskOperation.Kind.allCases)
  func `the chosen call fails with the chosen code and then works`(kind: DiskOperation.Kind) throws
  {
    let disk = try diskWithFile()
    let file = try disk.open("a", .write)
    func call() throws {
      switch kind {
      case .open: _ = try disk.open("a", .read)
      case .read: _ = try file.bytes(at: 0, count: 1)
      case .create: _ = try disk.open("b\(disk.operationCount)", .create)
      case .write: try file.write("x", at: 0)
      case .sync: try file.sync()
      case .allocate: try file.allocate(offset: 0, byteCount: 9000)
      case .truncate: try file.truncate(to: 100)
      case .makeDirectory: try disk.makeDirectory("d\(disk.operationCount)")
      case .rename: try disk.rename("a", to: "a")
      case .remove:
        try disk.setContents(of: "r", to: [])
        try disk.remove("r")
      case .syncDirectory: try disk.syncDirectory("")
      }
    }
    disk.inject(DiskFault(kind, passing: 1, code: EDQUOT))
    try call()
    #expect(error(call)?.code == EDQUOT)
    try call()
  }

  @Test func `a failing sync loses writes that a later sync does not bring back`() throws {
    var after: Set<UInt8> = []
    for seed in 0..<40 as Range<UInt64> {
      let disk = SimulatedDisk(seed: seed)
      try disk.setContents(of: "a", to: [1])
      let file = try disk.open("a", .write)
      try file.write([2], at: 0)
      disk.inject(DiskFault(.sync, code: EIO))
      #expect(error { try file.sync() }?.code == EIO)
      try file.sync()
      disk.crash(seed: seed)
      after.insert(try disk.contents(of: "a")[0])
    }
    #expect(after == [1, 2])
  }

  @Test func `a full disk refuses growth and takes rewriting`() throws {
    let disk = SimulatedDisk(capacity: 16384)
    let file = try disk.open("a", .create)
    try file.write([UInt8](repeating: 1, count: 10_000), at: 0)
    #expect(try disk.freeByteCount() == 4096)
    #expect(error { try file.allocate(offset: 0, byteCount: 20_000) }?.isFull == true)
    #expect(error { try file.write([UInt8](repeating: 1, count: 8000), at: 9000) }?.isFull == true)
    #expect(try file.byteCount() == 10_000)
    try file.write("fits", at: 0)
    try file.allocate(offset: 0, byteCount: 16384)
    try file.truncate(to: 0)
    #expect(try disk.freeByteCount() == 16384)
    try file.write("x", at: 0)
    try disk.remove("a")
    #expect(disk.usedByteCount == 0)
  }

  @Test func `a flipped bit is read and stays after a crash`() throws {
    let disk = try diskWithFile()
    try disk.flipBit(3, at: 5000, in: "a")
    #expect(try disk.open("a", .read).bytes(at: 5000, count: 2) == [9, 1])
    disk.crash(seed: 1)
    #expect(try disk.contents(of: "a")[5000] == 9)
  }

  @Test func `a snapshot and its origin change apart`() throws {
    let disk = try diskWithFile()
    try disk.open("a", .write).write("zz", at: 0)
    let copy = disk.snapshot()
    try copy.open("a", .write).write("yy", at: 0)
    #expect(try disk.contents(of: "a")[0] == UInt8(ascii: "z"))
    #expect(try outcomes(copy) { try $0.contents(of: "a")[0] }.contains(UInt8(ascii: "y")))
    #expect(try outcomes(disk) { try $0.contents(of: "a")[0] } == [1, UInt8(ascii: "z")])
  }

  @Test func `something else happens in the middle of a step, once`() throws {
    let disk = try diskWithFile()
    let file = try disk.open("a", .write)
    var events: [String] = []
    disk.intercept(.sync, namePrefix: "a", passing: 1) {
      events.append("between")
      #expect(throws: Never.self) { try file.write("x", at: 0) }
    }
    for name in ["first", "second", "third"] {
      try file.sync()
      events.append(name)
    }
    #expect(events == ["first", "between", "second", "third"])
    #expect(try outcomes(disk) { try $0.contents(of: "a")[0] } == [UInt8(ascii: "x")])
  }
}
