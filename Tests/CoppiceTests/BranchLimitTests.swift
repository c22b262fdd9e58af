import Coppice
import CoppiceEngine
import CoppiceFormat
import Synchronization
import TestSupport
import Testing

/// What a branch may add, and what goes on when it has.
@Suite struct BranchLimitTests {
  private static let piece = 16 << 10

  /// A store with `main`, and `child` of it, which may add 512 KiB.
  private func prepare(_ limit: UInt64 = 512 << 10) throws -> (StoreFixture, Branch, SplitMix64) {
    let fixture = try StoreFixture()
    var random = SplitMix64(seed: 11)
    let main = try fixture.store.createBranch("main")
    try main.writeFile("base", random.bytes(1 << 20))
    let child = try fixture.store.createBranch("child", from: "main")
    try fixture.store.setLimit("child", to: limit)
    return (fixture, child, random)
  }

  /// Writes behind the end until that is refused; returns the file.
  @discardableResult
  private func fill(
    _ branch: Branch, _ path: BranchPath, _ random: inout SplitMix64
  ) throws -> FileID {
    let file = try branch.open(branch.writeFile(path, []))
    defer { file.close() }
    for index in 0..<4096 {
      do {
        try random.bytes(Self.piece).withUnsafeBytes {
          try file.write(at: UInt64(index * Self.piece), $0)
        }
      } catch let error as StoreError {
        #expect(error.kind == .full && error.reason == .limit)
        #expect(error.object == branch.name)
        #expect(error.description.contains("setLimit"))
        return file.id
      }
    }
    Issue.record("nothing was ever refused")
    return file.id
  }

  private func expectRefused(_ body: () throws -> Void) {
    let error = #expect(throws: StoreError.self) { try body() }
    #expect(error?.kind == .full && error?.reason == .limit)
  }

  @Test func `at the limit files do not grow, and all else goes on`() throws {
    var (_, child, random) = try prepare()
    let large = try fill(child, "large", &random)
    let byteCount = try child.attributes(of: large).byteCount
    // Random bytes take what they are: it is neither far from the limit nor far above.
    #expect(byteCount > 400 << 10 && byteCount <= 528 << 10)
    let more = random.bytes(100_000)
    expectRefused { try child.write(large, at: byteCount, [1]) }
    expectRefused { try child.truncate(large, to: byteCount + 1) }
    expectRefused { try child.setAttributes(of: large, AttributeChanges(byteCount: 1 << 30)) }
    expectRefused { try child.writeFile("more", more) }
    #expect(try child.lookupIfPresent("more", in: .root) == nil)
    let base = try child.open(child.lookup("base"))
    let file = try child.open(large)
    expectRefused { try file.truncate(to: byteCount + 1) }
    expectRefused { try _ = base.copy(0..<65_536, to: file, at: byteCount) }
    expectRefused { try _ = base.copy(0..<1000, to: file, at: byteCount + 5) }
    #expect(try child.attributes(of: large).byteCount == byteCount)

    try child.write(large, at: 8192, more)
    #expect(try child.read(large, at: 8192, byteCount: more.count) == more)
    try _ = base.copy(0..<65_536, to: file, at: 0)
    try child.writeFile("small", random.bytes(64 << 10))
    try child.createDirectories("a/b")
    try child.setExtendedAttribute("user.x", of: large, to: [1, 2])
    try child.punchHole(large, 0..<16_384)
    try child.rename("large", in: .root, to: "renamed", in: .root)
    try child.truncate(large, to: byteCount - 8192)
    file.close()
    base.close()
  }

  @Test func `what is removed gives room, and so does a greater limit`() throws {
    var (fixture, child, random) = try prepare()
    try fill(child, "large", &random)
    try child.remove("large", in: .root)
    let again = try fill(child, "again", &random)
    #expect(try child.attributes(of: again).byteCount > 300 << 10)
    try fixture.store.setLimit("child", to: 1 << 20)
    try child.write(again, at: try child.attributes(of: again).byteCount, random.bytes(100_000))
    // A snapshot keeps what is removed.
    try fixture.store.createSnapshot("child@kept")
    try child.remove("again", in: .root)
    try fill(child, "third", &random)
    #expect(try fixture.store.measureAdded(by: "child").addedByteCount > 900 << 10)
    try fixture.store.setLimit("child", to: nil)
    try child.writeFile("free", random.bytes(2 << 20))
    #expect(try fixture.store.entry("child").maxStoredByteCount == nil)
  }

