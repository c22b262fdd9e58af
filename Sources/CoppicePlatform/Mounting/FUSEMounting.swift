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
  /// - Throws: of `open` when there is no device, of `mount` or `fusermount3` when it may not be used.
  public static func mount(
    source: String, at directory: String, allowsOthers: Bool, readByteCountMax: Int
  ) throws(SystemError) -> FUSEDevice {
    var options = "default_permissions,max_read=\(readByteCountMax)"
    if allowsOthers { options += ",allow_other" }
    if isPrivileged {
      let device = try FUSEDevice.open()
      options += ",fd=\(device.descriptor),rootmode=40000,user_id=\(HostProcess.user)"
      options += ",group_id=\(HostProcess.group)"
      try system("mount", directory) { clinux_mount_fuse(source, directory, options) }
      return device
    }
    options += ",fsname=\(source),subtype=coppice,nosuid,nodev"
    let descriptor = try system("fusermount3", directory) {
      clinux_mount_fuse_by_helper(directory, options)
    }
    return FUSEDevice(owning: descriptor)
  }

  /// Takes the file system out of the tree. Throws `isBusy` while something on it is in use.
  public static func unmount(_ directory: String) throws(SystemError) {
    try system("umount", directory) {
      isPrivileged ? clinux_unmount(directory) : clinux_unmount_by_helper(directory, 0)
    }
  }

  /// Takes the file system out of the tree whoever uses it; those go on with what they have open.
  public static func detach(_ directory: String) throws(SystemError) {
    try system("umount", directory) {
      isPrivileged ? clinux_detach(directory) : clinux_unmount_by_helper(directory, 1)
    }
  }

  /// Detaches the file system and ends all requests to its server, also those to come. Without
  /// privileges it only detaches.
  public static func abort(_ directory: String) throws(SystemError) {
    guard isPrivileged else { return try detach(directory) }
    try system("umount", directory) { clinux_abort_and_detach(directory) }
  }
}

extension SystemError {
  /// Of an unmount: something on the file system is in use.
  public var isBusy: Bool { code == EBUSY }
  /// Of an unmount: nothing is mounted there.
  public var isNotMounted: Bool { code == EINVAL }
  /// Of the device: the file system is mounted no more.
  public var isUnmounted: Bool { code == ENODEV || isWithoutServer }
  /// Of any call on a mount: its server is gone, or going (`ECANCELED`, of a request by a ring).
  public var isWithoutServer: Bool {
    code == ENOTCONN || code == ECONNABORTED || code == ECANCELED
  }
}

/// One file system in the machine's tree.
public struct HostMount: Hashable, Sendable {
  /// Where it is mounted.
  public var directory: String
  /// For example `ext4`, or `fuse.coppice`.
  public var kind: String
  /// What is mounted: a device, or what a server calls itself.
  public var source: String

  /// All that this process sees, in the order of mounting.
  public static func all() throws(SystemError) -> [HostMount] {
    let file = try HostDirectory(path: "/proc/self").openFile(Array("mountinfo".utf8))
    let text = AlignedBuffer()
    while true {
      text.reserve(1 << 16)
      let rest = UnsafeMutableRawBufferPointer(
        start: text.bytes + text.byteCount, count: 1 << 16)
      let count = try file.readNext(into: rest)
      if count == 0 { break }
      text.extend(count)
    }
    return String(decoding: text.contents, as: UTF8.self).split(separator: "\n")
      .compactMap { HostMount(line: $0) }
  }

  /// A line as proc(5) describes it: `36 35 98:0 /root /place options ... - kind source options`.
  init?(line: Substring) {
    let fields = line.split(separator: " ")
    guard fields.count > 9, let separator = fields.firstIndex(of: "-"),
      separator + 2 < fields.count
    else { return nil }
    directory = Self.unescaped(fields[4])
    kind = String(fields[separator + 1])
    source = Self.unescaped(fields[separator + 2])
  }

  /// Blanks and backslashes are written in octal, as `\040`.
  private static func unescaped(_ text: Substring) -> String {
    var bytes: [UInt8] = []
    var rest = Array(text.utf8)[...]
    while let byte = rest.popFirst() {
      let digits = rest.prefix(3)
      if byte == UInt8(ascii: "\\"), digits.count == 3,
        let value = UInt8(String(decoding: digits, as: UTF8.self), radix: 8)
      {
        bytes.append(value)
        rest = rest.dropFirst(3)
      } else {
        bytes.append(byte)
      }
    }
    return String(decoding: bytes, as: UTF8.self)
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
    try system("statvfs", path) { clinux_read_space(path, &space) }
    byteCount = space.byte_count
    freeByteCount = space.free_byte_count
    availableByteCount = space.available_byte_count
  }
}
