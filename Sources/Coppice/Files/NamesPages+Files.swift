internal import CoppiceEngine
internal import CoppiceFormat

/// Files as the names tree records them.
extension NamesPages {
  func inode(of file: FileID) throws(StoreError) -> InodeRecord {
    let inode = try lookup(.inode(file.volume)) { bytes throws(FormatError) in
      try InodeRecord(decoding: bytes)
    }
    guard let inode else { throw .noSuchFile(file.description) }
    return inode
  }

  func entry(_ name: FileName, in directory: FileID) throws(StoreError) -> DirectoryEntry? {
    let entry = try lookup(.entry(directory.volume, name.bytes)) { bytes throws(FormatError) in
      try EntryRecord(decoding: bytes)
    }
    guard let entry, let kind = FileKind(rawValue: entry.kind) else { return nil }
    return DirectoryEntry(name: name, file: FileID(entry.file), kind: kind)
  }

  func directoryInode(of file: FileID) throws(StoreError) -> InodeRecord {
    let inode = try inode(of: file)
    guard inode.kind == FileKind.directory.rawValue else {
      throw .notDirectory(file.description)
    }
    return inode
  }

  func regularInode(of file: FileID) throws(StoreError) -> InodeRecord {
    let inode = try inode(of: file)
    switch FileKind(rawValue: inode.kind) {
    case .regular: return inode
    case .directory: throw .isDirectory(file.description)
    default: throw .notRegular(file.description)
    }
  }

  /// Entries behind `after`, at most `limit`, in the order of their names.
  package func entries(
    of directory: FileID, after: FileName?, limit: Int
  ) throws(StoreError) -> [DirectoryEntry] {
    guard limit > 0 else { return [] }
    let prefix = NamesKey.entry(directory.volume, [])
    // The name's successor in byte order is the name with a zero byte behind it.
    let start = after.map { NamesKey.entry(directory.volume, $0.bytes + [0]) }
    var entries: [DirectoryEntry] = []
    try walk(prefix: prefix, from: start) { cell, page throws(StoreError) in
      let name = FileName(stored: Array(cell.key[prefix.bytes.count...]))
      let entry = try withValue(of: cell, in: page) { bytes throws(FormatError) in
        try EntryRecord(decoding: bytes)
      }
      guard let kind = FileKind(rawValue: entry.kind) else { return true }
      entries.append(DirectoryEntry(name: name, file: FileID(entry.file), kind: kind))
      return entries.count < limit
    }
    return entries
  }

  func attributeNames(of file: FileID) throws(StoreError) -> [AttributeName] {
    let prefix = NamesKey.attribute(file.volume, [])
    var names: [AttributeName] = []
    try walk(prefix: prefix) { cell, _ throws(StoreError) in
      names.append(AttributeName(stored: Array(cell.key[prefix.bytes.count...])))
      return true
    }
    return names
  }

  func attributeValue(
    _ name: AttributeName, of file: FileID
  ) throws(StoreError) -> [UInt8]? {
    try lookup(.attribute(file.volume, name.bytes)) { Array($0) }
  }

  /// Files without a name that were open when last heard of.
  func orphans() throws(StoreError) -> [FileID] {
    var files: [FileID] = []
    try walk(prefix: .orphanPrefix) { cell, page throws(StoreError) in
      do throws(FormatError) {
        if case .orphan(let file) = try NamesKey(bytes: Array(cell.key)).decode() {
          files.append(FileID(file))
        }
      } catch {
        throw .damagedNames(page, error)
      }
      return true
    }
    return files
  }

  /// The path that leads to a file by way of its parent hints; `nil` when it has none, or the
  /// hint of a hard link no longer holds.
  func path(of file: FileID) throws(StoreError) -> BranchPath? {
    var components: [FileName] = []
    var current = file
    while current != .root {
      // Only a damaged tree has more names on the way than there are.
      guard UInt64(components.count) < header.cellCount else { return nil }
      let parent = FileID(try inode(of: current).parent)
      guard let name = try name(of: current, in: parent) else { return nil }
      components.append(name)
      current = parent
    }
    return BranchPath(components: components.reversed())
  }

  private func name(of file: FileID, in directory: FileID) throws(StoreError) -> FileName? {
    let prefix = NamesKey.entry(directory.volume, [])
    var name: FileName?
    try walk(prefix: prefix) { cell, page throws(StoreError) in
      let entry = try withValue(of: cell, in: page) { bytes throws(FormatError) in
        try EntryRecord(decoding: bytes)
      }
      guard entry.file == file.volume else { return true }
      name = FileName(stored: Array(cell.key[prefix.bytes.count...]))
      return false
    }
    return name
  }

  /// Whether `directory` is `ancestor` or lies below it, at any depth.
  func isDirectory(_ directory: FileID, within ancestor: FileID) throws(StoreError) -> Bool {
    var current = directory
    // Of a damaged tree: parents that never lead to the root come back to one that was noted, each
    // time twice as many steps later.
    var noted = directory
    var (count, countOfNext) = (0, 1)
    while true {
      if current == ancestor { return true }
      if current == .root { return false }
      current = FileID(try directoryInode(of: current).parent)
      if current == noted { break }
      count += 1
      if count == countOfNext {
        noted = current
        countOfNext *= 2
      }
    }
    throw StoreError(
      .corrupt, "its parents never lead to the root", object: directory.description,
      remedy: "\(step: .check) tells all that is wrong with the names")
  }
}

extension FileAttributes {
  /// The byte count and the modification time are the volume's, as long as there is one. While the
  /// inode still knows that time nothing changed later than the inode did; otherwise content did,
  /// at that time.
  init(_ inode: InodeRecord, of file: FileID, volume: VolumeAttributes?) {
    let modified = volume?.modified ?? inode.modified
    self.file = file
    kind = FileKind(rawValue: inode.kind) ?? .regular
    permissions = inode.permissions
    userID = inode.userID
    groupID = inode.groupID
    linkCount = inode.linkCount
    device = inode.device
    byteCount = volume?.byteCount ?? UInt64(inode.target.count)
    accessed = Timestamp(nanoseconds: inode.accessed)
    self.modified = Timestamp(nanoseconds: modified)
    changed = Timestamp(nanoseconds: modified == inode.modified ? inode.changed : modified)
    created = Timestamp(nanoseconds: inode.created)
    flags = inode.flags
    parentHint = FileID(inode.parent)
  }
}
