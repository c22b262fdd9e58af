import CFileCalls
import Glibc
import TestSupport
import Testing

/// The same calls on a mount and on the machine's own file system, which is the oracle.
@Suite(.enabled(if: MountRequirement.isMet, MountRequirement.comment), .serialized)
struct PosixTests {
  struct Case: Sendable, CustomTestStringConvertible {
    let name: String
    let body: @Sendable (FileCalls) -> Void
    var testDescription: String { name }

    init(_ name: String, _ body: @escaping @Sendable (FileCalls) -> Void) {
      self.name = name
      self.body = body
    }
  }

  @Test(arguments: PosixCases.all, MountMode.all.filter { $0 != .writeback })
  func `the mount answers as the machine's file system does`(
    _ item: Case, _ mode: MountMode
  ) throws {
    let mounted = try MountedStore(mode)
    let oracle = try TemporaryFolder()
    let expected = FileCalls(oracle.path)
    item.body(expected)
    let found = FileCalls(mounted("case"))
    mkdir(found.root, 0o700)
    item.body(found)
    #expect(found.outcomes == expected.outcomes)
    #expect(!found.outcomes.isEmpty)
    try mounted.stop()
  }
}

enum PosixCases {
  static let all = names + links + content + attributes

  private static let long255 = String(repeating: "n", count: 255)
  private static let long256 = String(repeating: "n", count: 256)

