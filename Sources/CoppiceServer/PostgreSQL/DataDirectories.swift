internal import Coppice

/// The data directories of PostgreSQL in a tree: those with `PG_VERSION` and `global/pg_control`.
/// A directory of one database has the former too, but not the latter.
struct DataDirectories {
  private let tree: FileTree
  private let visitCountMax: Int

  /// `visitCountMax` bounds the search: a quick look is enough for a warning.
  init(of tree: FileTree, visitCountMax: Int = .max) {
    self.tree = tree
    self.visitCountMax = visitCountMax
  }

  /// Their paths, those nearest to the top first.
  func find() throws(StoreError) -> [BranchPath] {
    var found: [BranchPath] = []
    var waiting = [(BranchPath.root, FileID.root)]
    var visited = 0
    while visited < waiting.count, visited < visitCountMax {
      let (path, directory) = waiting[visited]
      visited += 1
      if try isDataDirectory(directory) {
        found.append(path)
        continue
      }
      for entry in try tree.readDirectory(directory, after: nil, limit: .max)
      where entry.kind == .directory {
        waiting.append((path.appending(entry.name), entry.file))
      }
    }
    return found
  }

  private func isDataDirectory(_ directory: FileID) throws(StoreError) -> Bool {
    guard try tree.lookupIfPresent("PG_VERSION", in: directory) != nil,
      let global = try tree.lookupIfPresent("global", in: directory), global.kind == .directory
    else { return false }
    return try tree.lookupIfPresent("pg_control", in: global.file) != nil
  }
}
