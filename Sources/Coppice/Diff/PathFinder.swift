internal import CoppiceFormat

/// Finds the paths of many files of one state, reading each directory once.
struct PathFinder {
  let names: CommittedNames
  private var namesInDirectory: [FileID: [FileID: FileName]] = [:]
  /// Where a directory is; `nil` for one that no way from the root leads to.
  private var places: [FileID: Place?] = [:]
  /// Any one name of every file: read only when a parent hint does not hold.
  private var allNames: [FileID: Place]?

  private struct Place {
    var directory: FileID
    var name: FileName
  }

  init(names: CommittedNames) { self.names = names }

  mutating func path(of file: FileID) throws(StoreError) -> BranchPath? {
    var components: [FileName] = []
    var current = file
    while current != .root {
      // Only a damaged tree has more names on the way than there are.
      guard UInt64(components.count) < names.header.cellCount,
        let place = try place(of: current)
      else { return nil }
      components.append(place.name)
      current = place.directory
    }
    return BranchPath(components: components.reversed())
  }

  private mutating func place(of file: FileID) throws(StoreError) -> Place? {
    if let known = places[file] { return known }
    let inode = try names.inode(of: file)
    let isDirectory = inode.kind == FileKind.directory.rawValue
    let hint = FileID(inode.parent)
    if let name = try entries(of: hint)[file] {
      let place = Place(directory: hint, name: name)
      if isDirectory { places[file] = .some(place) }
      return place
    }
    if !isDirectory { return try anyName(of: file) }
    places[file] = .some(nil)
    return nil
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

  private mutating func anyName(of file: FileID) throws(StoreError) -> Place? {
    if let allNames { return allNames[file] }
    var found: [FileID: Place] = [:]
    try names.walk(prefix: .entryPrefix) { cell, page throws(StoreError) in
      let entry = try names.withValue(of: cell, in: page) { bytes throws(FormatError) in
        try EntryRecord(decoding: bytes)
      }
      do throws(FormatError) {
        if case .entry(let directory, let name) = try NamesKey(bytes: Array(cell.key)).decode() {
          found[FileID(entry.file)] = Place(
            directory: FileID(directory), name: FileName(stored: name))
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
