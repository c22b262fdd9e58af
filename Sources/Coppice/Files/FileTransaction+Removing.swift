public import CoppiceEngine
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

  /// Removes a name and, if it is a directory, everything below it.
  public func removeTree(_ name: FileName, in directory: FileID) throws(StoreError) {
    let entry = try lookup(name, in: directory)
    guard entry.kind == .directory else { return try remove(name, in: directory) }
    for inner in try names.entries(of: entry.file, after: nil, limit: .max) {
      try removeTree(inner.name, in: entry.file)
    }
    try removeDirectory(name, in: directory)
  }

  func checkEmpty(_ entry: DirectoryEntry) throws(StoreError) {
    guard try names.entries(of: entry.file, after: nil, limit: 1).isEmpty else {
      throw .notEmpty(entry.name.description)
    }
  }
}
