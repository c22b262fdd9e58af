import Coppice
import CoppiceEngine
import TestSupport
import Testing

@Suite struct MomentTests {
  let fixture: StoreFixture
  var store: Store { fixture.store }

  init() throws { fixture = try StoreFixture() }

  @Test func `a moment stays as it was while its branch is changed, deleted and collected`()
    throws
  {
    var random = SplitMix64(seed: 9)
    let main = try store.createBranch("main")
    let bytes = random.bytes(60 * 4096)
    let file = try main.writeFile("file", bytes)
    let moment = try store.moment(of: "main")
    #expect(moment.isReadOnly && !moment.isSnapshot && moment.name == "main")
    try main.write(file, at: 0, random.bytes(30 * 4096))
    try main.writeFile("other", [1])
    try store.engine.sealer.sealAll()
    try store.delete(["main"])
    _ = try store.collectGarbage(isFull: true)
    #expect(try moment.read(file) == bytes)
    #expect(try moment.readDirectory(.root).map(\.name.description) == ["file"])
    #expect(try moment.extents(of: file).count == 1)
    #expect(failure { _ = try store.branch("main") }?.kind == .notFound)
    #expect(failure { try store.restore("main") }?.kind == .notFound)
  }

  @Test func `a list has what a directory has, or one file`() throws {
    let main = try store.createBranch("main")
    try main.createDirectories("d/inner")
    let file = try main.writeFile("d/file", [1, 2, 3])
    try main.setAttributes(of: file, AttributeChanges(permissions: 0o4750))
    try main.createSymbolicLink("link", in: main.lookup("d"), target: [0x61, 0xFF])
    let list = try main.list("d")
    #expect(list.map(\.name) == ["file", "inner", "link"])
    #expect(list.map(\.kind) == [.regular, .directory, .symbolicLink])
    #expect(list.map(\.byteCount) == [3, 0, 2] && list[0].permissions == "4750")
    #expect(list.map(\.target) == [nil, nil, #"a$'\xFF'"#])
    #expect(try main.list("d/link") == [list[2]])
    #expect(try store.moment(of: "main").list("d/file") == [list[0]])
    #expect(try main.list(.root).map(\.name) == ["d"] && main.list("d/inner") == [])
    #expect(failure { _ = try main.list("d/none") }?.kind == .notFound)
    #expect(failure { _ = try main.list("d/file/x") }?.reason == .notDirectory)
  }

  @Test func `a collection leaves every branch as it was`() throws {
    var random = SplitMix64(seed: 10)
    var work = ModelledBranch(branch: try store.createBranch("main"))
    for round in 0..<8 {
      for _ in 0..<60 { try work.change(&random) }
      try store.engine.sealer.sealAll()
      try store.createBranch("b\(round)", from: "main")
      if round > 1 { try store.delete(["b\(round - 2)"]) }
      _ = try store.collectGarbage(isFull: round % 2 == 0)
      try work.compare(work.branch)
    }
    try fixture.reopen()
    try work.compare(store.branch("main"))
    try work.compare(store.branch("b7"))
    let again = try store.statistics()
    #expect(again.branchCount == 3 && again.deletedCount == 0)
  }
}
