internal import CoppiceFormat

/// What a rename does when the new name is taken.
public enum RenameRule: Hashable, Sendable {
  /// The file there loses that name, as with POSIX rename.
  case replace
  /// The rename fails with `conflict`, reason `exists`.
  case exclusive
  /// Both names exist, and exchange their files.
  case exchange
}

extension FileTransaction {
  /// Moves a name. A directory replaces an empty directory only, other files anything but one.
  /// Throws `invalid` with reason `invalidMove` for a directory moved below itself.
  public func rename(
    _ name: FileName, in source: FileID, to newName: FileName, in target: FileID,
    _ rule: RenameRule = .replace
  ) throws(StoreError) {
    let moved = try lookup(name, in: source)
    let parent = try names.directoryInode(of: target)
    guard parent.linkCount > 0 else { throw .noSuchFile(target.description) }
    let replaced = try names.entry(newName, in: target)
    if moved.kind == .directory, try names.isDirectory(target, within: moved.file) {
      throw .invalidMove(name.description)
    }
    switch (rule, replaced) {
    case (.exchange, nil):
      throw .noSuchFile(newName.description)
    case (.exchange, let other?):
      try exchange(moved, in: source, other, in: target)
    case (.exclusive, _?):
      throw .exists(newName.description)
    case (.replace, let other?) where other.file == moved.file:
      return
    case (.replace, let other?):
      try replace(other, in: target, with: moved)
      try move(moved, from: source, to: newName, in: target)
    case (_, nil):
      try move(moved, from: source, to: newName, in: target)
    }
  }

  private func replace(
    _ other: DirectoryEntry, in target: FileID, with moved: DirectoryEntry
  ) throws(StoreError) {
    if moved.kind == .directory {
      guard other.kind == .directory else { throw .notDirectory(other.name.description) }
      try checkEmpty(other)
    } else if other.kind == .directory {
      throw .isDirectory(other.name.description)
    }
    try removeEntry(other.name, in: target)
    try dropLink(other.file, names.inode(of: other.file))
    if other.kind == .directory { try touchDirectory(target, linkDelta: -1) }
  }

  private func move(
    _ moved: DirectoryEntry, from source: FileID, to newName: FileName, in target: FileID
  ) throws(StoreError) {
    try removeEntry(moved.name, in: source)
    try putEntry(newName, in: target, moved.file, kind: moved.kind.rawValue)
    try place(moved, in: target)
    let isDirectory = moved.kind == .directory
    let movesDirectory = isDirectory && source != target
    try touchDirectory(source, linkDelta: movesDirectory ? -1 : 0)
    if source != target { try touchDirectory(target, linkDelta: movesDirectory ? 1 : 0) }
  }

  private func exchange(
    _ moved: DirectoryEntry, in source: FileID, _ other: DirectoryEntry, in target: FileID
  ) throws(StoreError) {
    if other.kind == .directory, try names.isDirectory(source, within: other.file) {
      throw .invalidMove(other.name.description)
    }
    if moved.file == other.file { return }
    try putEntry(moved.name, in: source, other.file, kind: other.kind.rawValue)
    try putEntry(other.name, in: target, moved.file, kind: moved.kind.rawValue)
    try place(moved, in: target)
    try place(other, in: source)
    let gained: Int32 = (moved.kind == .directory ? 1 : 0) - (other.kind == .directory ? 1 : 0)
    let delta = source == target ? 0 : gained
    try touchDirectory(source, linkDelta: -delta)
    if source != target { try touchDirectory(target, linkDelta: delta) }
  }

  /// Notes in a file where it is now.
  private func place(_ entry: DirectoryEntry, in directory: FileID) throws(StoreError) {
    var inode = try names.inode(of: entry.file)
    inode.parent = directory.volume
    try touch(&inode, of: entry.file)
    try put(inode, of: entry.file)
  }
}
