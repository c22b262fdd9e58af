internal import CoppicePlatform
internal import Glibc
internal import TestSupport
internal import Testing

/// What every disk must do, run over each of them.
enum DiskUnderTest: CaseIterable, CustomStringConvertible {
  case directory, simulated

  var description: String { self == .directory ? "DirectoryDisk" : "SimulatedDisk" }

  /// Runs a test on an empty disk.
  func with(_ body: (any Disk) throws -> Void) throws {
    switch self {
    case .directory:
      try withTemporaryDirectory { try body(try DirectoryDisk(path: $0, creating: false)) }
    case .simulated: try body(SimulatedDisk())
    }
  }
}

@Suite struct DiskConformanceTests {
  @Test(arguments: DiskUnderTest.allCases)
  func `what was written is read back`(kind: DiskUnderTest) throws {
    try kind.with { disk in
      let file = try disk.open("a", .create)
      try file.write("hello, wood", at: 3)
      #expect(try file.byteCount() == 14)
      #expect(try file.bytes(at: 0, count: 100) == [0, 0, 0] + Array("hello, wood".utf8))
      #expect(try disk.open("a", .read).bytes(at: 10, count: 4) == Array("wood".utf8))
      try file.sync()
    }
  }

  @Test(arguments: DiskUnderTest.allCases)
  func `reading at or past the end gives no bytes`(kind: DiskUnderTest) throws {
    try kind.with { disk in
      let file = try disk.open("a", .create)
      #expect(try file.bytes(at: 0, count: 10).isEmpty)
      try file.write("abc", at: 0)
      #expect(try file.bytes(at: 3, count: 10).isEmpty)
      #expect(try file.bytes(at: 1 << 40, count: 10).isEmpty)
    }
  }

  @Test(arguments: DiskUnderTest.allCases)
  func `a write over several blocks keeps what lies around it`(kind: DiskUnderTest) throws {
    try kind.with { disk in
      var generator = SplitMix64(seed: 1)
      var expected = generator.bytes(20_000)
      let file = try disk.open("a", .create)
      try file.write(expected, at: 0)
      let middle = generator.bytes(9_000)
      try file.write(middle, at: 4_001)
      expected.replaceSubrange(4_001..<13_001, with: middle)
      #expect(try file.bytes(at: 0, count: 30_000) == expected)
    }
  }

  @Test(arguments: DiskUnderTest.allCases)
  func `direct access reads and writes whole blocks`(kind: DiskUnderTest) throws {
    try kind.with { disk in
      let buffer = AlignedBuffer(byteCountMin: 8192)
      buffer.appendZeros(8192)
      buffer.mutableContents[4096] = 7
      let file = try disk.open("a", .createDirect)
      try file.write(buffer.contents, at: 4096)
      try file.sync()
      let again = try disk.open("a", .writeDirect)
      buffer.mutableContents[4096] = 0
      #expect(try again.read(into: buffer.mutableContents, at: 4096) == 8192)
      #expect(buffer.contents[4096] == 7)
    }
  }

