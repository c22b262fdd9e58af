internal import CLinux
internal import Glibc

/// What kind of thing a name in the machine's file system means.
public enum HostFileKind: Hashable, Sendable, CaseIterable {
  case regular, directory, symbolicLink, fifo, socket, characterDevice, blockDevice

  /// `nil` for bits that mean no kind.
  public init?(mode: UInt32) {
    switch mode & S_IFMT {
    case S_IFREG: self = .regular
    case S_IFDIR: self = .directory
    case S_IFLNK: self = .symbolicLink
    case S_IFIFO: self = .fifo
    case S_IFSOCK: self = .socket
    case S_IFCHR: self = .characterDevice
    case S_IFBLK: self = .blockDevice
    default: return nil
    }
  }

  /// The kind's bits in a mode.
  public var modeBits: UInt32 {
    switch self {
    case .regular: S_IFREG
    case .directory: S_IFDIR
    case .symbolicLink: S_IFLNK
    case .fifo: S_IFIFO
    case .socket: S_IFSOCK
    case .characterDevice: S_IFCHR
    case .blockDevice: S_IFBLK
    }
  }
}

/// The number of a special file's driver.
public struct HostDevice: Hashable, Sendable {
  public var major: UInt32
  public var minor: UInt32

  public init(major: UInt32, minor: UInt32) {
    self.major = major
    self.minor = minor
  }

  /// From the machine's packed number, as in `st_dev` and `st_rdev`.
  public init(packed: UInt64) {
    self.init(major: clinux_device_major(packed), minor: clinux_device_minor(packed))
  }

  /// The machine's packed number.
  public var packed: UInt64 { clinux_make_device(major, minor) }
}

/// What the machine's file system says of a name. Times are nanoseconds since 1970-01-01 UTC.
public struct HostStatus: Hashable, Sendable {
  public var kind: HostFileKind
  /// The lower twelve bits of the mode.
  public var permissions: UInt32
  public var user: UInt32
  public var group: UInt32
  public var linkCount: UInt64
  /// The file system that holds it, packed; with `inode` the identity of the file.
  public var device: UInt64
  public var inode: UInt64
  /// Of a character or block device: its number.
  public var specialDevice: HostDevice
  public var byteCount: UInt64
  /// Bytes of the blocks it takes; less than `byteCount` where it has holes.
  public var allocatedByteCount: UInt64
  public var accessed: Int64
  public var modified: Int64
  public var changed: Int64

  /// Which file of the machine it is.
  public var identity: FileUser.Identity { FileUser.Identity(device: device, inode: inode) }

  init(_ raw: clinux_status, path: @autoclosure () -> String) throws(SystemError) {
    guard let kind = HostFileKind(mode: raw.mode) else {
      throw SystemError(call: "stat", path: path(), code: EINVAL)
    }
    self.kind = kind
    permissions = raw.mode & 0o7777
    user = raw.user
    group = raw.group
    linkCount = raw.link_count
    device = raw.device
    inode = raw.inode
    specialDevice = HostDevice(packed: raw.special_device)
    byteCount = raw.byte_count
    allocatedByteCount = raw.allocated_byte_count
    accessed = raw.accessed
    modified = raw.modified
    changed = raw.changed
  }
}
