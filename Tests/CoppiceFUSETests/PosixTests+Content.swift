import CFileCalls
import Glibc
import TestSupport

extension PosixCases {
  static let content: [PosixTests.Case] = [
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

  static let attributes: [PosixTests.Case] = [
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
