internal import CoppicePlatform

/// A file as a list of its directory shows it.
public struct FileInfo: Hashable, Sendable, Codable {
  /// In that directory.
  public var name: FileName
  public var kind: FileKind
  /// Octal: the lower 12 bits of a POSIX mode.
  public var permissions: String
  public var userID: UInt32
  public var groupID: UInt32
  public var linkCount: UInt32
  /// Bytes of the content; of a symbolic link those of its target; 0 for other kinds.
  public var byteCount: UInt64
  /// When the content changed last, or what was set after that.
  public var modified: Timestamp
  /// Of a symbolic link, as text; bytes that are not UTF-8 are written as in a `FileName`'s
  /// description.
  public var target: String?

  init(_ name: FileName, _ attributes: FileAttributes, target: [UInt8]?) {
    self.name = name
    kind = attributes.kind
    permissions = String(attributes.permissions, radix: 8)
    userID = attributes.userID
    groupID = attributes.groupID
    linkCount = attributes.linkCount
    byteCount = attributes.byteCount
    modified = attributes.modified
    self.target = target.map { ByteText.text($0) }
  }
}

extension FileTree {
  /// What a directory has at this moment, in the order of the names; of another file that one
  /// alone, and of a symbolic link the link. Throws `notFound`, and `invalid` where the path leads
  /// through what is no directory.
  public func list(_ path: BranchPath) throws(StoreError) -> [FileInfo] {
    let moment = try moment()
    let file = try moment.lookup(path)
    if let name = path.lastComponent, try moment.attributes(of: file).kind != .directory {
      return [try moment.info(of: file, called: name)]
    }
    var files: [FileInfo] = []
    for entry in try moment.readDirectory(file, after: nil, limit: .max) {
      files.append(try moment.info(of: entry.file, called: entry.name))
    }
    return files
  }

  private func info(of file: FileID, called name: FileName) throws(StoreError) -> FileInfo {
    let attributes = try attributes(of: file)
    let isLink = attributes.kind == .symbolicLink
    return FileInfo(name, attributes, target: isLink ? try symbolicLinkTarget(of: file) : nil)
  }
}
