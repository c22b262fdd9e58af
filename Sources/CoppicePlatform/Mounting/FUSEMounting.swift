internal import CLinux
internal import Glibc

/// Puts FUSE file systems into the machine's tree and takes them out, as root or by `fusermount3`.
public enum FUSEMounting {
  /// Whether this process may mount by itself.
  public static var isPrivileged: Bool { geteuid() == 0 }

  /// Mounts on a directory and returns the server's end.
  /// - Parameters:
  ///   - source: what lists of mounts show as the device.
  ///   - allowsOthers: users besides the one who mounts may use it.
  ///   - readByteCountMax: the largest read.
  /// - Throws: of `open` when there is no device, of `mount` or `fusermount3` when it may not be
  ///   used.
  public static func mount(
    source: String, at directory: String, allowsOthers: Bool, readByteCountMax: Int
  ) throws(SystemError) -> FUSEDevice {
    var options = "default_permissions,max_read=\(readByteCountMax)"
    if allowsOthers { options += ",allow_other" }
    if isPrivileged {
      let device = try FUSEDevice.open()
      options += ",fd=\(device.descriptor),rootmode=40000,user_id=\(HostProcess.user)"
      options += ",group_id=\(HostProcess.group)"
      try system("mount", directory) {
        directory.withPath { clinux_mount_fuse(source, $0, options) }
      }
      return device
    }
    options += ",fsname=\(source),subtype=coppice,nosuid,nodev"
    let descriptor = try system("fusermount3", directory) {
      directory.withPath { clinux_mount_fuse_by_helper($0, options) }
    }
    return FUSEDevice(owning: descriptor)
  }

  /// Takes the file system out of the tree. Throws `isBusy` while something on it is in use.
  public static func unmount(_ directory: String) throws(SystemError) {
    try system("umount", directory) {
      directory.withPath {
        isPrivileged ? clinux_unmount($0) : clinux_unmount_by_helper($0, 0)
      }
    }
  }

  /// Takes the file system out of the tree whoever uses it; those go on with what they have open.
  public static func detach(_ directory: String) throws(SystemError) {
    try system("umount", directory) {
      directory.withPath {
        isPrivileged ? clinux_detach($0) : clinux_unmount_by_helper($0, 1)
      }
    }
  }

  /// Ends all requests to the server of a file system, also those to come, wherever it is mounted:
  /// in other places and in other mount namespaces too.
  /// - Parameter device: `HostMount.device` of one of its mounts.
  public static func abort(device: HostDevice) throws(SystemError) {
    try system("abort", "fuse connection \(device.minor)") { clinux_abort_fuse(device.minor) }
  }

  /// Detaches the file system and ends all requests to its server, also those to come. Without
  /// privileges it only detaches.
  public static func abort(_ directory: String) throws(SystemError) {
    guard isPrivileged else { return try detach(directory) }
    try system("umount", directory) { directory.withPath { clinux_abort_and_detach($0) } }
  }
}

extension SystemError {
  /// Of the device: the file system is mounted no more.
  public var isUnmounted: Bool { code == ENODEV || isWithoutServer }
  /// Of any call on a mount: its server is gone, or going (`ECANCELED`, of a request by a ring).
  public var isWithoutServer: Bool {
    code == ENOTCONN || code == ECONNABORTED || code == ECANCELED
  }
}

/// Room of a file system of the machine.
public struct HostSpace: Hashable, Sendable {
  public var byteCount: UInt64
  public var freeByteCount: UInt64
  /// What users without privileges may use of it.
  public var availableByteCount: UInt64

  /// Of the file system that holds the path.
  public init(at path: String) throws(SystemError) {
    var space = clinux_space()
    try system("statvfs", path) { path.withPath { clinux_read_space($0, &space) } }
    byteCount = space.byte_count
    freeByteCount = space.free_byte_count
    availableByteCount = space.available_byte_count
  }
}
