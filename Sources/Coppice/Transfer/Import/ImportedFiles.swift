internal import CoppiceFormat

/// Decides what a name of the target becomes, and changes the names.
///
/// A file that exists keeps its number, so that its pages are compared with what they replace. Two
/// names that were one file and are two now, or the other way round, are told apart: a number is
/// given to one file of the source only.
struct ImportedFiles {
  /// What a file of the source is known by when it may have several names.
  enum Source: Hashable {
    case inode(device: UInt64, inode: UInt64)
    /// It has one name.
    case single
  }

  /// What became of a name.
  enum Outcome {
    /// The content is still to come.
    case made(FileID)
    case kept(FileID)
    /// A further name of a file that is already there.
    case linked
  }

  private var files: [Source: FileID] = [:]
  /// Files with several names in the target that belong to a file of the source now.
  private var claimed: Set<FileID> = []

  /// Gives `node` the name. `existing` is what the name means so far; a directory among what must
  /// go has been removed before.
  mutating func place(
    _ node: ImportedNode, _ source: Source, name: FileName, in directory: FileID,
    existing: DirectoryEntry?, _ transaction: FileTransaction
  ) throws(StoreError) -> Outcome {
    if source != .single, let file = files[source] {
      if existing?.file == file { return .linked }
      if existing != nil { try transaction.remove(name, in: directory) }
      _ = try transaction.link(file, as: name, in: directory)
      return .linked
    }
    if let existing, try keeps(existing, node, transaction) {
      try ImportedFiles.update(existing.file, to: node, transaction)
      if source != .single { files[source] = existing.file }
      return .kept(existing.file)
    }
    if existing != nil { try transaction.remove(name, in: directory) }
    let file = try ImportedFiles.create(node, name: name, in: directory, transaction)
    if source != .single { files[source] = file }
    return .made(file)
  }

  /// Lets a file that was removed again be claimed by another.
  mutating func forget(_ file: FileID) { claimed.remove(file) }

  /// Whether the name cannot keep its file because that is of another kind.
  static func mustGo(_ existing: DirectoryEntry, for kind: FileKind) -> Bool {
    existing.kind != kind && existing.kind == .directory
  }

  private mutating func keeps(
    _ existing: DirectoryEntry, _ node: ImportedNode, _ transaction: FileTransaction
  ) throws(StoreError) -> Bool {
    guard existing.kind == node.kind else { return false }
    let attributes = try transaction.attributes(of: existing.file)
    switch node.kind {
    case .directory: return true
    case .symbolicLink:
      guard try transaction.names.inode(of: existing.file).target == node.target else {
        return false
      }
    case .characterDevice, .blockDevice:
      guard attributes.device == node.device else { return false }
    case .regular, .fifo, .socket: break
    }
    guard attributes.linkCount > 1 else { return true }
    return claimed.insert(existing.file).inserted
  }

  private static func create(
    _ node: ImportedNode, name: FileName, in directory: FileID, _ transaction: FileTransaction
  ) throws(StoreError) -> FileID {
    let made =
      switch node.kind {
      case .regular: try transaction.createFile(name, in: directory, node.newFile)
      case .directory: try transaction.createDirectory(name, in: directory, node.newFile)
      case .symbolicLink:
        try transaction.createSymbolicLink(
          name, in: directory, target: node.target, node.newFile)
      case .characterDevice, .blockDevice, .fifo, .socket:
        try transaction.createSpecialFile(
          name, in: directory, kind: node.kind, device: node.device, node.newFile)
      }
    for (name, value) in node.attributes.sorted(by: { $0.key < $1.key }) {
      try transaction.setExtendedAttribute(name, of: made.file, to: value)
    }
    return made.file
  }

  /// Gives a file the node's attributes; writes nothing where they are the same. The modification
  /// time of a regular file comes with its content.
  static func update(
    _ file: FileID, to node: ImportedNode, _ transaction: FileTransaction
  ) throws(StoreError) {
    let now = try transaction.attributes(of: file)
    var changes = AttributeChanges()
    if now.permissions != node.permissions { changes.permissions = node.permissions }
    if now.userID != node.userID { changes.userID = node.userID }
    if now.groupID != node.groupID { changes.groupID = node.groupID }
    if node.kind != .regular, now.modified != node.modified { changes.modified = node.modified }
    if changes != AttributeChanges() { _ = try transaction.setAttributes(of: file, changes) }
    if node.kind == .regular, now.modified != node.modified {
      try transaction.expectContent(of: file, modified: node.modified)
    }

    let names = try transaction.names.attributeNames(of: file)
    for name in names where node.attributes[name] == nil {
      try transaction.removeExtendedAttribute(name, of: file)
    }
    for (name, value) in node.attributes.sorted(by: { $0.key < $1.key }) {
      let isSame = try transaction.names.attributeValue(name, of: file) == value
      if !isSame { try transaction.setExtendedAttribute(name, of: file, to: value) }
    }
  }
}
