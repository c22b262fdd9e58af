internal import CoppiceFormat

/// Walks a path through directories and symbolic links of one state of the names.
struct PathResolver {
  static let linkCountMax = 40

  private let names: any NamesPages
  private let path: BranchPath
  private let followsLast: Bool
  /// Components still to go, the next one last; links put theirs on top.
  private var rest: [[UInt8]]
  private var linkCount = 0

  init(names: any NamesPages, path: BranchPath, followsLast: Bool) {
    self.names = names
    self.path = path
    self.followsLast = followsLast
    rest = path.components.reversed().map(\.bytes)
  }

  mutating func resolve() throws(StoreError) -> FileID {
    var current = FileID.root
    while let component = rest.popLast() {
      let directory = current
      let inode = try names.inode(of: directory)
      guard inode.kind == FileKind.directory.rawValue else {
        throw .notDirectory(path.description)
      }
      if component.elementsEqual("..".utf8) {
        current = FileID(inode.parent)
        continue
      }
      guard let name = try? FileName(bytes: component),
        let entry = try names.entry(name, in: directory)
      else { throw .noSuchFile(path.description) }
      current = entry.file
      if entry.kind == .symbolicLink, followsLast || !rest.isEmpty {
        current = try follow(entry.file, from: directory)
      }
    }
    return current
  }

  /// Where to go on: the link's directory, or the root for an absolute target.
  private mutating func follow(
    _ link: FileID, from directory: FileID
  ) throws(StoreError) -> FileID {
    linkCount += 1
    guard linkCount <= Self.linkCountMax else { throw .linkLoop(path.description) }
    let target = try names.inode(of: link).target
    for part in target.split(separator: UInt8(ascii: "/")).reversed()
    where !part.elementsEqual(".".utf8) {
      rest.append(Array(part))
    }
    return target.first == UInt8(ascii: "/") ? .root : directory
  }
}
