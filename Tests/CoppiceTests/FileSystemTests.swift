import Coppice
import CoppiceEngine
import CoppiceFormat
import Synchronization
import Testing

@Suite struct FileSystemTests {
  let memory = MemoryBranch()
  var branch: Branch { memory.branch }

  @Test func `a new branch is an empty root directory`() throws {
    let root = try branch.attributes(of: .root)
    #expect(root.kind == .directory && root.linkCount == 2)
    #expect(try branch.readDirectory(.root).isEmpty)
    #expect(try branch.parent(of: .root) == .root)
    #expect(try branch.lookup("" as BranchPath) == .root)
    #expect(memory.space.state.withLock { $0.volumes.isEmpty })
  }

  @Test func `a file is found by its name and keeps its number through renames`() throws {
    let directory = try branch.createDirectory("base", in: .root)
    #expect(try branch.attributes(of: .root).linkCount == 3)
    let file = try branch.createFile(
      "1259", in: directory.file, NewFile(permissions: 0o600, userID: 5, groupID: 6))
    #expect(file.permissions == 0o600 && file.userID == 5 && file.groupID == 6)
    #expect(try branch.lookup("base/1259") == file.file)
    try branch.write(file.file, at: 0, [1, 2, 3])
    try branch.rename("1259", in: directory.file, to: "moved", in: .root)
    #expect(try branch.lookup("moved") == file.file)
    #expect(failure { _ = try branch.lookup("base/1259") }?.kind == .notFound)
    #expect(try branch.read(file.file) == [1, 2, 3])
    #expect(try branch.path(of: file.file) == "moved")
    let after = try branch.attributes(of: file.file)
    #expect(after.parentHint == .root && after.byteCount == 3)
    #expect(after.modified > file.modified)
    #expect(try memory.core.checkNames() == [])
    #expect(try memory.reopened().branch.read(file.file) == [1, 2, 3])
  }

  @Test func `entries come sorted, from any name on, in pieces`() throws {
    let names = (0..<500).map { "file-\($0)" }
    for name in names { try branch.createFile(FileName(name), in: .root) }
    let all = try branch.readDirectory(.root)
    #expect(all.map(\.name.description) == names.sorted())
    var pieces: [DirectoryEntry] = []
    while true {
      let piece = try branch.readDirectory(.root, after: pieces.last?.name, limit: 33)
      if piece.isEmpty { break }
      pieces += piece
    }
    #expect(pieces == all)
  }

  @Test func `names are bytes and obey their limits`() throws {
    let name = try FileName(bytes: [0xFF, 0xFE, 0x0A])
    try branch.createFile(name, in: .root)
    #expect(try branch.lookup(name, in: .root).name == name)
    try branch.createFile(FileName(String(repeating: "x", count: 255)), in: .root)
    let long = String(repeating: "x", count: 256)
    #expect(failure { _ = try FileName(long) }?.reason == .nameTooLong)
    for bad in ["", ".", "..", "a/b", "a\0b"] {
      #expect(failure { _ = try FileName(bad) }?.kind == .invalid)
    }
    #expect(failure { _ = try BranchPath(bytes: "a/../b".utf8) }?.kind == .invalid)
    #expect(try BranchPath(bytes: "//a/./b/".utf8).components == ["a", "b"])
    let tooLong = String(repeating: "x/", count: 2048)
    #expect(failure { _ = try BranchPath(tooLong) }?.reason == .nameTooLong)
  }

  @Test func `what exists is not created again`() throws {
    try branch.createFile("a", in: .root)
    #expect(failure { try branch.createFile("a", in: .root) }?.reason == .exists)
    #expect(failure { try branch.createDirectory("a", in: .root) }?.reason == .exists)
    let file = try branch.lookup("a")
    #expect(failure { try branch.createFile("b", in: file) }?.reason == .notDirectory)
    let nowhere = FileID(rawValue: 999)
    #expect(failure { try branch.createFile("b", in: nowhere) }?.kind == .notFound)
  }