  private static let names: [PosixTests.Case] = [
    .init("directories") { fs in
      fs.mkdir("a")
      fs.mkdir("a")
      fs.mkdir("a/b/c")
      fs.mkdir("a/b")
      fs.make("a/f", "x")
      fs.mkdir("a/f/g")
      fs.rmdir("a")
      fs.rmdir("a/f")
      fs.rmdir("missing")
      fs.status("a")
      fs.list("a")
      fs.list("a/f")
      fs.unlink("a/b")
      fs.rmdir("a/b")
      fs.unlink("a/f")
      fs.rmdir("a")
      fs.list(".")
      fs.mkdir("sticky", 0o1777)
      fs.status("sticky")
    },
    .init("long and odd names") { fs in
      fs.make(long255, "x")
      fs.make(long256)
      fs.mkdir(long256)
      fs.status(long255)
      fs.make("line\nbreak")
      fs.make("blank at end ")
      fs.make("üñî")
      fs.make("-dash")
      fs.list(".")
      fs.rename(long255, long256)
      fs.link(long255, long256)
      fs.symlink("t", long256)
      fs.unlink(long256)
    },
    .init("opening") { fs in
      _ = fs.open("missing", O_RDONLY)
      let file = fs.open("f", O_RDWR | O_CREAT | O_EXCL)
      fs.write(file, "hello")
      fs.close(file)
      _ = fs.open("f", O_RDWR | O_CREAT | O_EXCL)
      let cut = fs.open("f", O_RDWR | O_TRUNC)
      fs.status("f")
      fs.close(cut)
      fs.mkdir("d")
      _ = fs.open("d", O_RDWR)
      _ = fs.open("f", O_RDONLY | O_DIRECTORY)
      _ = fs.open("f/x", O_RDONLY)
      fs.symlink("f", "l")
      _ = fs.open("l", O_RDONLY | O_NOFOLLOW)
      fs.symlink("loop", "loop")
      _ = fs.open("loop", O_RDONLY)
      fs.status("loop/x")
    },
    .init("renaming") { fs in
      fs.make("a", "a")
      fs.make("b", "bb")
      fs.rename("a", "b")
      fs.content("b")
      fs.status("a")
      fs.rename("missing", "x")
      fs.rename("b", "b")
      fs.mkdir("d")
      fs.mkdir("d/e")
      fs.mkdir("empty")
      fs.rename("d", "d/e/f")
      fs.rename("b", "d")
      fs.rename("d", "b")
      fs.rename("empty", "d")
      fs.rename("d", "empty")
      fs.list(".")
      fs.list("empty")
      fs.link("b", "c")
      fs.rename("b", "c")
      fs.list(".")
      fs.rename("b", "empty/e/b")
      fs.list("empty/e")
      fs.status("empty")
    },
    .init("renaming without replacing, and exchanging") { fs in
      fs.make("a", "first")
      fs.make("b", "second")
      fs.rename("a", "b", 1)
      fs.rename("a", "c", 1)
      fs.list(".")
      fs.rename("c", "b", 2)
      fs.content("b")
      fs.content("c")
      fs.rename("c", "missing", 2)
      fs.mkdir("d")
      fs.make("d/in", "in")
      fs.rename("d", "b", 2)
      fs.list("b")
      fs.content("d")
      fs.status(".")
      fs.rename("b", "b/x", 2)
      fs.rename("c", "d", 3)
    },
    .init("removing what is open") { fs in
      let file = fs.open("f", O_RDWR | O_CREAT)
      fs.write(file, "still here")
      fs.unlink("f")
      fs.status("f")
      fs.pread(file, 20, 0)
      fs.pwrite(file, "and written", 5)
      fs.pread(file, 20, 0)
      var status = stat()
      fs.call("fstat", fstat(file, &status))
      fs.value("links", status.st_nlink)
      fs.call("ftruncate", ftruncate(file, 3))
      fs.call("fsync", fsync(file))
      fs.make("f", "another")
      fs.pread(file, 20, 0)
      fs.close(file)
      fs.content("f")
      let other = fs.open("g", O_RDWR | O_CREAT)
      fs.write(other, "replaced")
      fs.rename("f", "g")
      fs.pread(other, 20, 0)
      fs.close(other)
      fs.content("g")
    },
    .init("what is open and has no name") { fs in
      fs.call("mkfifo", mkfifo(fs.path("pipe"), 0o600))
      let pipe = fs.open("pipe", O_RDWR)
      fs.unlink("pipe")
      fs.status(of: pipe, "pipe")
      fs.call("fchmod", fchmod(pipe, 0o640))
      fs.status(of: pipe, "pipe")
      fs.write(pipe, "through")
      fs.mkdir("a")
      let removed = fs.open("a", O_RDONLY)
      fs.rmdir("a")
      fs.status(of: removed, "removed directory")
      fs.call("openat", openat(removed, "x", O_CREAT | O_WRONLY, 0o600))
      fs.mkdir("b")
      fs.mkdir("c")
      let replaced = fs.open("c", O_RDONLY)
      fs.rename("b", "c")
      fs.status(of: replaced, "replaced directory")
      fs.make("f", "content")
      fs.chmod("f", 0o640)
      let file = fs.openPath("f")
      fs.unlink("f")
      fs.status(of: file, "file")
      let again = Glibc.open("/proc/self/fd/\(file)", O_RDONLY | O_CLOEXEC)
      fs.call("reopen", again)
      fs.pread(again, 20, 0)
      fs.symlink("target", "l")
      let link = fs.openPath("l", O_NOFOLLOW)
      fs.unlink("l")
      fs.status(of: link, "link")
      for open in [pipe, removed, replaced, file, again, link] { fs.close(open) }
      fs.list(".")
    },
    .init("many entries") { fs in
      for number in 0..<700 { fs.make("entry \(number)") }
      fs.list(".")
      for number in stride(from: 0, to: 700, by: 3) { fs.unlink("entry \(number)") }
      fs.list(".")
    },
  ]

