internal import CFuse
internal import Coppice
internal import Glibc

/// What the kernel learns of files, and what it forgets.
extension RequestServer {
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

  /// What the kernel is told of a file that a name leads to. From here on it knows the file, until
  /// it says that it has forgotten it.
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

  func answer(entry node: NodeID, in tree: FileTree) throws(StoreError) {
    if !answer(try entry(node, in: tree)) { session.forget(node) }
  }

  /// By number: the kernel was given the handle of a file that it does not know, so nothing uses
  /// one that has no name.
  private func answer(entry node: NodeID) throws(StoreError) {
    var entry = fuse_entry_out()
    if node == .top {
      entry.nodeid = node.rawValue
      entry.attr = topAttributes()
      entry.attr_valid = Self.validSeconds(entry.attr)
    } else {
      entry = try self.entry(node, in: session.branches.tree(node))
    }
    guard entry.attr.nlink > 0 else {
      session.forget(node)
      return answer(error: ENOENT)
    }
    if !answer(entry) { session.forget(node) }
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
}
