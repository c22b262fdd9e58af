internal import CLinux
internal import Glibc

/// Owner, permissions, times and extended attributes of an open file: whatever became of its name.
extension HostFile {
  public func setOwner(user: UInt32, group: UInt32) throws(SystemError) {
    try system("fchown", path) { fchown(fileDescriptor, user, group) }
  }

  /// Sets the lower twelve bits of the mode.
  public func setPermissions(_ permissions: UInt32) throws(SystemError) {
    try system("fchmod", path) { fchmod(fileDescriptor, permissions) }
  }

  /// Nanoseconds since 1970-01-01 UTC.
  public func setTimes(accessed: Int64, modified: Int64) throws(SystemError) {
    try system("utimensat", path) { clinux_set_times(fileDescriptor, "", accessed, modified) }
  }

  public func setAttribute(_ attribute: [UInt8], to value: [UInt8]) throws(SystemError) {
    guard !attribute.contains(0) else {
      throw SystemError(call: "fsetxattr", path: path, code: EINVAL)
    }
    let key = attribute.map { CChar(bitPattern: $0) } + [0]
    try system("fsetxattr", path) {
      value.withUnsafeBytes { clinux_fsetxattr(fileDescriptor, key, $0.baseAddress, $0.count) }
    }
  }
}