  private static let links: [PosixTests.Case] = [
    .init("hard links") { fs in
      fs.make("a", "shared")
      fs.link("a", "b")
      fs.status("a")
      fs.link("a", "b")
      fs.mkdir("d")
      fs.link("d", "e")
      fs.link("missing", "m")
      fs.link("a", "d/c")
      fs.unlink("a")
      fs.status("b")
      fs.content("d/c")
      fs.truncate("b", 3)
      fs.content("d/c")
      fs.chmod("b", 0o600)
      fs.status("d/c")
    },
    .init("symbolic links") { fs in
      fs.symlink("a/b", "l")
      fs.readlink("l")
      fs.status("l")
      fs.content("l")
      fs.symlink("x", "l")
      fs.mkdir("a")
      fs.make("a/b", "behind the link")
      fs.content("l")
      fs.readlink("a")
      fs.symlink("", "empty")
      fs.symlink(String(repeating: "t", count: 4000), "far")
      fs.readlink("far")
      fs.symlink(String(repeating: "t", count: 4096), "too far")
      fs.symlink("d1", "d2")
      fs.symlink("d2", "d1")
      fs.content("d1")
      fs.link("l", "hard")
      fs.readlink("hard")
      fs.unlink("l")
      fs.readlink("l")
    },
    .init("special files") { fs in
      fs.call("mkfifo", mkfifo(fs.path("pipe"), 0o640))
      fs.call("device", filecalls_make_node(fs.path("device"), S_IFCHR | 0o600, 300, 70000))
      fs.call("device", filecalls_make_node(fs.path("block"), S_IFBLK | 0o600, 7, 3))
      fs.call("socket", filecalls_make_node(fs.path("socket"), S_IFSOCK | 0o600, 0, 0))
      fs.call("plain", filecalls_make_node(fs.path("plain"), S_IFREG | 0o600, 0, 0))
      for name in ["pipe", "device", "block", "socket", "plain"] { fs.status(name) }
      fs.list(".")
    },
  ]

