internal import CoppiceEngine
internal import CoppiceFormat

extension FileTransaction {
  /// Makes an empty regular file. Throws `conflict` with reason `exists`; `notFound` or `invalid`
  /// for the directory. So do the other methods that create.
  @discardableResult
  public func createFile(
    _ name: FileName, in directory: FileID, _ new: NewFile = NewFile()
  ) throws(StoreError) -> FileAttributes {
    try create(.regular, name, in: directory, new)
  }

  /// Makes an empty directory.
  @discardableResult
  public func createDirectory(
    _ name: FileName, in directory: FileID, _ new: NewFile = NewFile(permissions: 0o755)
  ) throws(StoreError) -> FileAttributes {
    try create(.directory, name, in: directory, new)
  }

  /// - Parameter target: 1 to 4095 bytes, stored as they are.
  @discardableResult
  public func createSymbolicLink(
    _ name: FileName, in directory: FileID, target: [UInt8],
    _ new: NewFile = NewFile(permissions: 0o777)
  ) throws(StoreError) -> FileAttributes {
    guard !target.isEmpty, !target.contains(0) else {
      throw StoreError(.invalid, "not a target of a link", object: name.description)
    }
    let limit = InodeRecord.targetByteCountMax
    guard target.count <= limit else {
      var error = StoreError.tooLarge("a link's target", target.count, limit)
      error.reason = .nameTooLong
      throw error
    }
    return try create(.symbolicLink, name, in: directory, new, target: target)
  }

  /// Makes a device, fifo or socket; what it does is the operating system's business.
  @discardableResult
  public func createSpecialFile(
    _ name: FileName, in directory: FileID, kind: FileKind, device: UInt64 = 0,
    _ new: NewFile = NewFile()
  ) throws(StoreError) -> FileAttributes {
    switch kind {
    case .characterDevice, .blockDevice, .fifo, .socket: break
    case .regular, .directory, .symbolicLink:
      throw StoreError(.invalid, "not a special file", object: name.description)
    }
    return try create(kind, name, in: directory, new, device: device)
  }

  /// Gives a file another name. Directories have one name only (`invalid`, reason `isDirectory`).
  @discardableResult
  public func link(
    _ file: FileID, as name: FileName, in directory: FileID
  ) throws(StoreError) -> FileAttributes {
    var inode = try names.inode(of: file)
    guard inode.kind != FileKind.directory.rawValue else {
      throw .isDirectory(name.description)
    }
    guard inode.linkCount < UInt32(Int32.max) else {
      throw StoreError(
        .invalid, "too many names of one file", object: name.description, reason: .tooManyLinks)
    }
    try checkFree(name, in: directory)
    if inode.linkCount == 0 { try adoptOrphan(file) }
    inode.linkCount += 1
    try touch(&inode, of: file)
    inode.parent = directory.volume
    try put(inode, of: file)
    try putEntry(name, in: directory, file, kind: inode.kind)
    try touchDirectory(directory)
    return try attributes(inode, of: file)
  }

  private func checkFree(_ name: FileName, in directory: FileID) throws(StoreError) {
    let parent = try names.directoryInode(of: directory)
    guard parent.linkCount > 0 else { throw .noSuchFile(directory.description) }
    if try names.contains(.entry(directory.volume, name.bytes)) {
      throw .exists(name.description)
    }
  }

  private func create(
    _ kind: FileKind, _ name: FileName, in directory: FileID, _ new: NewFile,
    device: UInt64 = 0, target: [UInt8] = []
  ) throws(StoreError) -> FileAttributes {
    try checkFree(name, in: directory)
    let file = try core.allocateFile()
    var inode = InodeRecord(
      kind: kind.rawValue, permissions: new.permissions & 0o7777, parent: directory.volume,
      time: time.nanoseconds)
    inode.userID = new.userID
    inode.groupID = new.groupID
    inode.linkCount = kind == .directory ? 2 : 1
    inode.device = device
    inode.target = target
    inode.flags = new.flags
    if let accessed = new.accessed { inode.accessed = accessed.nanoseconds }
    if let modified = new.modified { inode.modified = modified.nanoseconds }
    if let created = new.created { inode.created = created.nanoseconds }
    try put(inode, of: file)
    try putEntry(name, in: directory, file, kind: kind.rawValue)
    try touchDirectory(directory, linkDelta: kind == .directory ? 1 : 0)
    noteVolume(file, nil)
    return try attributes(inode, of: file)
  }
}
