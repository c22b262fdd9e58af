internal import CLinux
internal import Glibc

/// An open directory of the machine's file system, outside any store: what import reads and export
/// writes.
///
/// Names are single components as bytes, without `/`. No call follows a symbolic link at the last
/// component. All methods may be called from any thread.
public final class HostDirectory: Sendable {
  /// The path it was reached by, as `ByteText` has it, without its middle if it is longer than the
  /// kernel takes.
  public let path: String
  /// Open as long as this object lives.
  public let fileDescriptor: Int32

  /// Opens a directory by path; a symbolic link to one is followed.
  public convenience init(path: String) throws(SystemError) {
    let file = try system("open", path) {
      path.withPath { clinux_openat(AT_FDCWD, $0, O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0) }
    }
    self.init(owning: file, path: path)
  }

  /// Takes over an open descriptor of a directory.
  public init(owning fileDescriptor: Int32, path: String) {
    self.fileDescriptor = fileDescriptor
    self.path = path
  }

  deinit { close(fileDescriptor) }

  /// All names but `.` and `..`, in the order of their bytes.
  public func names() throws(SystemError) -> [[UInt8]] {
    let again = try system("open", path) {
      clinux_openat(fileDescriptor, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0)
    }
    return try DirectoryStream(owning: again, path: path).names()
      .sorted { $0.lexicographicallyPrecedes($1) }
  }

  /// Of the directory itself.
  public func status() throws(SystemError) -> HostStatus {
    var raw = clinux_status()
    try system("stat", path) { clinux_status(fileDescriptor, "", &raw) }
    return try HostStatus(raw, path: path)
  }

  public func status(of name: [UInt8]) throws(SystemError) -> HostStatus {
    var raw = clinux_status()
    try call("stat", name) { clinux_status(fileDescriptor, $0, &raw) }
    return try HostStatus(raw, path: path(of: name))
  }

  public func openDirectory(_ name: [UInt8]) throws(SystemError) -> HostDirectory {
    let flags = O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW
    let file = try call("open", name) { clinux_openat(fileDescriptor, $0, flags, 0) }
    return HostDirectory(owning: file, path: path(of: name))
  }

  /// Opens an existing regular file; never waits for the other end of a pipe.
  public func openFile(_ name: [UInt8], forWriting: Bool = false) throws(SystemError) -> HostFile {
    let flags = (forWriting ? O_RDWR : O_RDONLY) | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK
    let file = try call("open", name) { clinux_openat(fileDescriptor, $0, flags, 0) }
    return HostFile(owning: file, path: path(of: name))
  }

  /// Makes a regular file and opens it for reading and writing. Throws `EEXIST`.
  ///
  /// - Parameter isOwners: whether it is made for the directory's owner, also by root.
  public func makeFile(
    _ name: [UInt8], permissions: UInt32, isOwners: Bool = false
  ) throws(SystemError) -> HostFile {
    try makeFile(name, O_RDWR, permissions: permissions, isOwners: isOwners)
  }

  /// Opens a regular file to write at its end; makes it, for the directory's owner, if it is
  /// missing.
  public func openForAppending(
    _ name: [UInt8], permissions: UInt32
  ) throws(SystemError) -> HostFile {
    let access = O_WRONLY | O_APPEND
    while true {
      do throws(SystemError) {
        let file = try call("open", name) {
          clinux_openat(fileDescriptor, $0, access | O_CLOEXEC | O_NOFOLLOW, 0)
        }
        return HostFile(owning: file, path: path(of: name))
      } catch {
        guard error.isMissing else { throw error }
      }
      do throws(SystemError) {
        return try makeFile(name, access, permissions: permissions, isOwners: true)
      } catch {
        // Somebody made it in between, and may not have meant to give it away.
        guard error.isExisting else { throw error }
      }
    }
  }

  private func makeFile(
    _ name: [UInt8], _ access: Int32, permissions: UInt32, isOwners: Bool
  ) throws(SystemError) -> HostFile {
    let flags = access | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW
    let file = HostFile(
      owning: try call("open", name) { clinux_openat(fileDescriptor, $0, flags, permissions) },
      path: path(of: name))
    if isOwners, let owner = FileOwner(besidesRootOf: fileDescriptor) {
      try owner.take(file.fileDescriptor, file.path)
    }
    return file
  }

