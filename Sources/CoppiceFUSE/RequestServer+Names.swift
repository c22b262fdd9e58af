internal import CFuse
internal import Coppice
internal import CoppicePlatform
internal import Glibc

extension RequestServer {
  /// The branch of a node, for changing it. Snapshots cannot be written; at the top of the mount
  /// only the commands change anything.
  func branch(_ node: NodeID) throws(StoreError) -> Branch {
    if node == .top { throw .fixedTop(session.directory) }
    let tree = try session.branches.tree(node)
    guard let branch = tree as? Branch else { throw .readOnlyTree(tree.name) }
    return branch
  }

  /// As `branch`, for one name in a directory; says in the log which command is wanted instead.
  private func branch(
    changing name: FileName, in node: NodeID, command: String
  ) throws(StoreError) -> Branch {
    if node == .top {
      session.options.log(
        "\(session.directory)/\(name): branches are not made or changed by file commands; "
          + "use `\(command)`")
    }
    return try branch(node)
  }

  // MARK: Looking

  /// A name may lead elsewhere each time that it is looked at, but not for ever.
  private static let lookupCountMax = 64

  func lookup(_ request: Request) throws(StoreError) {
    let bytes = try request.text()
    if bytes.elementsEqual(".".utf8) { return try answer(entry: request.node) }
    if bytes.elementsEqual("..".utf8) { return try answer(entry: parent(of: request.node)) }
    if request.node == .top { return try lookupBranch(bytes) }
    let name = try FileName(bytes: bytes)
    let tree = try session.branches.tree(request.node)
    for count in 1... {
      guard let found = try tree.lookupIfPresent(name, in: request.node.file) else {
        var absent = fuse_entry_out()
        absent.entry_valid = Self.validSecondsOfAbsence
        answer(absent)
        return
      }
      do throws(StoreError) {
        return try answer(entry: NodeID(request.node.index, found.file), in: tree)
      } catch {
        // Another door removed the file meanwhile.
        if error.kind != .notFound || count == Self.lookupCountMax { throw error }
      }
    }
  }

  private func lookupBranch(_ bytes: UnsafeRawBufferPointer) throws(StoreError) {
    // A name that no branch can have is not worth a search.
    guard let name = String(validating: bytes, as: UTF8.self), !name.hasPrefix(".") else {
      return answer(error: ENOENT)
    }
    let (index, tree) = try session.branches.index(named: name)
    try answer(entry: NodeID(index, .root), in: tree)
  }

  /// The directory that a directory is in.
  func parent(of node: NodeID) throws(StoreError) -> NodeID {
    if node == .top || node.file == .root { return .top }
    let tree = try session.branches.tree(node)
    return NodeID(node.index, try tree.parent(of: node.file))
  }

  // MARK: Answers

  /// What the kernel is told of a file that a name leads to. From here on it knows the file, until it
  /// says that it has forgotten it.
  func entry(_ node: NodeID, in tree: FileTree) throws(StoreError) -> fuse_entry_out {
    // The kernel is told of every change that the attributes below do not show.
    tree.retain(node.file)
    do throws(StoreError) {
      var entry = fuse_entry_out()
      entry.nodeid = node.rawValue
      entry.generation = UInt64(session.generation)
      let isBranch = node.file == .root
      entry.entry_valid = isBranch ? Self.validSecondsOfBranches : Self.validSeconds
      entry.attr = attributes(try tree.attributes(of: node.file), in: tree)
      entry.attr_valid = Self.validSeconds(entry.attr)
      return entry
    } catch {
      session.forget(node)
      throw error
    }
  }

  private func answer(entry node: NodeID, in tree: FileTree) throws(StoreError) {
    if !answer(try entry(node, in: tree)) { session.forget(node) }
  }

  /// By number: the kernel was given a file handle.
  private func answer(entry node: NodeID) throws(StoreError) {
    guard node == .top else { return try answer(entry: node, in: session.branches.tree(node)) }
    var entry = fuse_entry_out()
    entry.nodeid = node.rawValue
    entry.attr = topAttributes()
    entry.attr_valid = Self.validSeconds(entry.attr)
    answer(entry)
  }

  // MARK: Forgetting

  func forget(_ request: Request) throws(StoreError) {
    session.forget(
      request.node, count: try request.arguments(fuse_forget_in.self).nlookup)
  }

  func forgetAll(_ request: Request) throws(StoreError) {
    let count = Int(try request.arguments(fuse_batch_forget_in.self).count)
    let entries = try request.data(after: MemoryLayout<fuse_batch_forget_in>.size)
    let stride = MemoryLayout<fuse_forget_one>.stride
    for index in 0..<min(count, entries.count / stride) {
      let one = entries.loadUnaligned(
        fromByteOffset: index * stride, as: fuse_forget_one.self)
      session.forget(NodeID(rawValue: one.nodeid), count: one.nlookup)
    }
  }

  func readSymbolicLink(_ request: Request) throws(StoreError) {
    let tree = try session.branches.tree(request.node)
    answer(try tree.symbolicLinkTarget(of: request.node.file))
  }

  // MARK: Creating