  @Test func `a database that recovers may grow past the limit`() throws {
    var (fixture, child, random) = try prepare()
    let large = try fill(child, "large", &random)
    var suspension: LimitSuspension? = try fixture.store.suspendLimit(of: "child")
    try child.write(large, at: 1 << 20, random.bytes(100_000))
    withExtendedLifetime(suspension) {}
    suspension = nil
    expectRefused { try child.write(large, at: 2 << 20, random.bytes(100_000)) }
  }

  @Test func `compressed pages are counted as they are stored`() throws {
    let (_, child, _) = try prepare()
    let text = [UInt8]("all work and no play makes the page compress well\n".utf8)
    let bytes = (0..<40_000).flatMap { _ in text }
    // Four times the limit, in memory: each time it is reached the branch is measured.
    try child.writeFile("text", Array(bytes.prefix(400 << 10)))
    try child.writeFile("text2", Array(bytes.prefix(400 << 10)))
    try child.writeFile("text3", bytes)
  }

  @Test func `a limit that makes no sense is refused`() throws {
    let (fixture, child, _) = try prepare()
    let store = fixture.store
    var random = SplitMix64(seed: 5)
    try child.writeFile("x", random.bytes(200_000))
    for limit in [0, 1000, 100_000] as [UInt64] {
      #expect(failure { try store.setLimit("child", to: limit) }?.kind == .invalid)
      #expect(try store.entry("child").maxStoredByteCount == 512 << 10)
    }
    try store.createSnapshot("child@s")
    #expect(failure { try store.setLimit("child@s", to: 1 << 30) }?.kind == .invalid)
    #expect(failure { try store.measureAdded(by: "child@s") }?.kind == .invalid)
    #expect(failure { try store.setLimit("nobody", to: 1 << 30) }?.kind == .notFound)
    let none = EntryTerms(maxStoredByteCount: 0)
    #expect(failure { try store.createBranch("none", terms: none) }?.kind == .invalid)
    let terms = EntryTerms(maxStoredByteCount: 1 << 20)
    try store.createBranch("limited", from: "child", terms: terms)
    #expect(try store.entry("limited").maxStoredByteCount == 1 << 20)
    // A fork of it has none, and has added nothing.
    try store.createBranch("grandchild", from: "child")
    let info = try store.entry("grandchild")
    #expect(info.maxStoredByteCount == nil && info.addedByteCount == 0)
    #expect(try store.isBeyondLimit("child") == false)
    #expect(try store.isBeyondLimit("grandchild") == false)
  }

  @Test(arguments: 1...6 as ClosedRange<UInt64>)
  func `no crash loses a limit, or what was added`(seed: UInt64) throws {
    var (fixture, child, random) = try prepare()
    try fill(child, "large", &random)
    try child.flush()
    if seed.isMultiple(of: 2) { try fixture.store.engine.checkpointer.write() }
    try fixture.crash(seed: seed)
    let again = try fixture.store.branch("child")
    #expect(try fixture.store.entry("child").maxStoredByteCount == 512 << 10)
    let large = try again.lookup("large")
    expectRefused {
      try again.write(large, at: 600 << 10, random.bytes(Self.piece))
    }
    try fixture.reopen()
    let added = try #require(try fixture.store.added(by: "child"))
    #expect(added == (try fixture.store.measureAdded(by: "child")))
  }

  @Test func `every step of setting a limit is all or nothing`() throws {
    let fixture = try StoreFixture()
    try fixture.store.createBranch("main")
    try fixture.store.setLimit("main", to: 1 << 20)
    let reference = fixture.disk.snapshot()
    let before = fixture.disk.operationCount
    try fixture.store.setLimit("main", to: 2 << 20)
    let count = fixture.disk.operationCount - before
    fixture.store.engine.abandon()
    #expect(count > 0)
    for point in 0...count {
      let disk = reference.snapshot()
      let store = try Store.open(disk: disk, clock: fixture.clock, fixture.options)
      let start = disk.operationCount
      disk.powerOff(beforeOperation: start + point)
      let error = failure { try store.setLimit("main", to: 2 << 20) }
      disk.crash(seed: UInt64(point))
      store.engine.abandon()
      let found = try Store.open(disk: disk, clock: fixture.clock, fixture.options)
      let limit = try found.entry("main").maxStoredByteCount
      #expect(limit == 2 << 20 || error != nil && limit == 1 << 20)
    }
  }

