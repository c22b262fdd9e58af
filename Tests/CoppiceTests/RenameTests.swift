import Coppice
import CoppiceEngine
import Testing

@Suite struct RenameTests {
  let memory = MemoryBranch()
  var branch: Branch { memory.branch }

  func names(_ path: BranchPath = "") throws -> [String] {
    try branch.readDirectory(branch.lookup(path)).map(\.name.description)
  }

  @Test func `a rename replaces a file and frees the old one`() throws {
    let old = try branch.writeFile("a", [1])
    let new = try branch.writeFile("b", [2])
    try branch.rename("b", in: .root, to: "a", in: .root)
    #expect(try branch.lookup("a") == new)
    #expect(try names() == ["a"])
    #expect(failure { _ = try branch.attributes(of: old) }?.kind == .notFound)
  }

  @Test func `a rename onto another name of the same file does nothing`() throws {
    let file = try branch.writeFile("a", [1])
    try branch.link(file, as: "b", in: .root)
    try branch.rename("a", in: .root, to: "b", in: .root)
    try branch.rename("a", in: .root, to: "a", in: .root)
    #expect(try names() == ["a", "b"])
    #expect(try branch.attributes(of: file).linkCount == 2)
  }

  @Test func `directories replace empty directories only`() throws {
    try branch.createDirectories("a/inner")
    try branch.createDirectories("b")
    try branch.createDirectories("full/x")
    try branch.writeFile("file", [1])
    let onFull = failure { try branch.rename("a", in: .root, to: "full", in: .root) }
    #expect(onFull?.reason == .notEmpty)
    let onFile = failure { try branch.rename("a", in: .root, to: "file", in: .root) }
    #expect(onFile?.reason == .notDirectory)
    let onDirectory = failure { try branch.rename("file", in: .root, to: "b", in: .root) }
    #expect(onDirectory?.reason == .isDirectory)
    try branch.rename("a", in: .root, to: "b", in: .root)
    #expect(try names("b") == ["inner"])
    #expect(try branch.attributes(of: .root).linkCount == 4)
    #expect(try memory.core.checkNames() == [])
  }

  @Test func `moving a directory moves its links with it`() throws {
    let a = try branch.createDirectories("a")
    let b = try branch.createDirectories("b")
    let c = try branch.createDirectories("a/c")
    try branch.rename("c", in: a, to: "c", in: b)
    #expect(try branch.attributes(of: a).linkCount == 2)
    #expect(try branch.attributes(of: b).linkCount == 3)
    #expect(try branch.parent(of: c) == b)
    #expect(try branch.path(of: c) == "b/c")
  }

  @Test func `a directory cannot be moved below itself`() throws {
    let a = try branch.createDirectories("a")
    let c = try branch.createDirectories("a/b/c")
    for target in [a, c] {
      let error = failure { try branch.rename("a", in: .root, to: "x", in: target) }
      #expect(error?.reason == .invalidMove && error?.kind == .invalid)
    }
    let b = try branch.lookup("a/b")
    let swap = failure { try branch.rename("c", in: b, to: "a", in: .root, .exchange) }
    #expect(swap?.reason == .invalidMove)
  }

  @Test func `exclusive renames keep what is there`() throws {
    try branch.writeFile("a", [1])
    try branch.writeFile("b", [2])
    let error = failure { try branch.rename("a", in: .root, to: "b", in: .root, .exclusive) }
    #expect(error?.reason == .exists)
    try branch.rename("a", in: .root, to: "c", in: .root, .exclusive)
    #expect(try names() == ["b", "c"])
  }

  @Test func `an exchange swaps two names`() throws {
    let a = try branch.createDirectories("d/a")
    let d = try branch.lookup("d")
    let b = try branch.writeFile("b", [2])
    try branch.rename("a", in: d, to: "b", in: .root, .exchange)
    #expect(try branch.lookup("b") == a)
    #expect(try branch.lookup("d/a") == b)
    #expect(try branch.attributes(of: d).linkCount == 2)
    #expect(try branch.attributes(of: .root).linkCount == 4)
    #expect(try branch.parent(of: a) == .root)
    let missing = failure { try branch.rename("b", in: .root, to: "x", in: .root, .exchange) }
    #expect(missing?.kind == .notFound)
  }

  @Test func `directories move at any depth`() throws {
    var bottom = FileID.root
    let top = try branch.transaction { changes throws(StoreError) in
      let top = try changes.createDirectory("d", in: .root).file
      bottom = top
      for _ in 0..<6000 { bottom = try changes.createDirectory("d", in: bottom).file }
      return top
    }
    try branch.createDirectory("a", in: bottom)
    try branch.rename("a", in: bottom, to: "b", in: bottom)
    #expect(try branch.readDirectory(bottom).map(\.name) == ["b"])
    let error = failure { try branch.rename("d", in: .root, to: "x", in: bottom) }
    #expect(error?.reason == .invalidMove)
    #expect(try branch.parent(of: top) == .root)
  }
}