  /// What a new file starts with. In a directory with the set-group-ID bit it takes the directory's
  /// group, and a directory the bit as well.
  func newFile(
    _ request: Request, mode: UInt32, in branch: Branch, isDirectory: Bool = false
  ) throws(StoreError) -> NewFile {
    var new = NewFile(
      permissions: UInt16(mode & 0o7777), userID: request.header.uid, groupID: request.header.gid)
    let parent = try branch.attributes(of: request.node.file)
    if parent.permissions & 0o2000 != 0 {
      new.groupID = parent.groupID
      if isDirectory { new.permissions |= 0o2000 }
    }
    return new
  }

  private func answer(
    made attributes: FileAttributes, in branch: Branch, by request: Request
  ) throws(StoreError) {
    try answer(entry: NodeID(request.node.index, attributes.file), in: branch)
  }

  func makeDirectory(_ request: Request) throws(StoreError) {
    let arguments = try request.arguments(fuse_mkdir_in.self)
    let name = try request.name(after: MemoryLayout<fuse_mkdir_in>.size)
    let branch = try branch(
      changing: name, in: request.node, command: "coppice branch create \(name)")
    let new = try newFile(request, mode: arguments.mode, in: branch, isDirectory: true)
    try answer(
      made: branch.createDirectory(name, in: request.node.file, new), in: branch, by: request)
  }

  func makeNode(_ request: Request) throws(StoreError) {
    let arguments = try request.arguments(fuse_mknod_in.self)
    let name = try request.name(after: MemoryLayout<fuse_mknod_in>.size)
    let branch = try branch(changing: name, in: request.node, command: "coppice put BRANCH:PATH")
    guard let kind = HostFileKind(mode: arguments.mode) else { return answer(error: EINVAL) }
    let new = try newFile(request, mode: arguments.mode, in: branch)
    let made =
      if kind == .regular {
        try branch.createFile(name, in: request.node.file, new)
      } else {
        try branch.createSpecialFile(
          name, in: request.node.file, kind: FileKind(kind),
          device: Self.device(kernel: arguments.rdev), new)
      }
    try answer(made: made, in: branch, by: request)
  }

  func makeSymbolicLink(_ request: Request) throws(StoreError) {
    let name = try request.name()
    let target = Array(try request.text(from: name.bytes.count + 1))
    let branch = try branch(changing: name, in: request.node, command: "coppice branch create")
    let new = try newFile(request, mode: 0o777, in: branch)
    try answer(
      made: branch.createSymbolicLink(name, in: request.node.file, target: target, new),
      in: branch, by: request)
  }

  func link(_ request: Request) throws(StoreError) {
    let source = NodeID(rawValue: try request.arguments(fuse_link_in.self).oldnodeid)
    let name = try request.name(after: MemoryLayout<fuse_link_in>.size)
    guard source.index == request.node.index else { throw .acrossBranches(name) }
    let branch = try branch(request.node)
    try branch.link(source.file, as: name, in: request.node.file)
    var entry = try entry(source, in: branch)
    // Of a file that it knows the kernel believes this answer even if a change has overtaken it.
    entry.attr_valid = 0
    if !answer(entry) { session.forget(source) }
  }

  // MARK: Removing and moving

  func unlink(_ request: Request) throws(StoreError) {
    let name = try request.name()
    let branch = try branch(
      changing: name, in: request.node, command: "coppice branch delete \(name)")
    try branch.remove(name, in: request.node.file)
    answer()
  }

  func removeDirectory(_ request: Request) throws(StoreError) {
    let name = try request.name()
    let branch = try branch(
      changing: name, in: request.node, command: "coppice branch delete \(name)")
    try branch.removeDirectory(name, in: request.node.file)
    answer()
  }

  func rename(_ request: Request, arguments: fuse_rename_in.Type) throws(StoreError) {
    let target = NodeID(rawValue: try request.arguments(arguments).newdir)
    let (name, newName) = try request.names(after: MemoryLayout<fuse_rename_in>.size)
    try rename(request, name, to: newName, in: target, .replace)
  }

  func rename(_ request: Request, arguments: fuse_rename2_in.Type) throws(StoreError) {
    let more = try request.arguments(arguments)
    let (name, newName) = try request.names(after: MemoryLayout<fuse_rename2_in>.size)
    let rule: RenameRule
    switch more.flags {
    case 0: rule = .replace
    case UInt32(RENAME_NOREPLACE): rule = .exclusive
    case UInt32(RENAME_EXCHANGE): rule = .exchange
    default: return answer(error: EINVAL)
    }
    try rename(request, name, to: newName, in: NodeID(rawValue: more.newdir), rule)
  }

  private func rename(
    _ request: Request, _ name: FileName, to newName: FileName, in target: NodeID,
    _ rule: RenameRule
  ) throws(StoreError) {
    guard target.index == request.node.index else { throw .acrossBranches(name) }
    let branch = try branch(
      changing: name, in: request.node, command: "coppice branch rename \(name) \(newName)")
    try branch.rename(name, in: request.node.file, to: newName, in: target.file, rule)
    answer()
  }
}

extension StoreError {
  fileprivate static func fixedTop(_ directory: String) -> StoreError {
    StoreError(
      .denied, "only commands make and change branches", object: directory,
      remedy: "use `coppice branch`", reason: .notPermitted)
  }

  fileprivate static func acrossBranches(_ name: FileName) -> StoreError {
    StoreError(
      .invalid, "a file has its names in one branch", object: name.description,
      remedy: "copy it", reason: .otherTree)
  }
}
