import CoppicePlatform
import Glibc
import TestSupport
import Testing

/// Root at work in another user's directory.
@Suite(.enabled(if: geteuid() == 0)) struct FileOwnerTests {
  private static let user: uid_t = 65_534

  private func owner(_ path: String) -> uid_t? {
    var status = stat()
    return lstat(path, &status) == 0 ? status.st_uid : nil
  }

  @Test func `what root makes is the directory's owner's`() throws {
    let folder = try TemporaryFolder()
    #expect(chown(folder.path, Self.user, Self.user) == 0)
    let disk = try DirectoryDisk(path: folder.path, creating: false)
    try disk.makeDirectory("inner")
    _ = try disk.open("inner/file", .create)
    _ = try disk.open("direct", .createDirect)
    _ = try disk.lock(exclusively: true)
    let directory = try HostDirectory(path: folder.path)
    _ = try directory.openForAppending(Array("log".utf8), permissions: 0o600)
    _ = try directory.makeFile(Array("own".utf8), permissions: 0o600, isOwners: true)
    _ = try directory.makeFile(Array("other".utf8), permissions: 0o600)
    for name in ["inner", "inner/file", "direct", "lock", "log", "own"] {
      #expect(owner(folder(name)) == Self.user, "\(name)")
    }
    #expect(owner(folder("other")) == 0)
    var status = stat()
    #expect(stat(folder("inner/file"), &status) == 0 && status.st_mode & 0o777 == 0o600)
    #expect(stat(folder("inner"), &status) == 0 && status.st_mode & 0o777 == 0o700)
  }

  @Test func `what is there already keeps its owner`() throws {
    let folder = try TemporaryFolder()
    let directory = try HostDirectory(path: folder.path)
    let name = Array("log".utf8)
    _ = try directory.makeFile(name, permissions: 0o600)
    #expect(chown(folder.path, Self.user, Self.user) == 0)
    _ = try directory.openForAppending(name, permissions: 0o600)
    #expect(owner(folder("log")) == 0)
  }
}