  /// Gives what root made here, in another user's directory, to that user.
  public func giveToOwner(_ name: [UInt8]) throws(SystemError) {
    guard let owner = FileOwner(besidesRootOf: fileDescriptor) else { return }
    _ = try call("chown", name) { owner.take($0, in: fileDescriptor) }
  }

  public func makeDirectory(_ name: [UInt8], permissions: UInt32) throws(SystemError) {
    try call("mkdir", name) { mkdirat(fileDescriptor, $0, permissions) }
  }

  /// Makes a pipe, socket or device.
  public func makeSpecial(
    _ name: [UInt8], _ kind: HostFileKind, permissions: UInt32, device: HostDevice
  ) throws(SystemError) {
    try call("mknod", name) {
      mknodat(fileDescriptor, $0, kind.modeBits | permissions, dev_t(device.packed))
    }
  }

  public func makeSymbolicLink(_ name: [UInt8], to target: [UInt8]) throws(SystemError) {
    try call("symlink", target) { target throws(SystemError) in
      try call("symlink", name) { symlinkat(target, fileDescriptor, $0) }
    }
  }

  /// Gives the file `source` of another directory (or this one) a further name here.
  public func makeHardLink(_ name: [UInt8], to source: [UInt8], in directory: HostDirectory)
    throws(SystemError)
  {
    try call("link", source) { source throws(SystemError) in
      try call("link", name) { linkat(directory.fileDescriptor, source, fileDescriptor, $0, 0) }
    }
  }

  /// The target of a symbolic link.
  public func readSymbolicLink(_ name: [UInt8]) throws(SystemError) -> [UInt8] {
    var target = [CChar](repeating: 0, count: Int(PATH_MAX))
    let count = try call("readlink", name) { name in
      readlinkat(fileDescriptor, name, &target, target.count)
    }
    return target[..<count].map(UInt8.init(bitPattern:))
  }

  public func remove(_ name: [UInt8]) throws(SystemError) {
    try call("unlink", name) { unlinkat(fileDescriptor, $0, 0) }
  }

  /// Removes an empty directory.
  public func removeDirectory(_ name: [UInt8]) throws(SystemError) {
    try call("rmdir", name) { unlinkat(fileDescriptor, $0, AT_REMOVEDIR) }
  }

  /// Renames within the directory. - Throws: with `exclusively`, `EEXIST` when the target exists.
  public func rename(_ source: [UInt8], to target: [UInt8], exclusively: Bool = false)
    throws(SystemError)
  {
    let here = fileDescriptor
    try call("rename", source) { source throws(SystemError) in
      try call("rename", target) {
        exclusively
          ? clinux_rename_exclusively(here, source, here, $0) : renameat(here, source, here, $0)
      }
    }
  }

  /// Makes creations, renamings and removals in the directory durable.
  public func sync() throws(SystemError) {
    try system("fsync", path) { fsync(fileDescriptor) }
  }

  /// The directory above; `path` is what messages call it.
  func openParent(path: String) throws(SystemError) -> HostDirectory {
    let flags = O_RDONLY | O_DIRECTORY | O_CLOEXEC
    let file = try system("open", path) { clinux_openat(fileDescriptor, "..", flags, 0) }
    return HostDirectory(owning: file, path: path)
  }

  func path(of name: [UInt8]) -> String {
    HostPath.shortened(path + "/" + ByteText.text(name))
  }

  /// Runs a call on a name until no signal interrupts it.
  @discardableResult
  func call<Result: SignedInteger>(
    _ call: String, _ name: [UInt8], _ body: (UnsafePointer<CChar>) throws(SystemError) -> Result
  ) throws(SystemError) -> Result {
    guard !name.contains(0) else {
      throw SystemError(call: call, path: path(of: name), code: EINVAL)
    }
    let component = name
    let terminated = name + [0]
    return try terminated.withUnsafeBufferPointer { bytes throws(SystemError) in
      guard let start = bytes.baseAddress else { preconditionFailure("an array without bytes") }
      return try start.withMemoryRebound(to: CChar.self, capacity: bytes.count) {
        name throws(SystemError) in
        while true {
          let result = try body(name)
          if result != -1 { return result }
          if errno != EINTR {
            let code = errno
            throw SystemError(call: call, path: path(of: component), code: code)
          }
        }
      }
    }
  }
}