  private static let content: [PosixTests.Case] = [
    .init("reading and writing") { fs in
      let file = fs.open("f", O_RDWR | O_CREAT)
      fs.pread(file, 10, 0)
      fs.pwrite(file, "abc", 0)
      fs.pwrite(file, "xyz", 100_000)
      fs.status("f")
      fs.pread(file, 100, 99_990)
      fs.pread(file, 10, 100_003)
      fs.pread(file, 10, 1 << 40)
      fs.close(file)
      let only = fs.open("f", O_RDONLY)
      fs.pwrite(only, "no", 0)
      fs.call("ftruncate", ftruncate(only, 0))
      fs.close(only)
      fs.content("f")
    },
    .init("appending") { fs in
      let one = fs.open("f", O_WRONLY | O_CREAT | O_APPEND)
      let two = fs.open("f", O_WRONLY | O_APPEND)
      fs.write(one, "1")
      fs.write(two, "22")
      fs.write(one, "333")
      fs.truncate("f", 2)
      fs.write(two, "4444")
      fs.close(one)
      fs.close(two)
      fs.content("f")
    },
    .init("cutting and extending") { fs in
      fs.make("f", String(repeating: "x", count: 20_000))
      fs.truncate("f", 10_001)
      fs.truncate("f", 30_000)
      fs.content("f")
      fs.truncate("f", 0)
      fs.truncate("f", 9000)
      fs.content("f")
      fs.truncate("f", -1)
      fs.mkdir("d")
      fs.truncate("d", 0)
      fs.truncate("missing", 0)
    },
    .init("holes") { fs in
      let file = fs.open("f", O_RDWR | O_CREAT)
      fs.value("no hole", filecalls_seek_hole(file, 0))
      fs.pwrite(file, String(repeating: "d", count: 65_536), 0)
      fs.call("extend", ftruncate(file, 262_144))
      fs.pwrite(file, String(repeating: "e", count: 65_536), 131_072)
      fs.call("fsync", fsync(file))
      for place: Int64 in [0, 65_536, 100_000, 131_072, 196_608, 262_143, 262_144] {
        fs.value("data \(place)", filecalls_seek_data(file, place))
        fs.value("hole \(place)", filecalls_seek_hole(file, place))
      }
      // Punched, zeroed with and without growing, preallocated with and without growing.
      fs.call("punch", filecalls_fallocate(file, 3, 16_384, 32_768))
      fs.call("punch alone", filecalls_fallocate(file, 2, 0, 4096))
      fs.call("punch odd", filecalls_fallocate(file, 3, 1000, 5000))
      fs.call("zero", filecalls_fallocate(file, 0x10, 262_000, 10_000))
      fs.status("f")
      fs.call("zero", filecalls_fallocate(file, 0x11, 270_000, 10_000))
      fs.status("f")
      fs.call("allocate", filecalls_fallocate(file, 0, 0, 300_000))
      fs.call("allocate", filecalls_fallocate(file, 1, 0, 900_000))
      fs.call("nothing", filecalls_fallocate(file, 0, 0, 0))
      fs.call("negative", filecalls_fallocate(file, 0, -1, 10))
      fs.status("f")
      fs.content("f")
      fs.close(file)
    },
    .init("copying ranges") { fs in
      fs.make("a", String(repeating: "0123456789abcdef", count: 8192))
      let source = fs.open("a", O_RDONLY)
      let target = fs.open("b", O_RDWR | O_CREAT)
      fs.value("whole", filecalls_copy_range(source, 0, target, 0, 131_072))
      fs.content("b")
      fs.value("odd", filecalls_copy_range(source, 5, target, 77_777, 40_000))
      fs.value("behind", filecalls_copy_range(source, 131_000, target, 200_000, 5000))
      fs.value("past", filecalls_copy_range(source, 131_072, target, 0, 10))
      fs.content("b")
      fs.status("b")
      let same = fs.open("b", O_RDWR)
      fs.value("same", filecalls_copy_range(same, 0, same, 8192, 8192))
      fs.value("overlap", filecalls_copy_range(same, 0, same, 100, 8192))
      fs.content("b")
      for file in [source, target, same] { fs.close(file) }
    },
    .init("mapping") { fs in
      fs.make("f", String(repeating: "m", count: 20_000))
      let file = fs.open("f", O_RDWR)
      let map = mmap(nil, 20_000, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0)
      guard let map, map != MAP_FAILED else {
        fs.tell("mmap", FileCalls.errorName(errno))
        return
      }
      fs.pwrite(file, "written", 8190)
      fs.tell("seen", "\(map.load(fromByteOffset: 8190, as: UInt8.self))")
      map.storeBytes(of: UInt8(ascii: "M"), toByteOffset: 12_345, as: UInt8.self)
      fs.pread(file, 4, 12_344)
      fs.call("msync", msync(map, 20_000, MS_SYNC))
      fs.call("munmap", munmap(map, 20_000))
      fs.close(file)
      fs.content("f")
    },
    .init("direct reading and writing") { fs in
      fs.make("f", String(repeating: "d", count: 16_384))
      let file = filecalls_open_direct(fs.path("f"), O_RDWR)
      fs.call("open", file)
      let page = UnsafeMutableRawPointer.allocate(byteCount: 8192, alignment: 4096)
      defer { page.deallocate() }
      fs.value("read", pread(file, page, 8192, 8192))
      page.initializeMemory(as: UInt8.self, repeating: UInt8(ascii: "D"), count: 8192)
      fs.value("write", pwrite(file, page, 8192, 4096))
      fs.close(file)
      fs.content("f")
    },
    .init("locks") { fs in
      fs.make("f")
      let one = fs.open("f", O_RDWR)
      let two = fs.open("f", O_RDWR)
      fs.call("lock", filecalls_lock(one, LOCK_EX | LOCK_NB))
      fs.call("lock", filecalls_lock(two, LOCK_EX | LOCK_NB))
      fs.call("unlock", filecalls_lock(one, LOCK_UN))
      fs.call("lock", filecalls_lock(two, LOCK_SH | LOCK_NB))
      fs.close(one)
      fs.close(two)
    },
  ]

