import Coppice
import CoppiceEngine
import TestSupport
import Testing

@Suite struct StoreTests {
  let fixture: StoreFixture
  var store: Store { fixture.store }

  init() throws { fixture = try StoreFixture() }

  @Test func `a branch has what was written before its creation and nothing after`() throws {
    let main = try store.createBranch("main")
    let file = try main.writeFile("file", [1, 2, 3])
    let fork = try store.createBranch("fork", from: "main")
    let snapshot = try store.createSnapshot("main@monday")
    try main.write(file, at: 0, [9])
    try fork.writeFile("other", [7])
    #expect(try main.read(file) == [9, 2, 3])
    #expect(try fork.read(file) == [1, 2, 3])
    #expect(try snapshot.read(snapshot.lookup("file")) == [1, 2, 3])
    #expect(failure { _ = try main.lookup("other") }?.kind == .notFound)
    #expect(snapshot.isReadOnly && snapshot.isSnapshot && !fork.isReadOnly)
    #expect(try store.branch("main") === main)
  }

  @Test func `a write that a reset overtakes does not reach the state after it`() throws {
    let main = try store.createBranch("main")
    let old = [UInt8](repeating: 1, count: 4096)
    let file = try main.writeFile("file", old)
    try store.createSnapshot("main@before")
    let open = try main.open(file)
    let piece = [UInt8](repeating: 2, count: 1 << 20)
    for number in 0..<4 as Range<UInt64> {
      try piece.withUnsafeBytes { try open.write(at: number << 20, $0) }
    }
    // Half of the overlay's limit is reached: the next write, once begun, seals first.
    var isReset = false
    fixture.disk.intercept(.write, namePrefix: "segments/") { [store] in
      isReset = (try? store.reset("main", to: "main@before", force: true)) != nil
    }
    let stale = failure { try piece.withUnsafeBytes { try open.write(at: 4 << 20, $0) } }
    #expect(isReset)
    #expect(stale?.reason == .stale)
    #expect(try main.read(file) == old)
  }

  @Test func `all of it is there after closing and opening`() throws {
    let main = try store.createBranch("main")
    for number in 0..<300 {
      let name = try FileName("file-\(number)")
      let file = try main.createFile(name, in: .root).file
      try main.write(file, at: UInt64(number), [UInt8](repeating: 5, count: 5000))
    }
    try store.createSnapshot("main@s")
    try main.removeTree("file-7", in: .root)
    try fixture.reopen()
    let again = try store.branch("main")
    #expect(try again.readDirectory(.root).count == 299)
    let file = try again.lookup("file-200")
    #expect(try again.read(file, at: 199, byteCount: 2) == [0, 5])
    #expect(try again.attributes(of: file).byteCount == 5200)
    #expect(try store.snapshot("main@s").readDirectory(.root).count == 300)
    #expect(try again.core.checkNames() == [])
  }

  @Test(arguments: 1...8 as ClosedRange<UInt64>)
  func `what was flushed survives a power cut, with all that came before it`(seed: UInt64) throws {
    let main = try store.createBranch("main")
    let file = try main.writeFile("flushed", [1, 2, 3])
    try main.flush(file)
    try main.rename("flushed", in: .root, to: "renamed", in: .root)
    try fixture.crash(seed: seed)
    let again = try store.branch("main")
    let names = try again.readDirectory(.root).map(\.name.description)
    #expect(names == ["flushed"] || names == ["renamed"])
    #expect(try again.read(file) == [1, 2, 3])
    #expect(try again.core.checkNames() == [])
  }

  @Test func `entries are listed by name with what they come from`() throws {
    try store.createDomain(named: "customer")
    try store.createBranch("main", domain: "customer")
    try store.createBranch("dev", from: "main")
    try store.createSnapshot("main@monday")
    let entries = try store.entries()
    #expect(entries.map(\.name) == ["dev", "main", "main@monday"])
    #expect(entries.map(\.parent) == ["main", nil, "main"])
    #expect(entries.map(\.isSnapshot) == [false, false, true])
    #expect(entries.allSatisfy { $0.domain.name == "customer" && $0.deletedAt == nil })
    #expect(try store.entry("dev") == entries[0])
  }

