internal import CFuse
internal import Coppice
internal import Glibc
internal import Synchronization

extension RequestServer {
  func openDirectory(_ request: Request) throws(StoreError) {
    if request.node != .top { _ = try session.branches.tree(request.node) }
    let address = session.handles.insert(OpenDirectory())
    if !answer(fuse_open_out(fh: address, open_flags: 0, padding: 0)) {
      session.handles.removeDirectory(address)
    }
  }

  func releaseDirectory(_ request: Request) throws(StoreError) {
    session.handles.removeDirectory(try request.arguments(fuse_release_in.self).fh)
    answer()
  }

  func syncDirectory(_ request: Request) throws(StoreError) {
    if request.node != .top, let branch = try session.branches.tree(request.node) as? Branch {
      try branch.flush(request.node.file)
    }
    answer()
  }

  /// Positions: 1 is behind `.`, 2 behind `..`, n + 2 behind the n-th entry of the handle's list.
  func readDirectory(_ request: Request, withAttributes: Bool) throws(StoreError) {
    let arguments = try request.arguments(fuse_read_in.self)
    let directory = try HandleTable.directory(arguments.fh)
    if arguments.offset == 0 {
      let list = try list(request.node)
      directory.list.withLock { $0 = list }
    }
    var page = DirectoryPage(
      UnsafeMutableRawBufferPointer(
        rebasing: answerSpace[..<min(Int(arguments.size), answerSpace.count)]),
      withAttributes: withAttributes)
    let list = directory.list.withLock { $0 }
    let dots: [[UInt8]] = [Array(".".utf8), Array("..".utf8)]
    var position = Int(clamping: arguments.offset)
    while position < dots.count {
      let kind = FileKind.directory.hostKind
      guard
        page.append(dots[position], kind, inode: request.node.rawValue, position: position + 1)
      else { break }
      position += 1
    }
    while position >= dots.count, position < list.count + dots.count {
      guard try append(list[position - dots.count], of: request.node, position + 1, to: &page)
      else { break }
      position += 1
    }
    send(page.byteCount)
  }

  /// Returns whether there was room.
  private func append(
    _ found: DirectoryEntry, of directory: NodeID, _ position: Int, to page: inout DirectoryPage
  ) throws(StoreError) -> Bool {
    guard directory != .top else {
      return page.append(
        found.name.bytes, found.kind.hostKind, inode: DirectoryPage.unknownInode,
        position: position)
    }
    let node = NodeID(directory.index, found.file)
    var entry: fuse_entry_out?
    if page.withAttributes, page.hasRoom(for: found.name.bytes) {
      do throws(StoreError) {
        let tree = try session.branches.tree(directory)
        entry = self.entry(try tree.attributes(of: found.file), node)
      } catch {
        // Removed since the list was made: the name alone, for the kernel to look up.
        if error.kind != .notFound { throw error }
      }
    }
    return page.append(
      found.name.bytes, found.kind.hostKind, inode: node.rawValue, position: position,
      entry: entry)
  }

  private func list(_ node: NodeID) throws(StoreError) -> [DirectoryEntry] {
    guard node == .top else {
      return try session.branches.tree(node).readDirectory(node.file)
    }
    return try session.store.entries().map { info throws(StoreError) in
      DirectoryEntry(name: try FileName(info.name), file: .root, kind: .directory)
    }
  }
}
