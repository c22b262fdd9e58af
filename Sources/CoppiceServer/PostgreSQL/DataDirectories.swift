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

  /// A directory that was found: its path would be long in a deep tree.
  private struct Place {
    var directory: FileID
    /// Index of the one that it is in.
    var parent: Int
    /// `nil` for the top.
    var name: FileName?
  }

  /// Their paths, those nearest to the top first.
  func find() throws(StoreError) -> [BranchPath] {
    var found: [BranchPath] = []
    var places = [Place(directory: .root, parent: 0, name: nil)]
    var visited = 0
    while visited < places.count, visited < visitCountMax {
      let directory = places[visited].directory
      if try isDataDirectory(directory) {
        found.append(path(to: visited, of: places))
      } else {
        for entry in try tree.readDirectory(directory, after: nil, limit: .max)
        where entry.kind == .directory {
          places.append(Place(directory: entry.file, parent: visited, name: entry.name))
        }
      }
      visited += 1
    }
    return found
  }

  private func path(to index: Int, of places: [Place]) -> BranchPath {
    var names: [FileName] = []
    var place = places[index]
    while let name = place.name {
      names.append(name)
      place = places[place.parent]
    }
    return BranchPath(components: names.reversed())
  }

  private func isDataDirectory(_ directory: FileID) throws(StoreError) -> Bool {
    guard try tree.lookupIfPresent("PG_VERSION", in: directory) != nil,
      let global = try tree.lookupIfPresent("global", in: directory), global.kind == .directory
    else { return false }
    return try tree.lookupIfPresent("pg_control", in: global.file) != nil
  }
}