  @Test func `links share a file until the last one goes`() throws {
    let file = try branch.createFile("a", in: .root).file
    let directory = try branch.createDirectory("d", in: .root).file
    try branch.write(file, at: 0, [7])
    #expect(try branch.link(file, as: "b", in: directory).linkCount == 2)
    #expect(failure { try branch.link(directory, as: "e", in: .root) }?.reason == .isDirectory)
    #expect(failure { try branch.link(file, as: "b", in: directory) }?.reason == .exists)
    try branch.remove("a", in: .root)
    #expect(try branch.read(file) == [7])
    try branch.remove("b", in: directory)
    #expect(failure { _ = try branch.attributes(of: file) }?.kind == .notFound)
    #expect(try memory.space.attributes(of: file.volume) == nil)
  }

  @Test func `directories are removed when empty, trees at once`() throws {
    try branch.createDirectories("a/b/c")
    let a = try branch.lookup("a")
    try branch.writeFile("a/b/file", [1])
    let b = try branch.lookup("a/b")
    #expect(failure { try branch.removeDirectory("b", in: a) }?.reason == .notEmpty)
    #expect(failure { try branch.remove("b", in: a) }?.reason == .isDirectory)
    #expect(failure { try branch.removeDirectory("file", in: b) }?.reason == .notDirectory)
    try branch.removeTree("a", in: .root)
    #expect(try branch.readDirectory(.root).isEmpty)
    #expect(try branch.attributes(of: .root).linkCount == 2)
    #expect(failure { try branch.createFile("x", in: b) }?.kind == .notFound)
    #expect(try memory.core.checkNames() == [])
  }

  @Test func `symbolic links are followed as far as a path needs`() throws {
    try branch.createDirectories("real/deep")
    let file = try branch.writeFile("real/deep/file", [1])
    let link = try branch.createSymbolicLink("link", in: .root, target: Array("real/deep".utf8))
    let real = try branch.lookup("real")
    try branch.createSymbolicLink("up", in: real, target: Array("../link/file".utf8))
    try branch.createSymbolicLink("absolute", in: real, target: Array("/real".utf8))
    try branch.createSymbolicLink("loop", in: .root, target: Array("loop".utf8))
    #expect(try branch.lookup("link/file") == file)
    #expect(try branch.lookup("real/absolute/deep/file") == file)
    #expect(try branch.lookup("real/up", followingLinks: true) == file)
    #expect(try branch.lookup("link") == link.file)
    #expect(try branch.symbolicLinkTarget(of: link.file) == Array("real/deep".utf8))
    #expect(link.byteCount == 9)
    let loop = failure { _ = try branch.lookup("loop", followingLinks: true) }
    #expect(loop?.reason == .linkLoop)
    let long = [UInt8](repeating: 65, count: 4095)
    let longLink = try branch.createSymbolicLink("long", in: .root, target: long)
    #expect(try branch.symbolicLinkTarget(of: longLink.file) == long)
    #expect(try memory.core.checkNames() == [])
  }

  @Test func `special files keep their kind and device`() throws {
    let file = try branch.createSpecialFile("tty", in: .root, kind: .characterDevice, device: 0x501)
    let attributes = try branch.attributes(of: file.file)
    #expect(attributes.kind == .characterDevice && attributes.device == 0x501)
    #expect(failure { _ = try branch.open(file.file) }?.kind == .invalid)
    let wrong = failure { try branch.createSpecialFile("r", in: .root, kind: .regular) }
    #expect(wrong?.kind == .invalid)
  }

