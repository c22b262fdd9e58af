internal import CLinux
internal import Glibc

/// The machine's setting by which the kernel offers rings to new mounts (Linux 6.14; off by
/// default). A mount that has rings keeps them whatever becomes of the setting.
public enum RingSetting {
  private static let path = "/sys/module/fuse/parameters/enable_uring"

  /// Whether this process may turn the setting on: there is one, and it is root's.
  public static var isThere: Bool { access(path, W_OK) == 0 }

  /// Runs `body`, which mounts, with the setting on, and puts it back. Processes that do the same
  /// at once wait for each other.
  public static func turningOn<Result, Failure>(
    _ body: () throws(Failure) -> Result
  ) throws(Failure) -> Result where Failure: Error {
    let descriptor = open(path, O_RDWR | O_CLOEXEC)
    guard descriptor >= 0 else { return try body() }
    // Closing also unlocks it.
    defer { close(descriptor) }
    while flock(descriptor, LOCK_EX) != 0, errno == EINTR {}
    var before: UInt8 = 0
    guard pread(descriptor, &before, 1, 0) == 1, before != UInt8(ascii: "Y") else {
      return try body()
    }
    var isOn = UInt8(ascii: "Y")
    guard pwrite(descriptor, &isOn, 1, 0) == 1 else { return try body() }
    defer { _ = pwrite(descriptor, &before, 1, 0) }
    return try body()
  }
}