  @Test func `watchers hear of every level once`() throws {
    var (fixture, child, random) = try prepare()
    let heard = Mutex<[GrowthWarning.Level]>([])
    let watch = fixture.store.watch { change in
      guard case .growth(let warning) = change else { return }
      #expect(warning.name == "child" && warning.limitByteCount == 512 << 10)
      heard.withLock { $0.append(warning.level) }
    }
    try fill(child, "large", &random)
    let large = try child.lookup("large")
    expectRefused { try child.write(large, at: 600 << 10, [1]) }
    #expect(heard.withLock { $0 } == [.near, .full])
    #expect(try fixture.store.entry("child").growthLevel == .full)
    withExtendedLifetime(watch) {}
  }

  @Test func `imports into a branch count, and those of all of it begin anew`() throws {
    var random = SplitMix64(seed: 3)
    let folder = try TemporaryFolder()
    let store = try Store.create(at: folder("store"))
    try store.createBranch("child")
    try store.setLimit("child", to: 512 << 10)
    let source = try TemporaryFolder()
    let big = try source.write("big", random.bytes(600_000))
    let small = try source.write("small", random.bytes(100_000))
    expectRefused {
      _ = try store.importFiles(from: .path(big), into: "child", at: "in/big")
    }
    let child = try store.branch("child")
    #expect(try child.lookupIfPresent("in", in: .root) == nil)
    _ = try store.importFiles(from: .path(small), into: "child", at: "in/small")
    #expect(try store.measureAdded(by: "child").addedByteCount > 100_000)
    var options = ImportOptions()
    options.isReplacing = true
    _ = try store.importFiles(from: .path(source.path), into: "child", options: options)
    #expect(try store.measureAdded(by: "child").addedByteCount == 0)
    let found = try store.branch("child")
    #expect(try found.attributes(of: found.lookup("big")).byteCount == 600_000)
    try store.close()
    withExtendedLifetime((folder, source)) {}
  }

  @Test func `a disk with little room keeps branches with an end from growing`() throws {
    let fixture = try StoreFixture()
    let store = fixture.store
    var random = SplitMix64(seed: 8)
    var branches: [Branch] = []
    for (name, terms) in [
      ("lasting", EntryTerms()), ("ending", EntryTerms(end: .after(.seconds(3600)))),
      ("protected", EntryTerms(end: .after(.seconds(3600)))),
    ] {
      branches.append(try store.createBranch(name, terms: terms))
    }
    try store.protect(["protected"], until: nil)
    func grow(_ branch: Branch) throws {
      try branch.writeFile("file", random.bytes(80_000))
    }
    for branch in branches { try grow(branch) }
    try store.engine.sealer.sealAll()
    fixture.disk.capacity = fixture.disk.usedByteCount + 40 << 20
    store.spaceMarks = SpaceMarks(freeByteCount: 50 << 20)
    for branch in [branches[0], branches[2]] { try grow(branch) }
    expectRefused { try grow(branches[1]) }
    try branches[1].writeFile("small", random.bytes(1000))
    // It is not looked up again within a second.
    store.spaceMarks = SpaceMarks(freeByteCount: 100 << 20)
    expectRefused { try grow(branches[0]) }
    try grow(branches[2])
    fixture.disk.capacity = .max
    expectRefused { try grow(branches[0]) }
    fixture.clock.advance(byNanoseconds: 1_000_000_001)
    for branch in branches { try grow(branch) }
    fixture.disk.capacity = fixture.disk.usedByteCount + 20 << 20
    store.spaceMarks = nil
    for branch in branches { try grow(branch) }
    #expect(store.spaceMarks == nil)
  }
}
