internal import Coppice
internal import CoppicePostgreSQL

/// Where in the inputs data directories of PostgreSQL lie: the tops of them, or some way down.
struct ClusterPlaces: Sendable {
  private(set) var directories: [BranchPath] = []

  init(_ inputs: EstimateInput...) {
    let paths = inputs.map { Set($0.entries.map(\.path)) }
    var found: Set<BranchPath> = []
    for paths in paths {
      for path in paths where path.lastComponent == DataDirectory.controlFile {
        guard let global = path.parent, global.lastComponent == DataDirectory.globalDirectory,
          let directory = global.parent,
          paths.contains(directory.appending(DataDirectory.versionFile))
        else { continue }
        found.insert(directory)
      }
    }
    directories = found.sorted()
  }

  /// The nearest data directory that a path lies in, and the names that lead on from it.
  func place(of path: BranchPath) -> (directory: BranchPath, names: [String])? {
    var place = path.parent
    while let directory = place {
      if directories.contains(directory) {
        let names = path.components.dropFirst(directory.components.count)
        return (directory, names.map { String(decoding: $0.bytes, as: UTF8.self) })
      }
      place = directory.parent
    }
    return nil
  }

  func kind(of path: BranchPath, head: [UInt8]) -> ContentKind {
    guard let place = place(of: path) else { return .other }
    return .postgreSQL(ClusterContent(path: place.names, head: head))
  }
}
