internal import CLinux
internal import Glibc

/// Opens what others name, for locating only, without being led elsewhere: no symbolic link is
/// followed anywhere on the way.
public enum StrictPath {
  /// From the machine's top.
  public static func open(_ path: String, isDirectory: Bool) throws(SystemError) -> HostFile {
    try open(AT_FDCWD, path, named: path, isDirectory: isDirectory, isBeneath: false)
  }

  /// Below an open directory, and on its file system.
  public static func open(
    _ path: String, beneath directory: HostFile, isDirectory: Bool
  ) throws(SystemError) -> HostFile {
    try open(
      directory.fileDescriptor, path, named: "\(directory.path)/\(path)",
      isDirectory: isDirectory, isBeneath: true)
  }

  private static func open(
    _ directory: Int32, _ path: String, named name: String, isDirectory: Bool, isBeneath: Bool
  ) throws(SystemError) -> HostFile {
    let flags = clinux_o_path() | (isDirectory ? O_DIRECTORY : 0)
    let file = try system("open", name) {
      path.withPath { clinux_open_strictly(directory, $0, flags, isBeneath ? 1 : 0) }
    }
    return HostFile(owning: file, path: name)
  }
}

extension SystemError {
  /// Of `StrictPath`: there is a symbolic link, or another file system, on the way.
  public var isDetour: Bool { code == ELOOP || code == EXDEV }
}

extension HostFile {
  /// Gives what is open, also for locating only, to a user.
  public func give(toUser user: UInt32, group: UInt32) throws(SystemError) {
    try system("chown", path) {
      fchownat(fileDescriptor, "", user, group, clinux_at_empty_path())
    }
  }
}
