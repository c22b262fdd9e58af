package import Coppice
internal import CoppicePlatform

package struct FileListRequest: StoreRequest {
  package static let route = Route(.get, "/v1/files", "List a directory of a branch.")

  /// A branch or snapshot.
  package var entry: String
  /// A directory or file in it; its top without.
  package var path: String?

  package init(entry: String, path: String?) {
    self.entry = entry
    self.path = path
  }

  package var isReadOnly: Bool { true }

  package var access: Access { Access(.content, .entry(entry)) }

  package func run(_ context: RequestContext) throws(StoreError) -> Answer {
    let tree = try context.store.moment(of: entry)
    let place = FilePlace(entry, path)
    return try place.naming { () throws(StoreError) in
      try list(place.branchPath(), tree)
    }
  }

  private func list(_ path: BranchPath, _ tree: Moment) throws(StoreError) -> Answer {
    let file = try tree.lookup(path)
    guard try tree.attributes(of: file).kind == .directory else {
      return Answer(entries: [try FileAnswer(file, path.lastComponent, tree)])
    }
    var entries: [FileAnswer] = []
    for item in try tree.readDirectory(file, after: nil, limit: .max) {
      entries.append(try FileAnswer(item.file, item.name, tree))
    }
    return Answer(entries: entries)
  }

  package struct Answer: Codable, Sendable {
    package var entries: [FileAnswer]
  }

  package struct FileAnswer: Codable, Sendable {
    /// As `ByteText` has it.
    package var name: String
    package var kind: String
    /// Octal.
    package var permissions: String
    package var userID: UInt32
    package var groupID: UInt32
    package var linkCount: UInt32
    package var byteCount: UInt64
    /// A file's own attribute, called as everywhere.
    package var modified: Timestamp
    package var target: String?

    init(_ file: FileID, _ name: FileName?, _ tree: FileTree) throws(StoreError) {
      let attributes = try tree.attributes(of: file)
      self.name = name?.description ?? ""
      kind = attributes.kind.text
      permissions = String(attributes.permissions, radix: 8)
      userID = attributes.userID
      groupID = attributes.groupID
      linkCount = attributes.linkCount
      byteCount = attributes.byteCount
      modified = attributes.modified
      if attributes.kind == .symbolicLink {
        target = ByteText.text(try tree.symbolicLinkTarget(of: file))
      }
    }
  }
}

extension FileKind {
  /// The kind as JSON answers name it.
  var text: String {
    switch self {
    case .regular: "file"
    case .directory: "directory"
    case .symbolicLink: "symbolicLink"
    case .characterDevice: "characterDevice"
    case .blockDevice: "blockDevice"
    case .fifo: "fifo"
    case .socket: "socket"
    }
  }
}
