internal import CoppiceFormat

// When a server cannot make a file larger: of a relation's it fails the statement and goes on, be
// it in `base` or in a tablespace. Of anything else of a data directory it would stop, or not start
// again: its log, the states of transactions. Files that statements sort in are bounded by a
// setting of the server's own.

extension DataDirectory {
  static let databasesDirectory: FileName = "base"
  static let tablespacesDirectory: FileName = "pg_tblspc"
  static let temporaryDirectory: FileName = "pgsql_tmp"
  /// In the directory of the log, wherever that is.
  static let archiveDirectory: FileName = "archive_status"

  /// Whether a server could not do without room in that file. Looks at the directories that the
  /// file is in, by their names, from the nearest on; a file outside of all data directories can do
  /// without, and so can one without a name.
  static func cannotSpare(
    _ file: FileID, in names: some NamesPages
  ) throws(StoreError) -> Bool {
    do throws(StoreError) { return try isNeeded(file, in: names) } catch {
      // Some directory went, and the file's last name with it.
      guard error.kind == .notFound else { throw error }
      return false
    }
  }

  private static func isNeeded(
    _ file: FileID, in names: some NamesPages
  ) throws(StoreError) -> Bool {
    var child = file
    var directory = FileID(try names.inode(of: file).parent)
    // A damaged tree may lead in circles.
    for _ in 0..<names.header.cellCount {
      if try names.leads(temporaryDirectory, in: directory, to: child) { return true }
      if try names.entry(archiveDirectory, in: directory)?.kind == .directory { return true }
      if try isThere(directory, in: names) {
        if try names.leads(databasesDirectory, in: directory, to: child) { return false }
        return try !names.leads(tablespacesDirectory, in: directory, to: child)
      }
      if directory == .root { return false }
      child = directory
      directory = FileID(try names.directoryInode(of: directory).parent)
    }
    return false
  }
}

extension NamesPages {
  fileprivate func leads(
    _ name: FileName, in directory: FileID, to file: FileID
  ) throws(StoreError) -> Bool {
    try entry(name, in: directory)?.file == file
  }
}
