internal import CLinux
internal import Glibc

extension HostFile {
  /// Opens whatever lies at the path for reading; symbolic links are followed, a pipe without a
  /// writer is waited for.
  public convenience init(reading path: String) throws(SystemError) {
    let file = try system("open", path) { clinux_openat(AT_FDCWD, path, O_RDONLY | O_CLOEXEC, 0) }
    self.init(owning: file, path: path)
  }

  /// A further descriptor of an open file or stream, so that closing this one leaves that open.
  public convenience init(duplicating fileDescriptor: Int32) throws(SystemError) {
    let path = "/dev/fd/\(fileDescriptor)"
    let file = try system("dup", path) { fcntl(fileDescriptor, F_DUPFD_CLOEXEC, 3) }
    self.init(owning: file, path: path)
  }
}