  @Test(arguments: DiskUnderTest.allCases)
  func `a file cut and grown again reads as zero past the cut`(kind: DiskUnderTest) throws {
    try kind.with { disk in
      let file = try disk.open("a", .create)
      try file.write([UInt8](repeating: 9, count: 10_000), at: 0)
      try file.truncate(to: 5)
      #expect(try file.byteCount() == 5)
      try file.truncate(to: 10_000)
      #expect(
        try file.bytes(at: 0, count: 10_000)
          == [UInt8](repeating: 9, count: 5) + [UInt8](repeating: 0, count: 9_995))
    }
  }

  @Test(arguments: DiskUnderTest.allCases)
  func `allocating extends with zeros and keeps what is there`(kind: DiskUnderTest) throws {
    try kind.with { disk in
      let file = try disk.open("a", .create)
      try file.write("abc", at: 0)
      try file.allocate(offset: 0, byteCount: 8192)
      #expect(
        try file.bytes(at: 0, count: 9000)
          == Array("abc".utf8) + [UInt8](repeating: 0, count: 8189))
      try file.allocate(offset: 0, byteCount: 10)
      #expect(try file.byteCount() == 8192)
    }
  }

  @Test(arguments: DiskUnderTest.allCases)
  func `creating what exists and opening what does not fail`(kind: DiskUnderTest) throws {
    try kind.with { disk in
      _ = try disk.open("a", .create)
      #expect(error { _ = try disk.open("a", .create) }?.isExisting == true)
      #expect(error { _ = try disk.open("a", .createDirect) }?.isExisting == true)
      #expect(error { _ = try disk.open("b", .read) }?.isMissing == true)
      #expect(error { _ = try disk.open("b", .writeDirect) }?.isMissing == true)
      #expect(error { _ = try disk.open("c/b", .create) }?.isMissing == true)
      #expect(error { try disk.remove("b") }?.isMissing == true)
      #expect(error { try disk.rename("b", to: "c") }?.isMissing == true)
    }
  }

  @Test(arguments: DiskUnderTest.allCases)
  func `a file opened for reading cannot be written`(kind: DiskUnderTest) throws {
    try kind.with { disk in
      _ = try disk.open("a", .create)
      let file = try disk.open("a", .read)
      #expect(error { try file.write("x", at: 0) }?.code == EBADF)
    }
  }

  @Test(arguments: DiskUnderTest.allCases)
  func `names are listed in order, a missing directory is empty`(kind: DiskUnderTest) throws {
    try kind.with { disk in
      try disk.makeDirectory("d")
      for name in ["d/b", "d/a", "d/c"] { _ = try disk.open(name, .create) }
      #expect(try disk.list("d") == ["a", "b", "c"])
      #expect(try disk.list("") == ["d"])
      #expect(try disk.list("e").isEmpty)
      #expect(error { try disk.makeDirectory("d") }?.isExisting == true)
      try disk.syncDirectory("d")
      try disk.syncDirectory("")
    }
  }

  @Test(arguments: DiskUnderTest.allCases)
  func `renaming replaces the target`(kind: DiskUnderTest) throws {
    try kind.with { disk in
      try disk.open("a", .create).write("new", at: 0)
      try disk.open("b", .create).write("old", at: 0)
      try disk.rename("a", to: "b")
      #expect(try disk.list("") == ["b"])
      #expect(try disk.open("b", .read).bytes(at: 0, count: 9) == Array("new".utf8))
    }
  }

  @Test(arguments: DiskUnderTest.allCases)
  func `an open file outlives its name`(kind: DiskUnderTest) throws {
    try kind.with { disk in
      let file = try disk.open("a", .create)
      try file.write("still here", at: 0)
      try disk.remove("a")
      #expect(try disk.list("").isEmpty)
      #expect(try file.bytes(at: 0, count: 5) == Array("still".utf8))
    }
  }

  @Test(arguments: DiskUnderTest.allCases)
  func `an exclusive lock excludes every other until it is released`(kind: DiskUnderTest) throws {
    try kind.with { disk in
      var lock: (any DiskLock)? = try disk.lock(exclusively: true)
      #expect(error { _ = try disk.lock(exclusively: true) }?.isLocked == true)
      #expect(error { _ = try disk.lock(exclusively: false) }?.isLocked == true)
      withExtendedLifetime(lock) {}
      lock = nil
      let first = try disk.lock(exclusively: false)
      let second = try disk.lock(exclusively: false)
      #expect(error { _ = try disk.lock(exclusively: true) }?.isLocked == true)
      withExtendedLifetime((first, second)) {}
    }
  }

  @Test(arguments: DiskUnderTest.allCases)
  func `a disk tells how much room is left`(kind: DiskUnderTest) throws {
    try kind.with { disk in
      let count = try disk.freeByteCount()
      #expect(count > 0)
    }
  }
}