  @Test func `attributes are set one by one`() throws {
    let file = try branch.createFile("a", in: .root).file
    let set = try branch.setAttributes(
      of: file,
      AttributeChanges(
        permissions: 0o4755, userID: 1, groupID: 2, accessed: Timestamp(nanoseconds: -5),
        modified: Timestamp(nanoseconds: 77), flags: 16))
    #expect(set.permissions == 0o4755 && set.userID == 1 && set.groupID == 2)
    #expect(set.accessed.nanoseconds == -5 && set.modified.nanoseconds == 77 && set.flags == 16)
    #expect(try branch.attributes(of: file) == set)
    #expect(set.accessed.seconds == -1 && set.accessed.subsecondNanoseconds == 999_999_995)
    try branch.write(file, at: 0, [1, 2, 3])
    #expect(try branch.attributes(of: file).modified.nanoseconds > 77)
    let cut = try branch.setAttributes(
      of: file, AttributeChanges(byteCount: 2, modified: Timestamp(nanoseconds: 88)))
    #expect(cut.byteCount == 2 && cut.modified.nanoseconds == 88)
    #expect(try branch.attributes(of: file) == cut)
    #expect(try memory.reopened().branch.attributes(of: file) == cut)
    #expect(try branch.read(file) == [1, 2])
  }

  @Test func `extended attributes live and die with their file`() throws {
    let file = try branch.createFile("a", in: .root).file
    let large = (0..<65536).map { UInt8(truncatingIfNeeded: $0 * 7) }
    try branch.setExtendedAttribute("user.large", of: file, to: large)
    try branch.setExtendedAttribute("security.capability", of: file, to: [1])
    try branch.setExtendedAttribute("user.empty", of: file, to: [])
    let names = try branch.extendedAttributeNames(of: file)
    #expect(names == ["security.capability", "user.empty", "user.large"])
    #expect(try branch.extendedAttribute("user.large", of: file) == large)
    #expect(try memory.reopened().branch.extendedAttribute("user.large", of: file) == large)
    let missing = failure { _ = try branch.extendedAttribute("user.none", of: file) }
    #expect(missing?.reason == .noAttribute)
    let exists = failure {
      try branch.setExtendedAttribute("user.large", of: file, to: [], .create)
    }
    #expect(exists?.reason == .exists)
    let none = failure { try branch.setExtendedAttribute("user.none", of: file, to: [], .replace) }
    #expect(none?.reason == .noAttribute)
    let tooLarge = failure {
      try branch.setExtendedAttribute("user.x", of: file, to: large + [0])
    }
    #expect(tooLarge?.reason == .tooLarge)
    try branch.removeExtendedAttribute("user.empty", of: file)
    #expect(try branch.extendedAttributeNames(of: file).count == 2)
    try branch.remove("a", in: .root)
    #expect(failure { _ = try branch.extendedAttributeNames(of: file) }?.kind == .notFound)
    #expect(try memory.core.checkNames() == [])
  }

  @Test func `content has holes, an end and no bytes behind it`() throws {
    let file = try branch.createFile("a", in: .root).file
    try branch.write(file, at: 10_000, [9])
    #expect(try branch.attributes(of: file).byteCount == 10_001)
    #expect(try branch.read(file, at: 9_999) == [0, 9])
    #expect(try branch.read(file, at: 20_000) == [])
    try branch.punchHole(file, 10_000..<50_000)
    #expect(try branch.read(file, at: 10_000) == [0])
    try branch.truncate(file, to: 5)
    #expect(try branch.read(file) == [0, 0, 0, 0, 0])
    let beyond = failure { try branch.write(file, at: .max - 1, [1, 2, 3]) }
    #expect(beyond?.reason == .tooLarge)
    #expect(failure { try branch.write(.root, at: 0, [1]) }?.reason == .isDirectory)
  }

  @Test func `a snapshot refuses every change`() throws {
    let snapshot = MemoryBranch(isSnapshot: true).branch
    #expect(failure { try snapshot.createFile("a", in: .root) }?.reason == .readOnlyTree)
    let write = failure { try snapshot.write(.root, at: 0, [1]) }
    #expect(write?.reason == .readOnlyTree && write?.kind == .denied)
  }
}