  @Test func `a missing name is answered with those that come close`() throws {
    try store.createBranch("production")
    try store.createBranch("main")
    let error = failure { _ = try store.branch("prodction") }
    #expect(error?.kind == .notFound && error?.remedy == "did you mean production?")
    #expect(
      failure { _ = try store.branch("xyzzy") }?.remedy.description.contains("Store.entries")
        == true)
    #expect(failure { _ = try store.snapshot("main@x") }?.kind == .notFound)
    #expect(failure { _ = try store.snapshot("main") }?.kind == .invalid)
  }

  @Test func `names obey the rules and the error offers one that does`() throws {
    let slash = failure { try store.createBranch("feature/x") }
    #expect(slash?.kind == .invalid && slash?.remedy == "use feature-x")
    #expect(failure { try store.createBranch("-x") }?.remedy == "use x")
    for name in ["", ".x", "a@b", "a:b", "a^", "a~", "a\nb", String(repeating: "x", count: 201)] {
      #expect(failure { try store.createBranch(name) }?.kind == .invalid)
    }
    try store.createBranch(String(repeating: "é", count: 100))
    try store.createBranch("main")
    for name in ["main", "main@", "@x", "main@a@b", "main@-x"] {
      #expect(failure { try store.createSnapshot(name) }?.kind == .invalid)
    }
    #expect(failure { try store.createBranch("main") }?.kind == .conflict)
    #expect(failure { try store.createSnapshot("none@x") }?.kind == .notFound)
  }

  @Test func `renaming a branch takes its snapshots along`() throws {
    let main = try store.createBranch("main")
    try store.createSnapshot("main@a")
    try store.createSnapshot("main@b")
    try store.rename("main", to: "trunk")
    #expect(main.name == "trunk")
    try store.rename("trunk@a", to: "trunk@c")
    #expect(try store.entries().map(\.name) == ["trunk", "trunk@b", "trunk@c"])
    try fixture.reopen()
    #expect(try store.entries().map(\.name) == ["trunk", "trunk@b", "trunk@c"])
  }

  @Test func `a branch with snapshots or open files is not deleted by chance`() throws {
    let main = try store.createBranch("main")
    try store.createSnapshot("main@a")
    #expect(failure { try store.delete(["main"]) }?.kind == .conflict)
    let file = try main.open(main.writeFile("file", [1]))
    let inUse = failure { try store.delete(["main"], includingSnapshots: true) }
    #expect(inUse?.kind == .inUse)
    #expect(try store.entry("main").openFileCount == 1)
    #expect(failure { try store.delete(["main@a", "none"]) }?.kind == .notFound)
    let plan = try store.deletionPlan(
      ["main", "none"], includingSnapshots: true, ignoringMissing: true)
    #expect(plan == ["main", "main@a"])
    try store.delete(["main"], includingSnapshots: true, force: true)
    #expect(try store.entries().isEmpty)
    #expect(failure { _ = try file.attributes() }?.reason == .stale)
    #expect(failure { _ = try main.lookup("file") }?.kind == .notFound)
    file.close()
  }

  @Test func `a deleted branch comes back as it was`() throws {
    let main = try store.createBranch("main")
    try main.writeFile("file", [1])
    try store.delete(["main"])
    #expect(try store.entries(in: .all).map(\.state) == [.deleted])
    try store.createBranch("main")
    #expect(failure { try store.restore("main") }?.kind == .conflict)
    try store.restore("main", as: "old")
    let old = try store.branch("old")
    #expect(try old.read(old.lookup("file")) == [1])
    #expect(failure { try store.restore("mian") }?.kind == .notFound)
    // Whoever held the branch and whoever asks for it now share one object, and so one writer's
    // lock.
    #expect(old === main)
    try main.writeFile("more", [2])
    #expect(try old.readDirectory(.root).count == 2)
  }

  @Test func `of several the branch comes back that was deleted last, whatever clocks showed`()
    throws
  {
    var ids: [UInt64] = []
    // Two hours ahead, right, far behind, and right again.
    for leap in [7200, -7200, -900_000, 900_000] as [Int64] {
      fixture.clock.leap(byNanoseconds: leap * 1_000_000_000)
      try store.createBranch("main")
      ids.append(try store.entry("main").id)
      try store.createBranch("other\(leap)")
      try store.delete(["main"])
      try store.delete(["other\(leap)"])
    }
    try fixture.crash(seed: 1)
    let again = fixture.store
    func orders() throws -> [[UInt8]?] {
      try again.entries(in: .live).map { try again.annotations(of: $0.name)[.deletionOrder] }
    }
    for id in ids.reversed() {
      #expect(again.restorable("main")?.id == id)
      try again.restore("main", as: "main-\(id)")
      #expect(try again.entry("main-\(id)").id == id)
    }
    #expect(try orders() == [nil, nil, nil, nil])
    #expect(again.restorable("main") == nil)
    // One that was deleted before is no more the last once it is back and gone again.
    for id in [ids[3], ids[0], ids[2]] {
      try again.rename("main-\(id)", to: "main")
      try again.delete(["main"])
      #expect(again.restorable("main")?.id == id)
    }
  }

  @Test func `a reset replaces the files and can keep the old ones`() throws {
    let main = try store.createBranch("main")
    let file = try main.writeFile("file", [1])
    try store.createSnapshot("main@good")
    try main.write(file, at: 0, [2])
    try main.writeFile("more", [3])
    let handle = try main.open(file)
    #expect(failure { try store.reset("main", to: "main@good") }?.kind == .inUse)
    handle.close()
    try store.reset("main", to: "main@good", keepingOldAs: "main-before")
    #expect(try main.read(file) == [1])
    #expect(try main.readDirectory(.root).count == 1)
    let before = try store.branch("main-before")
    #expect(try before.read(file) == [2])
    #expect(try before.readDirectory(.root).count == 2)
    let snapshot = failure { try store.reset("main@good", to: "main") }
    #expect(snapshot?.reason == .readOnlyTree)
    try fixture.reopen()
    #expect(try store.branch("main").read(file) == [1])
  }

  @Test func `orphans of a fork's parent are not the fork's`() throws {
    let main = try store.createBranch("main")
    let id = try main.writeFile("file", [1])
    let file = try main.open(id)
    try main.remove("file", in: .root)
    let fork = try store.createBranch("fork", from: "main")
    #expect(failure { _ = try fork.attributes(of: id) }?.kind == .notFound)
    #expect(try main.read(id) == [1])
    file.close()
  }

  @Test func `holes of a file are seen as such, whether sealed or not`() throws {
    let main = try store.createBranch("main")
    let file = try main.createFile("sparse", in: .root).file
    try main.write(file, at: 40_960, [1])
    try main.write(file, at: 0, [1])
    let expected = [
      Extent(range: 0..<4096, isHole: false), Extent(range: 4096..<40_960, isHole: true),
      Extent(range: 40_960..<40_961, isHole: false),
    ]
    #expect(try main.extents(of: file) == expected)
    try store.engine.sealer.sealAll()
    #expect(try main.extents(of: file) == expected)
    try main.punchHole(file, 0..<4096)
    #expect(
      try main.extents(of: file, in: 100..<50_000) == [
        Extent(range: 100..<40_960, isHole: true), Extent(range: 40_960..<40_961, isHole: false),
      ])
    try store.createSnapshot("main@s")
    try main.truncate(file, to: 0)
    #expect(try main.extents(of: file) == [])
    let old = try store.snapshot("main@s")
    #expect(try old.extents(of: file).count == 2)
  }

  @Test func `a copied range has the bytes and the holes of its source`() throws {
    let main = try store.createBranch("main")
    let source = try main.createFile("source", in: .root).file
    try main.write(source, at: 4096, [UInt8](repeating: 7, count: 4096))
    try main.truncate(source, to: 40_960)
    let target = try main.writeFile("target", [UInt8](repeating: 9, count: 8192))
    #expect(try main.copyRange(of: source, 0..<1_000_000, to: target, at: 4096) == 40_960)
    let expected =
      [UInt8](repeating: 9, count: 4096) + [UInt8](repeating: 0, count: 4096)
      + [UInt8](repeating: 7, count: 4096) + [UInt8](repeating: 0, count: 32_768)
    #expect(try main.read(target) == expected)
    #expect(try main.extents(of: target).map(\.isHole) == [false, true, false, true])
    let onto = failure { try main.copyRange(of: source, 0..<8192, to: source, at: 4096) }
    #expect(onto?.kind == .invalid)
  }

  @Test func `a store opened for reading shows what is in the journal and refuses all changes`()
    throws
  {
    let main = try store.createBranch("main")
    let file = try main.writeFile("file", [1, 2, 3])
    try store.createSnapshot("main@before")
    try main.write(file, at: 1, [9])
    try main.flush()
    store.engine.abandon()
    var options = fixture.options
    options.isReadOnly = true
    let reader = try Store.open(disk: fixture.disk, clock: fixture.clock, options)
    let branch = try reader.branch("main")
    #expect(branch.isReadOnly && reader.isReadOnly)
    #expect(try branch.read(file) == [1, 9, 3])
    #expect(try reader.moment(of: "main").read(file) == [1, 9, 3])
    #expect(try reader.diff("main@before", "main").items.map(\.path) == ["file"])
    #expect(try reader.usage().map(\.name) == ["main", "main@before"])
    #expect(try reader.statistics().branchCount == 1)
    #expect(failure { try branch.write(file, at: 0, [1]) }?.reason == .readOnlyTree)
    #expect(failure { try branch.createFile("x", in: .root) }?.reason == .readOnlyTree)
    #expect(failure { try reader.createBranch("x") }?.kind == .denied)
    #expect(failure { try reader.delete(["main@before"]) }?.kind == .denied)
    try reader.close()
  }

  @Test func `a closed store says so`() throws {
    let main = try store.createBranch("main")
    try store.close()
    #expect(failure { _ = try main.lookup("x") }?.kind == .unavailable)
    #expect(failure { _ = try store.branch("main") }?.kind == .unavailable)
    #expect(failure { try main.createFile("x", in: .root) }?.kind == .unavailable)
  }
}
