/// What volume 0 keeps of a file besides its names: the value of an inode key.
///
///      0  version u8 = 1    1  kind u8 (1...7)    2  permissions u16
///      4  userID u32        8  groupID u32       12  linkCount u32      16  flags u32
///     20  contents u32: 1 import stamp, 2 link target
///     24  device u64       32  parent u64        40  accessed i64       48  modified i64
///     56  changed i64      64  created i64
///     72  [import stamp 56]  [link target to the end]
///
/// Times are nanoseconds since 1970. The byte count of a file's content and its modification time
/// are the volume's. `modified` is that time as it was when the inode changed last, at `changed`:
/// once the two differ content has changed later, and `changed` is the volume's time too. A file
/// without a volume has `modified` alone.
public struct InodeRecord: Hashable, Sendable {
  public static let version: UInt8 = 1
  public static let fixedByteCount = 72
  public static let targetByteCountMax = 4095

  public var kind: UInt8
  public var permissions: UInt16
  public var userID: UInt32
  public var groupID: UInt32
  public var linkCount: UInt32
  /// Inode flags as FS_IOC_GETFLAGS has them; stored, not interpreted.
  public var flags: UInt32
  public var device: UInt64
  /// Exact for directories; for other files the directory of one of their names, once.
  public var parent: VolumeNumber
  public var accessed: Int64
  public var modified: Int64
  public var changed: Int64
  public var created: Int64
  public var importStamp: ImportStampRecord?
  public var target: [UInt8]

  public init(kind: UInt8, permissions: UInt16, parent: VolumeNumber, time: Int64) {
    self.kind = kind
    self.permissions = permissions
    self.parent = parent
    userID = 0
    groupID = 0
    linkCount = 1
    flags = 0
    device = 0
    accessed = time
    modified = time
    changed = time
    created = time
    importStamp = nil
    target = []
  }

  public init(decoding bytes: UnsafeRawBufferPointer) throws(FormatError) {
    var reader = ByteReader(bytes, what: "inode")
    let version: UInt8 = try reader.integer()
    guard version == Self.version else {
      throw .unsupportedVersion(what: "inode", found: UInt32(version))
    }
    kind = try reader.integer("inode kind", atMost: 7)
    permissions = try reader.integer("inode permissions", atMost: 0o7777)
    userID = try reader.integer()
    groupID = try reader.integer()
    linkCount = try reader.integer()
    flags = try reader.integer()
    let contents: UInt32 = try reader.integer()
    guard contents <= 3 else { throw .unknownFlags(what: "inode", bits: UInt64(contents)) }
    device = try reader.integer()
    parent = VolumeNumber(try reader.integer())
    accessed = try reader.integer()
    modified = try reader.integer()
    changed = try reader.integer()
    created = try reader.integer()
    importStamp = contents & 1 == 0 ? nil : try ImportStampRecord(&reader)
    target = Array(try reader.bytes(reader.remainingByteCount))
    guard kind != 0, target.isEmpty == (contents & 2 == 0) else {
      throw .malformed(what: "inode")
    }
    guard target.count <= Self.targetByteCountMax else {
      throw .outOfRange(
        what: "link target byte count", value: UInt64(target.count),
        limit: UInt64(Self.targetByteCountMax))
    }
  }

  public func encode() -> [UInt8] {
    var writer = ByteWriter(
      byteCapacity: Self.fixedByteCount + ImportStampRecord.byteCount + target.count)
    writer.append(Self.version)
    writer.append(kind)
    writer.append(permissions)
    writer.append(userID)
    writer.append(groupID)
    writer.append(linkCount)
    writer.append(flags)
    writer.append(UInt32((importStamp == nil ? 0 : 1) | (target.isEmpty ? 0 : 2)))
    writer.append(device)
    writer.append(parent.rawValue)
    writer.append(accessed)
    writer.append(modified)
    writer.append(changed)
    writer.append(created)
    importStamp?.encode(into: &writer)
    target.withUnsafeBytes { writer.append($0) }
    return writer.bytes
  }
}

/// What a file's source looked like when it was imported, and what was stored then. An import skips
/// a file when the stamp still holds on both sides.
///
///     0  byteCount u64   8  modified i64   16  changed i64   24  device u64   32  inode u64
///    40  content u64 * 2: id of the volume's top node
public struct ImportStampRecord: Hashable, Sendable {
  public static let byteCount = 56

  public var byteCount: UInt64
  public var modified: Int64
  public var changed: Int64
  public var device: UInt64
  public var inode: UInt64
  public var content: PageHash

  public init(
    byteCount: UInt64, modified: Int64, changed: Int64, device: UInt64, inode: UInt64,
    content: PageHash
  ) {
    self.byteCount = byteCount
    self.modified = modified
    self.changed = changed
    self.device = device
    self.inode = inode
    self.content = content
  }

  init(_ reader: inout ByteReader) throws(FormatError) {
    byteCount = try reader.integer()
    modified = try reader.integer()
    changed = try reader.integer()
    device = try reader.integer()
    inode = try reader.integer()
    content = try reader.hash()
  }

  func encode(into writer: inout ByteWriter) {
    writer.append(byteCount)
    writer.append(modified)
    writer.append(changed)
    writer.append(device)
    writer.append(inode)
    writer.append(content.low)
    writer.append(content.high)
  }
}
