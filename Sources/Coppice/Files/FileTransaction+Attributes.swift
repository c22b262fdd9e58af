internal import CoppiceEngine
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
  /// What the names of all extended attributes of one file take at most, each with one byte more,
  /// so that Linux can list them: 64 KiB.
  public static let attributeNamesByteCountMax = 64 << 10

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
    try touch(&inode, of: file, at: changes.changed)
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

  /// Throws `invalid` with reason `tooManyAttributes` when the names of all would be too long to
  /// list.
  /// - Parameter value: at most `attributeByteCountMax` bytes.
  public func setExtendedAttribute(
    _ name: AttributeName, of file: FileID, to value: [UInt8], _ rule: AttributeRule = .set
  ) throws(StoreError) {
    guard value.count <= Self.attributeByteCountMax else {
      throw .tooLarge("an extended attribute", value.count, Self.attributeByteCountMax)
    }
    var inode = try names.inode(of: file)
    let key = NamesKey.attribute(file.volume, name.bytes)
    let exists = try names.contains(key)
    if rule == .create, exists { throw .exists(name.description) }
    if rule == .replace, !exists { throw .noAttribute(name.description) }
    if !exists { try checkNames(of: file, with: name) }
    try names.put(key, value)
    try touch(&inode, of: file)
    try put(inode, of: file)
  }

  private func checkNames(of file: FileID, with name: AttributeName) throws(StoreError) {
    let byteCount = try names.attributeNames(of: file).reduce(name.bytes.count + 1) {
      $0 + $1.bytes.count + 1
    }
    guard byteCount <= Self.attributeNamesByteCountMax else {
      throw StoreError(
        .invalid,
        "the names of a file's extended attributes take at most "
          + "\(Self.attributeNamesByteCountMax) bytes", object: name.description,
        reason: .tooManyAttributes)
    }
  }

  /// Throws `notFound` with reason `noAttribute`.
  public func removeExtendedAttribute(
    _ name: AttributeName, of file: FileID
  ) throws(StoreError) {
    var inode = try names.inode(of: file)
    guard try names.remove(.attribute(file.volume, name.bytes)) else {
      throw .noAttribute(name.description)
    }
    try touch(&inode, of: file)
    try put(inode, of: file)
  }

  /// Says that a file gets other content, of that time, by other ways than transactions.
  package func expectContent(
    of file: FileID, modified: Timestamp
  ) throws(StoreError) {
    var inode = try names.inode(of: file)
    inode.changed = time.nanoseconds
    inode.modified = modified.nanoseconds
    try put(inode, of: file)
  }

  /// Says that a file got other content by other ways than transactions, of whatever time.
  package func noteNewContent(of file: FileID) throws(StoreError) {
    var inode = try names.inode(of: file)
    try touch(&inode, of: file)
    try put(inode, of: file)
  }

  /// Notes what the file's source looked like when its content came; `nil` forgets it.
  package func setImportStamp(
    _ stamp: ImportStampRecord?, of file: FileID
  ) throws(StoreError) {
    var inode = try names.inode(of: file)
    if stamp?.content != inode.importStamp?.content { try touch(&inode, of: file) }
    inode.importStamp = stamp
    try put(inode, of: file)
  }

  /// What an import noted of the file's source.
  package func importStamp(of file: FileID) throws(StoreError) -> ImportStampRecord? {
    try names.inode(of: file).importStamp
  }
}
