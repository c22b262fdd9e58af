/// Under which name an export met each file with several names first.
///
/// It follows the walk and keeps directories that hold such a name once each, so that it takes no
/// more memory for a deep tree than for a flat one.
struct FirstNames {
  private struct Directory {
    /// Index in `directories`; `nil` for one right below the top.
    var parent: Int?
    var name: [UInt8]
  }

  private var directories: [Directory] = []
  private var files: [FileID: Directory] = [:]
  /// The way to where the walk is, and what is already kept of it.
  private var way: [(name: [UInt8], index: Int?)] = []

  mutating func descend(_ name: [UInt8]) { way.append((name, nil)) }

  mutating func ascend() { way.removeLast() }

  /// The names that lead from the top to the file's first name; `nil` when this is it.
  mutating func first(_ file: FileID, _ name: [UInt8]) -> [[UInt8]]? {
    guard let known = files[file] else {
      replace(file, name)
      return nil
    }
    var names = [known.name]
    var place = known.parent
    while let index = place {
      names.append(directories[index].name)
      place = directories[index].parent
    }
    return names.reversed()
  }

  /// Makes the file's name here the one that is its first from now on.
  mutating func replace(_ file: FileID, _ name: [UInt8]) {
    files[file] = Directory(parent: keepWay(), name: name)
  }

  /// The index of the directory that the walk is in.
  private mutating func keepWay() -> Int? {
    var parent: Int?
    let first = way.lastIndex { $0.index != nil }
    if let first { parent = way[first].index }
    for step in way.indices.dropFirst(first.map { $0 + 1 } ?? 0) {
      directories.append(Directory(parent: parent, name: way[step].name))
      parent = directories.count - 1
      way[step].index = parent
    }
    return parent
  }
}
