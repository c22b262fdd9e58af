internal import CLinux
internal import Glibc

/// A disk over one directory of the machine's file system.
///
/// All names are resolved from a descriptor of the directory: the disk works however long the path
/// to it is, and goes on working when the directory is renamed. What it makes is for the
/// directory's user alone, whatever the process's mask for new files says, also where root makes
/// it.
public final class DirectoryDisk: Disk {
  /// The path the disk was opened with, for messages.
  public let path: String
  /// The directory, open as long as this object lives: for calls that need it, such as binding a
  /// socket inside.
  public let fileDescriptor: Int32
  /// Whose directory it is, where root uses it for another user.
  private let owner: FileOwner?

  /// Opens a directory.
  ///
  /// - Parameter creating: makes the directory (not those above it) when it is missing, durably and
  ///   for this user alone; one that is there keeps its mode.
  /// - Throws: `ENOENT` when it is missing, `ENOTDIR` when it is something else.
  public init(path: String, creating: Bool) throws(SystemError) {
    if creating { try Self.makeTop(path) }
    self.path = path
    fileDescriptor = try system("open", path) {
      path.withPath { clinux_openat(AT_FDCWD, $0, O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0) }
    }
    owner = FileOwner(besidesRootOf: fileDescriptor)
  }

  deinit { close(fileDescriptor) }

  private static let directoryMode: mode_t = 0o700
  private static let fileMode: mode_t = 0o600

  private static func makeTop(_ path: String) throws(SystemError) {
    guard path.withPath({ mkdir($0, directoryMode) }) == 0 else {
      if errno == EEXIST { return }
      throw SystemError(lastOf: "mkdir", path)
    }
    try system("chmod", path) { path.withPath { chmod($0, directoryMode) } }
    let child = try system("open", path) {
      path.withPath { clinux_openat(AT_FDCWD, $0, O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0) }
    }
    defer { close(child) }
    let parent = try system("open", path) {
      clinux_openat(child, "..", O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0)
    }
    defer { close(parent) }
    try system("fsync", path) { fsync(parent) }
  }

  /// Takes the directory from all users but its own. Throws `EPERM` when it is not this user's.
  public func makePrivate() throws(SystemError) {
    try system("chmod", path) { fchmod(fileDescriptor, Self.directoryMode) }
  }

  public func open(_ name: String, _ mode: DiskOpenMode) throws(SystemError) -> any DiskFile {
    let flags: Int32 =
      switch mode {
      case .read: O_RDONLY
      case .write, .writeDirect: O_RDWR
      case .create, .createDirect: O_RDWR | O_CREAT | O_EXCL
      }
    var isDirect = mode == .writeDirect || mode == .createDirect
    var file = openFile(name, flags | (isDirect ? clinux_o_direct() : 0))
    // Some file systems without direct access create the file before they refuse.
    if file < 0, isDirect, errno == EINVAL {
      isDirect = false
      file = openFile(name, flags & ~O_EXCL)
    }
    guard file >= 0 else { throw SystemError(lastOf: "open", name) }
    let opened = DirectoryDiskFile(name: name, fileDescriptor: file, isDirect: isDirect)
    if flags & O_CREAT != 0 { try giveAway(file, name) }
    return opened
  }

  /// Gives a new file to the directory's owner, with the rights that the process's mask took.
  private func giveAway(_ file: Int32, _ name: String) throws(SystemError) {
    if let owner { try owner.take(file, name) }
    try system("chmod", name) { fchmod(file, Self.fileMode) }
  }

  private func openFile(_ name: String, _ flags: Int32) -> Int32 {
    while true {
      let file = clinux_openat(fileDescriptor, name, flags | O_CLOEXEC | O_NOFOLLOW, Self.fileMode)
      if file >= 0 || errno != EINTR { return file }
    }
  }

