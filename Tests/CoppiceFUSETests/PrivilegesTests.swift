import CFileCalls
import Glibc
import TestSupport
import Testing

/// What files lose when someone changes them who may not leave it to them.
@Suite(.enabled(if: MountRequirement.isMet, MountRequirement.comment), .serialized)
struct PrivilegesTests {
  private static let stranger: UInt32 = 12_345
  /// A capability in the form in which Linux keeps it.
  private static let capability: [UInt8] = [1, 0, 0, 2, 0, 0x20] + [UInt8](repeating: 0, count: 14)

  private enum Call: CaseIterable {
    case write, directWrite, truncate, preallocate, preallocateKeepingSize, punch, zero, copy, map

    func perform(_ file: Int32, _ source: Int32, _ path: String) -> Bool {
      let bytes = [UInt8](repeating: 7, count: 4096)
      switch self {
      case .write: return pwrite(file, bytes, 1, 0) == 1
      case .directWrite:
        let direct = filecalls_open_direct(path, O_RDWR)
        defer { close(direct) }
        guard let page = aligned_alloc(4096, 4096) else { return false }
        defer { free(page) }
        memset(page, 1, 4096)
        return pwrite(direct, page, 4096, 0) == 4096
      case .truncate: return ftruncate(file, 100) == 0
      case .preallocate: return filecalls_fallocate(file, 0, 0, 16_384) == 0
      case .preallocateKeepingSize: return filecalls_fallocate(file, 1, 0, 16_384) == 0
      case .punch: return filecalls_fallocate(file, 3, 0, 4096) == 0
      case .zero: return filecalls_fallocate(file, 0x10, 0, 4096) == 0
      case .copy: return filecalls_copy_range(source, 0, file, 0, 8192) == 8192
      case .map:
        guard let map = mmap(nil, 8192, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0),
          map != MAP_FAILED
        else { return false }
        defer { munmap(map, 8192) }
        map.storeBytes(of: 9, as: UInt8.self)
        return msync(map, 8192, MS_SYNC) == 0
      }
    }
  }

  /// A file with this mode and a capability, and what it has after a call by that user.
  private func outcome(
    of call: Call, _ mode: mode_t, as user: UInt32, _ mounted: MountedStore
  ) throws -> String {
    let path = mounted("file")
    let content = [UInt8](repeating: 1, count: 8192)
    for name in [path, mounted("source")] {
      unlink(name)
      let file = open(name, O_WRONLY | O_CREAT | O_CLOEXEC, 0o644)
      #expect(write(file, content, content.count) == content.count)
      close(file)
    }
    #expect(chmod(path, mode) == 0)
    let name = "security.capability"
    #expect(
      filecalls_set_attribute(path, name, Self.capability, Self.capability.count, 0) == 0)
    if user != 0 { #expect(filecalls_act_as(user, user) == 0) }
    let file = open(path, O_RDWR | O_CLOEXEC)
    let source = open(mounted("source"), O_RDONLY | O_CLOEXEC)
    let isDone = call.perform(file, source, path)
    close(source)
    close(file)
    if user != 0 { #expect(filecalls_act_as_root() == 0) }
    #expect(isDone, "\(call) by \(user)")
    let isCapable = filecalls_get_attribute(path, name, nil, 0) > 0
    return String(filecalls_mode(path) & 0o7777, radix: 8) + (isCapable ? " capable" : "")
  }

  @Test(arguments: MountMode.all)
  func `whatever call a stranger changes content by, the bits and capabilities go`(
    _ mode: MountMode
  ) throws {
    let mounted = try MountedStore(mode)
    #expect(chmod(mounted(""), 0o755) == 0)
    for call in Call.allCases {
      #expect(try outcome(of: call, 0o6777, as: Self.stranger, mounted) == "777", "\(call)")
      // A file that its group may not execute: the bit is not for who is in the group.
      #expect(try outcome(of: call, 0o2767, as: Self.stranger, mounted) == "767", "\(call)")
      // Nobody may execute it as long as nobody says so.
      #expect(try outcome(of: call, 0o666, as: Self.stranger, mounted) == "666", "\(call)")
      // Root leaves the bits, but no capability outlives the content that it was given to, unless
      // Linux does not look either.
      let left = call == .map ? "6777 capable" : "6777"
      #expect(try outcome(of: call, 0o6777, as: 0, mounted) == left, "\(call)")
    }
    try mounted.stop()
  }

  @Test(arguments: MountMode.all)
  func `a program that gives a new file its capability before it closes it keeps it`(
    _ mode: MountMode
  ) throws {
    let mounted = try MountedStore(mode)
    let file = open(mounted("file"), O_RDWR | O_CREAT | O_CLOEXEC, 0o755)
    #expect(write(file, "content", 7) == 7)
    let name = "security.capability"
    #expect(
      filecalls_set_attribute(mounted("file"), name, Self.capability, Self.capability.count, 0) == 0
    )
    #expect(fchmod(file, 0o4755) == 0)
    close(file)
    var status = stat()
    lstat(mounted("file"), &status)
    #expect(status.st_mode & 0o7777 == 0o4755)
    #expect(filecalls_get_attribute(mounted("file"), name, nil, 0) > 0)
    try mounted.stop()
  }

  @Test func `a member of the group leaves the set-group-ID bit of a file not for executing`()
    throws
  {
    let mounted = try MountedStore()
    #expect(chmod(mounted(""), 0o755) == 0)
    let path = mounted("file")
    close(open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0o644))
    #expect(chown(path, 0, Self.stranger) == 0 && chmod(path, 0o2766) == 0)
    #expect(filecalls_act_as(Self.stranger, Self.stranger) == 0)
    let file = open(path, O_WRONLY | O_CLOEXEC)
    let written = write(file, "x", 1)
    close(file)
    #expect(filecalls_act_as_root() == 0)
    var status = stat()
    lstat(path, &status)
    #expect(written == 1 && status.st_mode & 0o7777 == 0o2766)
    try mounted.stop()
  }

  @Test func `a file that gets its bits while somebody writes loses them at the next write`() throws
  {
    let mounted = try MountedStore()
    #expect(chmod(mounted(""), 0o755) == 0)
    let path = mounted("file")
    close(open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0o644))
    #expect(chmod(path, 0o777) == 0)
    #expect(filecalls_act_as(Self.stranger, Self.stranger) == 0)
    let file = open(path, O_WRONLY | O_CLOEXEC)
    let first = write(file, "x", 1)
    #expect(filecalls_act_as_root() == 0)
    #expect(chmod(path, 0o4777) == 0)
    #expect(filecalls_act_as(Self.stranger, Self.stranger) == 0)
    let second = write(file, "y", 1)
    #expect(filecalls_act_as_root() == 0)
    close(file)
    var status = stat()
    lstat(path, &status)
    #expect(first == 1 && second == 1 && status.st_mode & 0o7777 == 0o777)
    try mounted.stop()
  }
}
