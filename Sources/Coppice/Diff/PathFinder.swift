internal import CoppiceEngine
internal import CoppiceFormat

/// Finds the paths of many files of one state, reading each directory once.
struct PathFinder {
  let names: CommittedNames
  private var namesInDirectory: [FileID: [FileID: FileName]] = [:]
  private var directoryPaths: [FileID: BranchPath] = [.root: .root]
  /// Any one name of every file: read only when a parent hint does not hold.
  private var allNames: [FileID: (directory: FileID, name: FileName)]?

  init(names: CommittedNames) { self.names = names }

  mutating func path(of file: FileID) throws(StoreError) -> BranchPath? {
    if let known = directoryPaths[file] { return known }
    let inode = try names.inode(of: file)
    let isDirectory = inode.kind == FileKind.directory.rawValue
    var place: (directory: FileID, name: FileName)?
    let hint = FileID(inode.parent)
    if let name = try entries(of: hint)[file] {
      place = (hint, name)
    } else if !isDirectory {
      place = try anyName(of: file)
    }
    guard let place, let parent = try path(of: place.directory) else { return nil }
    let path = parent.appending(place.name)
    if isDirectory { directoryPaths[file] = path }
    return path
  }

  mutating func path(of name: FileName, in directory: FileID) throws(StoreError) -> BranchPath? {
    try path(of: directory)?.appending(name)
  }

  private mutating func entries(of directory: FileID) throws(StoreError) -> [FileID: FileName] {
    if let known = namesInDirectory[directory] { return known }
    var found: [FileID: FileName] = [:]
    for entry in try names.entries(of: directory, after: nil, limit: .max) {
      found[entry.file] = entry.name
    }
    namesInDirectory[directory] = found
    return found
  }

  private mutating func anyName(
    of file: FileID
  ) throws(StoreError) -> (directory: FileID, name: FileName)? {
    if let allNames { return allNames[file] }
    var found: [FileID: (directory: FileID, name: FileName)] = [:]
    try names.walk(prefix: .entryPrefix) { cell, page throws(StoreError) in
      let entry = try names.withValue(of: cell, in: page) { bytes throws(FormatError) in
        try EntryRecord(decoding: bytes)
      }
      do throws(FormatError) {
        if case .entry(let directory, let name) = try NamesKey(bytes: Array(cell.key)).decode() {
          found[FileID(entry.file)] = (FileID(directory), FileName(stored: name))
        }
      } catch {
        throw .damagedNames(page, error)
      }
      return true
    }
    allNames = found
    return found[file]
  }
}