  public func list(_ directory: String) throws(SystemError) -> [String] {
    let flags = O_RDONLY | O_DIRECTORY | O_CLOEXEC
    let file = clinux_openat(fileDescriptor, directory.isEmpty ? "." : directory, flags, 0)
    if file < 0, errno == ENOENT { return [] }
    guard file >= 0 else { throw SystemError(lastOf: "open", directory) }
    return try DirectoryStream(owning: file, path: directory).names()
      .map { String(decoding: $0, as: UTF8.self) }
      .sorted()
  }

  public func makeDirectory(_ name: String) throws(SystemError) {
    try system("mkdir", name) { mkdirat(fileDescriptor, name, Self.directoryMode) }
    let made = try system("open", name) {
      clinux_openat(fileDescriptor, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW, 0)
    }
    defer { close(made) }
    if let owner { try owner.take(made, name) }
    try system("chmod", name) { fchmod(made, Self.directoryMode) }
  }

  public func rename(_ source: String, to target: String) throws(SystemError) {
    try system("rename", source) { renameat(fileDescriptor, source, fileDescriptor, target) }
  }

  public func remove(_ name: String) throws(SystemError) {
    try system("unlink", name) { unlinkat(fileDescriptor, name, 0) }
  }

  public func syncDirectory(_ name: String) throws(SystemError) {
    if name.isEmpty {
      try system("fsync", path) { fsync(fileDescriptor) }
      return
    }
    let file = try system("open", name) {
      clinux_openat(fileDescriptor, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0)
    }
    defer { close(file) }
    try system("fsync", name) { fsync(file) }
  }

  public func freeByteCount() throws(SystemError) -> UInt64 {
    var status = statvfs()
    try system("fstatvfs", path) { fstatvfs(fileDescriptor, &status) }
    return UInt64(status.f_bavail) * UInt64(status.f_frsize)
  }

  public func allocatedByteCount() throws(SystemError) -> UInt64 {
    let top = try system("open", path) {
      clinux_openat(fileDescriptor, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0)
    }
    return try HostDirectory(owning: top, path: path).allocatedByteCount()
  }

  private static let lockAttemptCount = 50
  private static let lockPauseMicroseconds: UInt32 = 10_000

  /// Locks the file `lock` with an open-file-description lock. An exclusive lock makes the file; a
  /// shared one writes nothing and throws `ENOENT` when there is none.
  ///
  /// Waits up to half a second for a lock that is taken: a child has its parent's descriptors, and
  /// so its locks, from its start until it runs a program, also when the parent gives them up
  /// meanwhile.
  public func lock(exclusively: Bool) throws(SystemError) -> any DiskLock {
    let file = openFile("lock", exclusively ? O_RDWR : O_RDONLY)
    if file < 0, errno == ENOENT, exclusively { return try makeLock() }
    guard file >= 0 else { throw SystemError(lastOf: "open", "lock") }
    let lock = DirectoryDiskLock(fileDescriptor: file)
    for _ in 0..<Self.lockAttemptCount {
      if clinux_lock(file, exclusively ? 1 : 0) == 0 { return lock }
      guard errno == EAGAIN || errno == EACCES else { break }
      usleep(Self.lockPauseMicroseconds)
    }
    try system("lock", path) { clinux_lock(file, exclusively ? 1 : 0) }
    return lock
  }

  private func makeLock() throws(SystemError) -> any DiskLock {
    let file = openFile("lock", O_RDWR | O_CREAT | O_EXCL)
    if file >= 0 {
      defer { close(file) }
      try giveAway(file, "lock")
    } else if errno != EEXIST {
      throw SystemError(lastOf: "open", "lock")
    }
    return try lock(exclusively: true)
  }

  /// Lets this process open as many files as the machine allows it; returns that number.
  @discardableResult
  public static func raiseOpenFileLimit() -> Int { Int(clamping: clinux_raise_open_file_limit()) }
}

private final class DirectoryDiskLock: DiskLock {
  let fileDescriptor: Int32
  init(fileDescriptor: Int32) { self.fileDescriptor = fileDescriptor }
  deinit { close(fileDescriptor) }
}
