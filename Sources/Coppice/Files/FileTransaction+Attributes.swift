public import CoppiceEngine
package import CoppiceFormat

/// What setting an extended attribute does when there is one of that name, or none.
public enum AttributeRule: Hashable, Sendable {
  case set
  /// It must not exist: `conflict`, reason `exists`.
  case create
  /// It must exist: `notFound`, reason `noAttribute`.
  case replace
}

extension FileTransaction {
  /// The largest value of an extended attribute: 64 KiB.
  public static let attributeByteCountMax = NamesOverflow.valueByteCountMax

  /// Changes what the argument names and returns what the attributes are then.
  @discardableResult
  public func setAttributes(
    of file: FileID, _ changes: AttributeChanges
  ) throws(StoreError) -> FileAttributes {
    var inode = try names.inode(of: file)
    if let byteCount = changes.byteCount { try truncate(file, to: byteCount) }
    if let permissions = changes.permissions { inode.permissions = permissions & 0o7777 }
    if let userID = changes.userID { inode.userID = userID }
    if let groupID = changes.groupID { inode.groupID = groupID }
    if let flags = changes.flags { inode.flags = flags }
    if let accessed = changes.accessed { inode.accessed = accessed.nanoseconds }
    if let created = changes.created { inode.created = created.nanoseconds }
    if let modified = changes.modified {
      inode.modified = modified.nanoseconds
      try setModified(modified, of: file, inode)
    }
    inode.changed = (changes.changed ?? time).nanoseconds
    try put(inode, of: file)
    return try attributes(inode, of: file)
  }

  /// The time of content is its volume's: a change of nothing at that time.
  private func setModified(
    _ modified: Timestamp, of file: FileID, _ inode: InodeRecord
  ) throws(StoreError) {
    guard inode.kind == FileKind.regular.rawValue, var volume = try volume(of: file) else {
      return
    }
    volume.modified = modified.nanoseconds
    operations.setTime(modified.nanoseconds)
    operations.resize(file.volume, to: volume.byteCount)
    operations.setTime(time.nanoseconds)
    noteVolume(file, volume)
  }

  /// - Parameter value: at most `attributeByteCountMax` bytes.
  public func setExtendedAttribute(
    _ name: AttributeName, of file: FileID, to value: [UInt8], _ rule: AttributeRule = .set
  ) throws(StoreError) {
    guard value.count <= Self.attributeByteCountMax else {
      throw .tooLarge("an extended attribute", value.count, Self.attributeByteCountMax)
    }
    var inode = try names.inode(of: file)
    let key = NamesKey.attribute(file.volume, name.bytes)
    if rule != .set {
      let exists = try names.contains(key)
      if rule == .create, exists { throw .exists(name.description) }
      if rule == .replace, !exists { throw .noAttribute(name.description) }
    }
    try names.put(key, value)
    inode.changed = time.nanoseconds
    try put(inode, of: file)
  }

  /// Throws `notFound` with reason `noAttribute`.
  public func removeExtendedAttribute(
    _ name: AttributeName, of file: FileID
  ) throws(StoreError) {
    var inode = try names.inode(of: file)
    guard try names.remove(.attribute(file.volume, name.bytes)) else {
      throw .noAttribute(name.description)
    }
    inode.changed = time.nanoseconds
    try put(inode, of: file)
  }

  /// Notes what the file's source looked like; `nil` forgets it.
  package func setImportStamp(
    _ stamp: ImportStampRecord?, of file: FileID
  ) throws(StoreError) {
    var inode = try names.inode(of: file)
    inode.importStamp = stamp
    try put(inode, of: file)
  }

  /// What an import noted of the file's source.
  package func importStamp(of file: FileID) throws(StoreError) -> ImportStampRecord? {
    try names.inode(of: file).importStamp
  }
}
