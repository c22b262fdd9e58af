internal import Glibc

/// The owner of a directory in which root works for another user: what root makes there is that
/// user's, who could not go on with it else.
struct FileOwner: Sendable {
  private let user: uid_t
  private let group: gid_t

  /// `nil` unless this process is root's and the directory is not.
  init?(besidesRootOf directory: Int32) {
    var status = stat()
    guard geteuid() == 0, fstat(directory, &status) == 0, status.st_uid != 0 else { return nil }
    user = status.st_uid
    group = status.st_gid
  }

  /// Of what a name in the directory is; symbolic links are not followed.
  func take(_ name: UnsafePointer<CChar>, in directory: Int32) -> Int32 {
    fchownat(directory, name, user, group, AT_SYMLINK_NOFOLLOW)
  }

  func take(_ file: Int32, _ name: String) throws(SystemError) {
    try system("chown", name) { fchown(file, user, group) }
  }
}
