internal import CoppicePlatform
internal import Glibc
internal import Testing

@Suite struct SystemErrorTests {
  private func error(_ code: Int32, call: String = "open") -> SystemError {
    SystemError(call: call, path: "journal/1", code: code)
  }

  @Test func `an error says the call, the path, the system's words and the number`() {
    #expect(error(ENOENT).description == "open journal/1: No such file or directory (errno 2)")
    #expect(
      SystemError(call: "fork", path: "", code: EAGAIN).description
        == "fork: Resource temporarily unavailable (errno 11)")
  }

  @Test func `errors fall into what a caller can do about them`() {
    #expect(error(ENOSPC).isFull && error(EDQUOT).isFull && !error(EIO).isFull)
    #expect(error(ENOENT).isMissing && !error(ENOTDIR).isMissing)
    #expect(error(EEXIST).isExisting)
    #expect(error(EACCES).isDenied && error(EPERM).isDenied && error(EROFS).isDenied)
    #expect(error(EAGAIN, call: "lock").isLocked && !error(EAGAIN).isLocked)
    #expect(error(EOPNOTSUPP).isUnsupported && error(ENOSYS).isUnsupported)
    #expect(error(EMFILE).isOutOfFiles)
  }

  @Test func `a missing directory is not made by opening it`() throws {
    try withTemporaryDirectory { path in
      let missing = path + "/store"
      #expect(throws: SystemError.self) { try DirectoryDisk(path: missing, creating: false) }
      let disk = try DirectoryDisk(path: missing, creating: true)
      _ = try DirectoryDisk(path: missing, creating: true)
      _ = try disk.open("a", .create)
      #expect(try disk.list("") == ["a"])
    }
  }

  @Test func `a shared lock writes nothing`() throws {
    try withTemporaryDirectory { path in
      let disk = try DirectoryDisk(path: path, creating: false)
      #expect(throws: SystemError.self) { _ = try disk.lock(exclusively: false) }
      #expect(try disk.list("").isEmpty)
    }
  }

  @Test func `a disk goes on working when its directory is renamed`() throws {
    try withTemporaryDirectory { path in
      let disk = try DirectoryDisk(path: path + "/old", creating: true)
      try #require(rename(path + "/old", path + "/new") == 0)
      try disk.open("a", .create).sync()
      #expect(try DirectoryDisk(path: path + "/new", creating: false).list("") == ["a"])
    }
  }

  @Test func `the limit of open files is at least what it was`() {
    var limit = rlimit()
    getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
    #expect(DirectoryDisk.raiseOpenFileLimit() >= Int(clamping: limit.rlim_cur))
  }
}
