package import Coppice

/// Finds the data directories of PostgreSQL in a tree.
package struct DataDirectories {
  private let tree: FileTree
  private let visitCountMax: Int

  /// `visitCountMax` bounds the search: a quick look is enough for a warning.
  package init(of tree: FileTree, visitCountMax: Int = .max) {
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
  package func find() throws(StoreError) -> [BranchPath] {
    var found: [BranchPath] = []
    var places = [Place(directory: .root, parent: 0, name: nil)]
    var visited = 0
    while visited < places.count, visited < visitCountMax {
      let directory = places[visited].directory
      if try DataDirectory.isThere(directory, in: tree) {
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
}
