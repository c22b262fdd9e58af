internal import CoppicePlatform

/// What a file is besides its names, content and extended attributes.
public struct FileAttributes: Hashable, Sendable {
  public var file: FileID
  public var kind: FileKind
  /// The lower 12 bits of a POSIX mode.
  public var permissions: UInt16
  public var userID: UInt32
  public var groupID: UInt32
  /// Names of the file; of a directory 2 and one for each directory in it; 0 for an open file
  /// without a name.
  public var linkCount: UInt32
  /// The device number of a device file.
  public var device: UInt64
  /// Bytes of the content; of a symbolic link those of its target; 0 for other kinds.
  public var byteCount: UInt64
  public var accessed: Timestamp
  /// When the content changed last, or what was set after that.
  public var modified: Timestamp
  /// When the content or an attribute changed last.
  public var changed: Timestamp
  public var created: Timestamp
  /// Inode flags as in FS_IOC_GETFLAGS; stored for export, without effect.
  public var flags: UInt32
  /// For a directory the one it is in. For other files one that holds, or once held, a name of it.
  public var parentHint: FileID
}

/// What a new file starts with.
public struct NewFile: Hashable, Sendable {
  public var permissions: UInt16
  /// By default the user and group that this process acts as.
  public var userID: UInt32
  public var groupID: UInt32
  /// `nil`: the time of the transaction.
  public var accessed: Timestamp?
  public var modified: Timestamp?
  public var created: Timestamp?
  public var flags: UInt32

  public init(
    permissions: UInt16 = 0o644, userID: UInt32? = nil, groupID: UInt32? = nil,
    accessed: Timestamp? = nil, modified: Timestamp? = nil, created: Timestamp? = nil,
    flags: UInt32 = 0
  ) {
    self.permissions = permissions
    self.userID = userID ?? HostProcess.user
    self.groupID = groupID ?? HostProcess.group
    self.accessed = accessed
    self.modified = modified
    self.created = created
    self.flags = flags
  }
}

/// Which attributes to change, and to what. `nil` leaves one as it is.
public struct AttributeChanges: Hashable, Sendable {
  public var permissions: UInt16?
  public var userID: UInt32?
  public var groupID: UInt32?
  /// Cuts or extends the content; regular files only.
  public var byteCount: UInt64?
  public var accessed: Timestamp?
  public var modified: Timestamp?
  /// `nil`: the time of the transaction, whatever else changes.
  public var changed: Timestamp?
  public var created: Timestamp?
  public var flags: UInt32?

  public init(
    permissions: UInt16? = nil, userID: UInt32? = nil, groupID: UInt32? = nil,
    byteCount: UInt64? = nil, accessed: Timestamp? = nil, modified: Timestamp? = nil,
    changed: Timestamp? = nil, created: Timestamp? = nil, flags: UInt32? = nil
  ) {
    self.permissions = permissions
    self.userID = userID
    self.groupID = groupID
    self.byteCount = byteCount
    self.accessed = accessed
    self.modified = modified
    self.changed = changed
    self.created = created
    self.flags = flags
  }
}

/// One name of a directory, and the file it leads to.
public struct DirectoryEntry: Hashable, Sendable {
  public var name: FileName
  public var file: FileID
  public var kind: FileKind

  public init(name: FileName, file: FileID, kind: FileKind) {
    self.name = name
    self.file = file
    self.kind = kind
  }
}

/// A range of a file's content that is stored, or reads as zero without being stored.
public struct Extent: Hashable, Sendable {
  public var range: Range<UInt64>
  public var isHole: Bool

  public init(range: Range<UInt64>, isHole: Bool) {
    self.range = range
    self.isHole = isHole
  }
}
