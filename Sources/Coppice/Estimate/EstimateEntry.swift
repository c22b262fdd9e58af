internal import CoppicePlatform

/// A name of an input, with what is known of it without its content.
package struct EstimateEntry: Sendable {
  /// Where the content of a regular file lies.
  enum Content: Sendable {
    /// It has none: no regular file, an empty one, or a further name of one.
    case none
    case file(HostStatus)
    case member([EstimateContent.Piece])
  }

  package let path: BranchPath
  let node: ImportedNode
  /// What a file with several names is known by.
  let source: ImportedFiles.Source
  var content: Content
  /// Of a regular file, holes included; 0 for a further name of one.
  package var byteCount: UInt64
  /// Of a directory's input: what it must still be at the end.
  let status: HostStatus?

  package var kind: FileKind { node.kind }
  /// Of a symbolic link.
  package var target: [UInt8] { node.target }

  var isRegular: Bool { node.kind == .regular }

  init(_ path: BranchPath, _ node: ImportedNode, _ status: HostStatus) {
    self.path = path
    self.node = node
    let isShared = node.kind != .directory && status.linkCount > 1
    source = isShared ? .inode(device: status.device, inode: status.inode) : .single
    self.status = status.withoutAccess
    byteCount = node.kind == .regular ? status.byteCount : 0
    content = byteCount > 0 ? .file(status.withoutAccess) : .none
  }

  /// - Parameter source: one number for all names of a file.
  init(
    _ path: BranchPath, _ node: ImportedNode, _ source: ImportedFiles.Source,
    byteCount: UInt64, _ pieces: [EstimateContent.Piece]
  ) {
    self.path = path
    self.node = node
    self.source = source
    self.byteCount = byteCount
    content = byteCount > 0 ? .member(pieces) : .none
    status = nil
  }

  /// Whether the content belongs to another name of the file.
  package private(set) var isFurtherName = false

  mutating func becomeFurtherName() {
    content = .none
    byteCount = 0
    isFurtherName = true
  }

  /// Whether both are one file of the machine, which equals itself.
  func isSameFile(as other: EstimateEntry) -> Bool {
    guard case .file(let own) = content, case .file(let others) = other.content else {
      return false
    }
    return own.identity == others.identity
  }
}
