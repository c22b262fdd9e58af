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
    let (userID, groupID) = (request.header.uid, request.header.gid)
    let owner = session.owners.owner(in: branch)
    var new = NewFile(
      permissions: UInt16(mode & 0o7777), userID: owner?.stored(userID: userID) ?? userID,
      groupID: owner?.stored(groupID: groupID) ?? groupID)
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
