/// What a data directory of PostgreSQL looks like: it has `PG_VERSION` and `global/pg_control`. A
/// directory of one database has the former too, but not the latter.
package enum DataDirectory {
  package static let versionFile: FileName = "PG_VERSION"
  package static let globalDirectory: FileName = "global"
  package static let controlFile: FileName = "pg_control"
  /// Made by a server that runs; a killed one, and a copy of a running one's files, have it too.
  package static let processFile: FileName = "postmaster.pid"

  /// Whether a directory of a tree is one. Throws `notFound` once the directory is gone.
  package static func isThere(_ directory: FileID, in tree: FileTree) throws(StoreError) -> Bool {
    try tree.core.read { names throws(StoreError) in
      _ = try names.directoryInode(of: directory)
      return try isThere(directory, in: names)
    }
  }

  /// As above, in one state of the names.
  static func isThere(
    _ directory: FileID, in names: some NamesPages
  ) throws(StoreError) -> Bool {
    guard try names.entry(versionFile, in: directory) != nil,
      let global = try names.entry(globalDirectory, in: directory), global.kind == .directory
    else { return false }
    return try names.entry(controlFile, in: global.file) != nil
  }

  /// Whether a directory of the machine with these names may be one.
  static func isCandidate(_ names: [[UInt8]]) -> Bool {
    names.contains(versionFile.bytes) && names.contains(globalDirectory.bytes)
  }
}
