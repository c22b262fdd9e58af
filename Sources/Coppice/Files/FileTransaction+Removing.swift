internal import CoppiceEngine
internal import CoppiceFormat

extension FileTransaction {
  /// Removes a name of anything but a directory. With its last name the file goes, or, while it is
  /// open, with its last close.
  public func remove(_ name: FileName, in directory: FileID) throws(StoreError) {
    let entry = try lookup(name, in: directory)
    guard entry.kind != .directory else { throw .isDirectory(name.description) }
    operations.noteRemoval()
    try removeEntry(name, in: directory)
    try dropLink(entry.file, names.inode(of: entry.file))
    try touchDirectory(directory)
  }

  /// Throws `conflict` with reason `notEmpty` unless the directory is empty.
  public func removeDirectory(_ name: FileName, in directory: FileID) throws(StoreError) {
    let entry = try lookup(name, in: directory)
    guard entry.kind == .directory else { throw .notDirectory(name.description) }
    try checkEmpty(entry)
    operations.noteRemoval()
    try removeEntry(name, in: directory)
    try dropLink(entry.file, names.inode(of: entry.file))
    try touchDirectory(directory, linkDelta: -1)
  }

  /// Removes a name and, if it is a directory, everything below it, all in this transaction: a tree
  /// of millions of files is too large for one. `Branch.removeTree` takes trees of any size.
  public func removeTree(_ name: FileName, in directory: FileID) throws(StoreError) {
    let entry = try lookup(name, in: directory)
    guard entry.kind == .directory else { return try remove(name, in: directory) }
    var removal = TreeRemoval(below: entry.file)
    try removal.removeAll(in: self)
    try removeDirectory(name, in: directory)
  }

  /// Removes a name, and as much of what is below it as one transaction should; the rest is an
  /// orphan then. Returns whether nothing is left.
  func beginRemovingTree(
    _ name: FileName, in directory: FileID
  ) throws(StoreError) -> (removal: TreeRemoval, isDone: Bool) {
    let entry = try lookup(name, in: directory)
    var removal = TreeRemoval(below: entry.file)
    guard entry.kind == .directory else {
      try remove(name, in: directory)
      return (removal, true)
    }
    if try removal.removeSome(in: self) {
      try removeDirectory(name, in: directory)
      return (removal, true)
    }
    try removeEntry(name, in: directory)
    var inode = try names.inode(of: entry.file)
    inode.linkCount = 0
    inode.changed = time.nanoseconds
    try put(inode, of: entry.file)
    try names.put(.orphan(entry.file.volume), [])
    try touchDirectory(directory, linkDelta: -1)
    return (removal, false)
  }

  func checkEmpty(_ entry: DirectoryEntry) throws(StoreError) {
    guard try names.entries(of: entry.file, after: nil, limit: 1).isEmpty else {
      throw .notEmpty(entry.name.description)
    }
  }
}
