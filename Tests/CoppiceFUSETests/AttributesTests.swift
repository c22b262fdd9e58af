import CFileCalls
import Coppice
import Glibc
import TestSupport
import Testing

/// Times, owners and extended attributes on a mount.
@Suite(.enabled(if: MountRequirement.isMet, MountRequirement.comment), .serialized)
struct AttributesTests {
  private static let far = timespec(tv_sec: 2_051_222_400, tv_nsec: 0)

  /// Waits for the clock that the kernel takes change times from, with its writeback cache.
  private func waitForTick() {
    func now() -> timespec {
      var time = timespec()
      clock_gettime(CLOCK_REALTIME_COARSE, &time)
      return time
    }
    let start = now()
    while now().tv_nsec == start.tv_nsec { sched_yield() }
  }

  @Test(arguments: MountMode.all)
  func `content and attributes move the change time, a modification time to come does not`(
    _ mode: MountMode
  ) throws {
    let mounted = try MountedStore(mode)
    let fs = FileCalls(mounted(""))
    fs.make("f", "one")
    fs.setTimes("f", Self.far, Self.far)
    let set = fs.changed("f")
    #expect(fs.modified("f") == 2_051_222_400_000_000_000 && set < fs.modified("f"))
    waitForTick()
    fs.make("f", "two")
    fs.setTimes("f", Self.far, Self.far)
    let written = fs.changed("f")
    #expect(written > set && written < fs.modified("f"))
    waitForTick()
    fs.chmod("f", 0o600)
    let changed = fs.changed("f")
    #expect(changed > written && changed < fs.modified("f"))
    waitForTick()
    fs.rename("f", "g")
    #expect(fs.changed("g") > changed)
    let moved = fs.changed("g")
    waitForTick()
    fs.make("g", "three")
    #expect(fs.changed("g") > moved && fs.changed("g") == fs.modified("g"))
    try mounted.stop()
  }

  @Test func `times beyond what can be kept become the last that can`() throws {
    let mounted = try MountedStore()
    let fs = FileCalls(mounted(""))
    fs.make("f")
    let late = timespec(tv_sec: 13_569_465_600, tv_nsec: 5)
    fs.setTimes("f", late, late)
    var status = stat()
    lstat(mounted("f"), &status)
    #expect(status.st_mtim.tv_sec == 9_223_372_036 && status.st_mtim.tv_nsec == 854_775_807)
    #expect(status.st_atim.tv_sec == 9_223_372_036)
    try mounted.stop()
  }

  @Test func `owners have all numbers there are`() throws {
    let mounted = try MountedStore()
    let path = mounted("f")
    close(open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0o644))
    for number: UInt32 in [65_534, 65_536, 1 << 31, .max - 1] {
      #expect(chown(path, number, number - 1) == 0)
      var status = stat()
      lstat(path, &status)
      #expect(status.st_uid == number && status.st_gid == number - 1)
    }
    try mounted.stop()
  }

  @Test func `as many attributes are taken as can be listed`() throws {
    let mounted = try MountedStore()
    let path = mounted("f")
    close(open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0o644))
    var count = 0
    var name = ""
    repeat {
      name = "user.\(count)-" + String(repeating: "n", count: 240)
      count += 1
    } while filecalls_set_attribute(path, name, "", 0, 0) == 0 && count < 400
    #expect(errno == ENOSPC && count > 200 && count < 300)
    var names = [CChar](repeating: 0, count: 1 << 16)
    let listed = filecalls_list_attributes(path, &names, names.count)
    #expect(listed > 60_000)
    #expect(names[..<Int(listed)].filter { $0 == 0 }.count == count - 1)
    // One that is there takes no more when it changes.
    let first = "user.0-" + String(repeating: "n", count: 240)
    #expect(filecalls_set_attribute(path, first, "value", 5, 0) == 0)
    #expect(filecalls_remove_attribute(path, first) == 0)
    #expect(filecalls_set_attribute(path, name, "", 0, 0) == 0)
    try mounted.stop()
  }

  @Test func `attributes of administrators are listed to these only`() throws {
    let mounted = try MountedStore()
    #expect(chmod(mounted(""), 0o755) == 0)
    let path = mounted("f")
    close(open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0o644))
    for name in ["user.u", "trusted.t"] {
      #expect(filecalls_set_attribute(path, name, "x", 1, 0) == 0)
    }
    let fs = FileCalls(mounted(""))
    fs.listAttributes("f")
    #expect(filecalls_act_as(12_345, 12_345) == 0)
    fs.listAttributes("f")
    #expect(filecalls_act_as_root() == 0)
    #expect(fs.outcomes == ["listxattr f: trusted.t user.u", "listxattr f: user.u"])
    try mounted.stop()
  }

  @Test func `an access control list that was imported can be read and copied`() throws {
    let mounted = try MountedStore()
    try mounted.tell("put main f content")
    // The form of Linux: version 2, user::rw-, group::r--, other::r--.
    let list: [UInt8] =
      [2, 0, 0, 0] + [1, 0, 6, 0, 255, 255, 255, 255] + [4, 0, 4, 0, 255, 255, 255, 255]
      + [32, 0, 4, 0, 255, 255, 255, 255]
    let name = "system.posix_acl_access"
    #expect(filecalls_set_attribute(mounted("f"), name, list, list.count, 0) == -1)
    try mounted.stop()
    try mounted.withStore { store in
      let branch = try store.branch("main")
      try branch.setExtendedAttribute("system.posix_acl_access", of: branch.lookup("f"), to: list)
    }
    try mounted.start()
    var found = [UInt8](repeating: 0, count: 100)
    let count = filecalls_get_attribute(mounted("f"), name, &found, found.count)
    #expect(count == list.count && Array(found.prefix(list.count)) == list)
    try mounted.stop()
  }
}
