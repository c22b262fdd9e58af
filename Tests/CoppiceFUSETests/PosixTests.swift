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
}
