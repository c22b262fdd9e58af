internal import CFuse
internal import Coppice
internal import CoppicePlatform
internal import Glibc
internal import Synchronization

extension RequestServer {
  func openDirectory(_ request: Request) throws(StoreError) {
    if request.node != .top { _ = try session.branches.tree(request.node) }
    let address = session.handles.insert(OpenDirectory())
    if !answer(fuse_open_out(fh: address, open_flags: 0, padding: 0)) {
      session.closeDirectory(address)
    }
  }

  func releaseDirectory(_ request: Request) throws(StoreError) {
    session.closeDirectory(try request.arguments(fuse_release_in.self).fh)
    answer()
  }

  func syncDirectory(_ request: Request) throws(StoreError) {
    if request.node != .top, let branch = try session.branches.tree(request.node) as? Branch {
      try branch.flush(request.node.file)
    }
    answer()
  }

  /// What an answer says of a name is so at that moment: the names are looked at again, unless
  /// nothing has changed since the window was read. Until the answer is taken the kernel lets
  /// nobody change the directory through the mount, and notifications wait for it.
  func readDirectory(_ request: Request, withAttributes: Bool) throws(StoreError) {
    let arguments = try request.arguments(fuse_read_in.self)
    let directory = try HandleTable.directory(arguments.fh)
    var listing = DirectoryAnswer(
      page: DirectoryPage(
        UnsafeMutableRawBufferPointer(
          rebasing: answerSpace[..<min(Int(arguments.size), answerSpace.count)]),
        withAttributes: withAttributes),
      node: request.node, position: EntryPosition(rawValue: arguments.offset))
    if listing.position == .start { directory.window.withLock { $0 = nil } }
    do throws(StoreError) {
      try appendDots(to: &listing)
      try appendEntries(of: directory, to: &listing)
    } catch {
      listing.nodes.forEach { session.forget($0) }
      throw error
    }
    if !send(listing.page.byteCount) { listing.nodes.forEach { session.forget($0) } }
  }

  private func appendDots(to listing: inout DirectoryAnswer) throws(StoreError) {
    let kind = FileKind.directory.hostKind
    if listing.position == .start {
      let inode = try inode(of: listing.node)
      listing.append(Array(".".utf8), kind, inode, .behindDot)
    }
    if listing.position == .behindDot {
      let inode = try inode(of: parent(of: listing.node))
      listing.append(Array("..".utf8), kind, inode, .behindDots)
    }
  }

  private func inode(of node: NodeID) throws(StoreError) -> InodeNumber {
    node == .top ? .top : InodeNumber(node.file, of: try session.branches.tree(node))
  }

  private func appendEntries(
    of directory: OpenDirectory, to listing: inout DirectoryAnswer
  ) throws(StoreError) {
    while listing.hasRoom {
      let window = try window(of: directory, listing.node, after: listing.position)
      if listing.node == .top {
        appendBranches(of: window, to: &listing)
      } else {
        try appendFiles(of: window, to: &listing)
      }
      if window.reachesEnd { return }
    }
  }

  private func window(
    of directory: OpenDirectory, _ node: NodeID, after position: EntryPosition
  ) throws(StoreError) -> DirectoryWindow {
    if let known = directory.window.withLock({ $0 }), known.covers(position) { return known }
    let order = session.entryOrder
    let window =
      if node == .top {
        DirectoryWindow(try branchEntries(), after: position, order)
      } else {
        try DirectoryWindow(
          of: node.file, in: session.branches.tree(node), after: position, order)
      }
    directory.window.withLock { $0 = window }
    return window
  }

  /// Branches and snapshots, with their own numbers in place of a file's.
  private func branchEntries() throws(StoreError) -> [DirectoryEntry] {
    try session.store.entries().map { info throws(StoreError) in
      DirectoryEntry(
        name: try FileName(info.name), file: FileID(rawValue: info.id), kind: .directory)
    }
  }

  /// By name only: the kernel looks up what it wants.
  private func appendBranches(of window: DirectoryWindow, to listing: inout DirectoryAnswer) {
    for place in window.places(after: listing.position) where listing.hasRoom {
      let inode = InodeNumber(entry: place.entry.file.rawValue, .root)
      listing.append(
        place.entry.name.bytes, FileKind.directory.hostKind, inode, place.position)
    }
  }

  private func appendFiles(
    of window: DirectoryWindow, to listing: inout DirectoryAnswer
  ) throws(StoreError) {
    let directory = listing.node
    let tree = try session.branches.tree(directory)
    let isCurrent = window.version == tree.namesVersion
    for place in window.places(after: listing.position) {
      let name = place.entry.name
      guard listing.page.hasRoom(for: name.bytes) else { return listing.end() }
      var found: DirectoryEntry? = place.entry
      if !isCurrent { found = try tree.lookupIfPresent(name, in: directory.file) }
      guard let found else {
        listing.skip(to: place.position)
        continue
      }
      let entry = try entryIfPresent(found, in: tree, &listing)
      listing.append(
        name.bytes, found.kind.hostKind, InodeNumber(found.file, of: tree), place.position, entry)
    }
  }

  /// What the kernel is told of a listed file; `nil` for the name alone.
  private func entryIfPresent(
    _ found: DirectoryEntry, in tree: FileTree, _ listing: inout DirectoryAnswer
  ) throws(StoreError) -> fuse_entry_out? {
    guard listing.page.withAttributes else { return nil }
    let node = NodeID(listing.node.index, found.file)
    do throws(StoreError) {
      let entry = try entry(node, in: tree)
      listing.nodes.append(node)
      return entry
    } catch {
      // Another door removed it since the name was looked at.
      guard error.kind == .notFound else { throw error }
      return nil
    }
  }
}

/// The answer to one reading of a directory, while it is made.
private struct DirectoryAnswer {
  var page: DirectoryPage
  let node: NodeID
  /// Behind what the answer has so far.
  var position: EntryPosition
  /// What the kernel knows by it.
  var nodes: [NodeID] = []
  private(set) var hasRoom = true

  init(page: DirectoryPage, node: NodeID, position: EntryPosition) {
    self.page = page
    self.node = node
    self.position = position
  }

  mutating func append(
    _ name: [UInt8], _ kind: HostFileKind, _ inode: InodeNumber, _ behind: EntryPosition,
    _ entry: fuse_entry_out? = nil
  ) {
    hasRoom = page.append(
      name, kind, inode: inode.rawValue, position: behind.rawValue, entry: entry)
    if hasRoom { position = behind }
  }

  mutating func skip(to behind: EntryPosition) { position = behind }
  mutating func end() { hasRoom = false }
}
