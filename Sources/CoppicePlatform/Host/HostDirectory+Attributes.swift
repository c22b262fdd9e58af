internal import CLinux
internal import Glibc

/// Owners, permissions, times and extended attributes of names in a directory. An empty name means
/// the directory itself.
extension HostDirectory {
  public func setOwner(of name: [UInt8], user: UInt32, group: UInt32) throws(SystemError) {
    try call("chown", name) {
      fchownat(fileDescriptor, $0, user, group, AT_SYMLINK_NOFOLLOW | clinux_at_empty_path())
    }
  }

  /// Sets the lower twelve bits of the mode. Throws `EOPNOTSUPP` for a symbolic link.
  public func setPermissions(of name: [UInt8], _ permissions: UInt32) throws(SystemError) {
    if name.isEmpty {
      try system("chmod", path) { fchmod(fileDescriptor, permissions) }
    } else {
      try call("chmod", name) { fchmodat(fileDescriptor, $0, permissions, AT_SYMLINK_NOFOLLOW) }
    }
  }

  /// Nanoseconds since 1970-01-01 UTC.
  public func setTimes(of name: [UInt8], accessed: Int64, modified: Int64) throws(SystemError) {
    try call("utimensat", name) { clinux_set_times(fileDescriptor, $0, accessed, modified) }
  }

  /// Names of all extended attributes the caller may see; none where the file system has none.
  public func attributeNames(of name: [UInt8]) throws(SystemError) -> [[UInt8]] {
    do throws(SystemError) {
      let list = try grown("llistxattr", name) { clinux_llistxattr($0, $1, $2) }
      return list.split(separator: 0).map(Array.init)
    } catch {
      if error.isUnsupported { return [] }
      throw error
    }
  }

  /// Throws `ENODATA` when there is no such attribute.
  public func attribute(_ attribute: [UInt8], of name: [UInt8]) throws(SystemError) -> [UInt8] {
    let key = try terminated(attribute, "lgetxattr")
    return try grown("lgetxattr", name) { clinux_lgetxattr($0, key, $1, $2) }
  }

  public func setAttribute(_ attribute: [UInt8], to value: [UInt8], of name: [UInt8])
    throws(SystemError)
  {
    let key = try terminated(attribute, "lsetxattr")
    try call("lsetxattr", descriptorPath(of: name)) { path in
      value.withUnsafeBytes { clinux_lsetxattr(path, key, $0.baseAddress, $0.count) }
    }
  }

  /// Runs a call that fills a buffer, with one that is large enough. The value may grow meanwhile.
  private func grown(
    _ name: String, _ file: [UInt8],
    _ body: (UnsafePointer<CChar>, UnsafeMutableRawPointer?, Int) -> Int
  ) throws(SystemError) -> [UInt8] {
    let path = descriptorPath(of: file)
    while true {
      let expected = try call(name, path) { body($0, nil, 0) }
      if expected == 0 { return [] }
      var value = [UInt8](repeating: 0, count: expected)
      do throws(SystemError) {
        let count = try call(name, path) { path in
          value.withUnsafeMutableBytes { body(path, $0.baseAddress, $0.count) }
        }
        return Array(value[..<count])
      } catch {
        if error.code != ERANGE { throw error }
      }
    }
  }

  /// Extended attributes have no calls that take a directory's descriptor; its entry in /proc names
  /// the directory without a limit on the path and without races.
  private func descriptorPath(of name: [UInt8]) -> [UInt8] {
    // The dot names the directory; without it the entry in /proc itself would be meant.
    Array("/proc/self/fd/\(fileDescriptor)/".utf8) + (name.isEmpty ? [0x2E] : name)
  }

  private func terminated(_ attribute: [UInt8], _ call: String) throws(SystemError) -> [CChar] {
    guard !attribute.contains(0) else { throw SystemError(call: call, path: path, code: EINVAL) }
    return attribute.map { CChar(bitPattern: $0) } + [0]
  }
}
