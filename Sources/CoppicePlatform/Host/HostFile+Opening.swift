internal import CLinux
internal import Glibc

extension HostFile {
  /// Opens whatever lies at the path for reading; symbolic links are followed, a pipe without a
  /// writer is waited for.
  public convenience init(reading path: String) throws(SystemError) {
    let file = try system("open", path) {
      path.withPath { clinux_openat(AT_FDCWD, $0, O_RDONLY | O_CLOEXEC, 0) }
    }
    self.init(owning: file, path: path)
  }

  /// Opens a pipe or device that is there for writing; a pipe without a reader is waited for.
  public convenience init(writing path: String) throws(SystemError) {
    let file = try system("open", path) {
      path.withPath { clinux_openat(AT_FDCWD, $0, O_WRONLY | O_CLOEXEC, 0) }
    }
    self.init(owning: file, path: path)
  }

  /// Opens whatever lies at the path without its content, and without waiting: to see what it is.
  public convenience init(locating path: String) throws(SystemError) {
    let file = try system("open", path) {
      path.withPath { clinux_openat(AT_FDCWD, $0, clinux_o_path() | O_CLOEXEC, 0) }
    }
    self.init(owning: file, path: path)
  }

  /// Opens the end of a pipe by path. A writing end does not wait for room: see `writeNext`.
  public convenience init(pipe path: String, forWriting: Bool) throws(SystemError) {
    let flags = (forWriting ? O_WRONLY | O_NONBLOCK : O_RDONLY) | O_CLOEXEC
    let file = try system("open", path) {
      path.withPath { clinux_openat(AT_FDCWD, $0, flags, 0) }
    }
    self.init(owning: file, path: path)
  }

  /// A pipe of this process's own, which programs that it starts do not get.
  public static func makePipe() throws(SystemError) -> (reader: HostFile, writer: HostFile) {
    var ends: (Int32, Int32) = (-1, -1)
    try system("pipe", "") {
      withUnsafeMutableBytes(of: &ends) {
        clinux_pipe($0.bindMemory(to: Int32.self).baseAddress)
      }
    }
    return (HostFile(owning: ends.0, path: "pipe"), HostFile(owning: ends.1, path: "pipe"))
  }

  /// A further descriptor of an open file or stream, so that closing this one leaves that open.
  public convenience init(duplicating fileDescriptor: Int32) throws(SystemError) {
    let path = Self.path(ofDescriptor: fileDescriptor)
    let file = try system("dup", path) { fcntl(fileDescriptor, F_DUPFD_CLOEXEC, 3) }
    self.init(owning: file, path: path)
  }

  /// What errors of a descriptor's duplicates name it.
  package static func path(ofDescriptor number: Int32) -> String { "/dev/fd/\(number)" }
}