  private static let attributes: [PosixTests.Case] = [
    .init("permissions and owners") { fs in
      fs.make("f", "x", 0o640)
      fs.status("f")
      fs.chmod("f", 0o4755)
      fs.chown("f", 1234, 4321)
      fs.status("f")
      fs.chmod("f", 0o6711)
      fs.status("f")
      fs.chown("f", uid_t.max, 99)
      fs.status("f")
      fs.chmod("f", 0o2644)
      fs.chown("f", 5, gid_t.max)
      fs.status("f")
      fs.mkdir("group", 0o755)
      fs.chown("group", 7, 8)
      fs.chmod("group", 0o2775)
      fs.make("group/f")
      fs.mkdir("group/d")
      fs.status("group/f")
      fs.status("group/d")
      fs.symlink("f", "l")
      fs.chown("l", 55, 66)
      fs.status("l")
      fs.status("f")
      fs.chmod("missing", 0o600)
    },
    .init("set-user-ID bits of files that change") { fs in
      for (name, mode): (String, mode_t) in [("a", 0o6755), ("b", 0o2644), ("c", 0o4644)] {
        fs.make(name, "content")
        fs.chmod(name, 0o666 | mode & 0o1)
        fs.chmod(name, mode | 0o022)
        fs.mkdir("as-\(name)", 0o777)
        let child = fork(writing: fs.path(name), cutting: false)
        fs.value("writer", child)
        fs.status(name)
        fs.chmod(name, mode | 0o022)
        fs.value("cutter", fork(writing: fs.path(name), cutting: true))
        fs.status(name)
      }
      // Root may keep them.
      fs.chmod("a", 0o6777)
      let file = fs.open("a", O_WRONLY)
      fs.write(file, "root")
      fs.close(file)
      fs.status("a")
    },
    .init("times") { fs in
      fs.make("f", "x")
      fs.setTimes(
        "f", timespec(tv_sec: 1_000_000_000, tv_nsec: 123_456_789),
        timespec(tv_sec: 1_500_000_000, tv_nsec: 987_654_321))
      fs.times("f")
      fs.setTimes(
        "f", timespec(tv_sec: 0, tv_nsec: (1 << 30) - 2), timespec(tv_sec: -5, tv_nsec: 7))
      fs.times("f")
      let before = fs.changed("f")
      fs.chmod("f", 0o600)
      fs.tell("ctime moved", "\(fs.changed("f") >= before)")
      fs.tell("mtime stays", "\(fs.modified("f") < 0)")
      let file = fs.open("f", O_WRONLY)
      fs.write(file, "y")
      fs.close(file)
      fs.tell("mtime moved", "\(fs.modified("f") > 0)")
      fs.mkdir("d")
      fs.setTimes("d", timespec(tv_sec: 5, tv_nsec: 5), timespec(tv_sec: 6, tv_nsec: 6))
      fs.times("d")
      fs.make("d/new")
      fs.tell("mtime moved", "\(fs.modified("d") > 7_000_000_000)")
      fs.symlink("x", "l")
      fs.setTimes("l", timespec(tv_sec: 8, tv_nsec: 1), timespec(tv_sec: 9, tv_nsec: 2))
      fs.times("l")
    },
    .init("extended attributes") { fs in
      fs.make("f")
      fs.getAttribute("f", "user.a")
      fs.setAttribute("f", "user.a", "value")
      fs.getAttribute("f", "user.a")
      fs.getAttribute("f", "user.a", 0)
      fs.getAttribute("f", "user.a", 3)
      fs.setAttribute("f", "user.a", "v", 1)
      fs.setAttribute("f", "user.a", "longer value", 2)
      fs.setAttribute("f", "user.b", "v", 2)
      fs.setAttribute("f", "user.b", "", 1)
      fs.setAttribute("f", "trusted.t", "t")
      fs.listAttributes("f")
      fs.removeAttribute("f", "user.a")
      fs.removeAttribute("f", "user.a")
      fs.listAttributes("f")
      fs.mkdir("d")
      fs.setAttribute("d", "user.d", String(repeating: "x", count: 2000))
      fs.getAttribute("d", "user.d", 4000)
      fs.setAttribute("f", "user.\(String(repeating: "n", count: 260))", "x")
      fs.setAttribute("missing", "user.x", "x")
    },
  ]

  /// Has another user write to a file, or cut it; returns the exit status.
  private static func fork(writing path: String, cutting: Bool) -> Int32 {
    let words = ["setpriv", "--reuid=12345", "--regid=12345", "--clear-groups"]
    let command =
      cutting ? ["truncate", "-s", "3", path] : ["sh", "-c", "printf changed >> '\(path)'"]
    return (try? Program(words[0]).run(Array(words[1...]) + command).status) ?? -1
  }
}
