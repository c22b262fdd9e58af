import Coppice
import Glibc
import TestSupport
import Testing

/// Branches and snapshots as directories, while other doors change them.
@Suite(.enabled(if: MountRequirement.isMet, MountRequirement.comment), .serialized)
struct BranchDirectoryTests {
  private func names(_ directory: String) throws -> [String] {
    try Program("ls").check([directory]).text.split(separator: "\n").map(String.init)
  }

  private func read(_ path: String) throws -> String {
    String(decoding: try TemporaryFolder.bytes(of: path), as: UTF8.self)
  }

  private func write(_ text: String, to path: String) throws {
    let file = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o644)
    guard file >= 0, Glibc.write(file, text, text.utf8.count) == text.utf8.count else {
      throw Program.Failure(description: "cannot write \(path): \(FileCalls.errorName(errno))")
    }
    close(file)
  }

  @Test func `a branch is there as soon as it exists and gone as soon as it is deleted`() throws {
    let mounted = try MountedStore()
    try write("base", to: mounted("f"))
    #expect(access("\(mounted.directory)/fork", F_OK) == -1)
    try mounted.tell("create fork main")
    #expect(try read("\(mounted.directory)/fork/f") == "base")
    try write("changed", to: "\(mounted.directory)/fork/f")
    #expect(try read(mounted("f")) == "base")
    try mounted.tell("snapshot fork@before")
    #expect(try names(mounted.directory) == ["fork", "fork@before", "main"])
    try mounted.tell("rename fork renamed")
    #expect(try names(mounted.directory) == ["main", "renamed", "renamed@before"])
    #expect(try read("\(mounted.directory)/renamed/f") == "changed")
    #expect(access("\(mounted.directory)/fork/f", F_OK) == -1)
    try mounted.tell("delete renamed@before")
    try mounted.tell("delete renamed")
    #expect(access("\(mounted.directory)/renamed/f", F_OK) == -1 && errno == ENOENT)
    try mounted.tell("restore renamed")
    #expect(try read("\(mounted.directory)/renamed/f") == "changed")
    try mounted.stop()
  }

  @Test func `a snapshot cannot be changed`() throws {
    let mounted = try MountedStore()
    try write("kept", to: mounted("f"))
    try mounted.tell("snapshot main@s")
    try write("changed", to: mounted("f"))
    let snapshot = FileCalls("\(mounted.directory)/main@s")
    snapshot.content("f")
    _ = snapshot.open("f", O_WRONLY)
    _ = snapshot.open("f", O_RDONLY | O_TRUNC)
    snapshot.make("new")
    snapshot.mkdir("d")
    snapshot.unlink("f")
    snapshot.rename("f", "g")
    snapshot.chmod("f", 0o600)
    snapshot.truncate("f", 0)
    snapshot.setAttribute("f", "user.x", "y")
    let failures = snapshot.outcomes.dropFirst()
    #expect(snapshot.outcomes.first == "content f: kept")
    #expect(failures.allSatisfy { $0.hasSuffix("EROFS") }, "\(failures)")
    try mounted.stop()
  }

  @Test func `the top is changed by commands only, and the log says by which`() throws {
    let mounted = try MountedStore()
    try mounted.tell("create other main")
    let top = FileCalls(mounted.directory)
    top.mkdir("new")
    top.rmdir("main")
    top.rename("main", "third")
    top.make("file")
    top.chmod(".", 0o700)
    #expect(top.outcomes.allSatisfy { $0.hasSuffix("EPERM") }, "\(top.outcomes)")
    try mounted.tell("sync main")
    #expect(mounted.log.contains { $0.contains("`coppice branch create new`") })
    #expect(mounted.log.contains { $0.contains("`coppice branch delete main`") })
    #expect(mounted.log.contains { $0.contains("`coppice branch rename main third`") })

    top.make("main/f", "x")
    let across = FileCalls(mounted.directory)
    across.rename("main/f", "other/f")
    across.link("main/f", "other/f")
    across.rename("main/f", "f")
    #expect(across.outcomes.allSatisfy { $0.hasSuffix("EXDEV") }, "\(across.outcomes)")
    try mounted.stop()
  }

  @Test func `a reset branch shows its new state, and open files of the old one are stale`() throws
  {
    let mounted = try MountedStore()
    try write("first", to: mounted("f"))
    try mounted.tell("create old main")
    try write("second", to: mounted("f"))
    let file = open(mounted("f"), O_RDWR | O_CLOEXEC)
    #expect(try mounted.ask("reset main old").hasPrefix("error inUse"))
    #expect(try mounted.ask("delete main").hasPrefix("error inUse"))
    var byte: UInt8 = 0
    // The kernel has it in memory.
    #expect(pread(file, &byte, 1, 0) == 1)
    try mounted.tell("reset! main old")
    #expect(pread(file, &byte, 1, 0) == -1 && errno == ESTALE)
    #expect(try read(mounted("f")) == "first")
    #expect(pwrite(file, &byte, 1, 0) == -1 && errno == ESTALE)
    close(file)
    try write("third", to: mounted("f"))
    #expect(try read(mounted("f")) == "third")
    #expect(try read("\(mounted.directory)/old/f") == "first")
    try mounted.stop()
  }

  @Test func `what other doors change is seen at once`() throws {
    let mounted = try MountedStore()
    #expect(access(mounted("f"), F_OK) == -1)
    try mounted.tell("put main /f one")
    #expect(try read(mounted("f")) == "one")
    let file = open(mounted("f"), O_RDONLY | O_CLOEXEC)
    try mounted.tell("put main /f longer")
    #expect(try read(mounted("f")) == "longer")
    var buffer = [UInt8](repeating: 0, count: 16)
    #expect(pread(file, &buffer, 16, 0) == 6)
    close(file)
    #expect(try names(mounted.directory + "/main") == ["f"])
    try mounted.tell("remove main /f")
    #expect(access(mounted("f"), F_OK) == -1)
    #expect(try names(mounted.directory + "/main") == [])
    try mounted.stop()
  }

  @Test func `a copy between branches stores no content`() throws {
    let mounted = try MountedStore()
    try Program("dd").check(
      ["if=/dev/urandom", "of=\(mounted("f"))", "bs=8192", "count=1000", "status=none"])
    try mounted.tell("create other")
    try mounted.stop()
    let before = try mounted.withStore { try $0.statistics().uniqueByteCount }
    try mounted.start()
    try Program("cp").check([mounted("f"), "\(mounted.directory)/other/copy"])
    try Program("cmp").check([mounted("f"), "\(mounted.directory)/other/copy"])
    try mounted.stop()
    let after = try mounted.withStore { try $0.statistics().uniqueByteCount }
    #expect(after < before + (64 << 10))
  }

  @Test(arguments: [false, true]) func `a fork has what a memory map holds back`(
    _ usesWritebackCache: Bool
  ) throws {
    let mounted = try MountedStore(usesWritebackCache ? .writeback : .plain)
    try write(String(repeating: "a", count: 8192), to: mounted("f"))
    let file = open(mounted("f"), O_RDWR | O_CLOEXEC)
    let map = mmap(nil, 8192, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0)
    let bytes = try #require(map)
    bytes.storeBytes(of: UInt8(ascii: "b"), as: UInt8.self)
    try mounted.tell("sync main")
    try mounted.tell("create fork main")
    bytes.storeBytes(of: UInt8(ascii: "c"), as: UInt8.self)
    #expect(try read("\(mounted.directory)/fork/f").first == "b")
    #expect(try read(mounted("f")).first == "c")
    munmap(bytes, 8192)
    close(file)
    try mounted.stop()
    try mounted.withStore { store in
      let branch = try store.branch("main")
      #expect(try branch.read(branch.lookup("/f"), byteCount: 1) == [UInt8(ascii: "c")])
    }
  }
}
