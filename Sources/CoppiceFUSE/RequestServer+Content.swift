internal import CFuse
internal import CLinux
internal import Coppice
internal import CoppicePlatform
internal import Glibc

extension RequestServer {
  // MARK: Opening

  func open(_ request: Request) throws(StoreError) {
    let arguments = try request.arguments(fuse_open_in.self)
    let tree = try session.branches.tree(request.node)
    let address = try open(
      request.node.file, of: tree, as: request.node, request,
      flags: arguments.flags, openFlags: arguments.open_flags)
    if !answer(Self.openAnswer(address)) { session.closeFile(address) }
  }

  /// What the kernel knows of the file stays right: it is told of changes by other doors.
  private static func openAnswer(_ address: UInt64) -> fuse_open_out {
    let flags = FOPEN_KEEP_CACHE | FOPEN_PARALLEL_DIRECT_WRITES
    return fuse_open_out(fh: address, open_flags: UInt32(flags), padding: 0)
  }

  private func open(
    _ file: FileID, of tree: FileTree, as node: NodeID, _ request: Request, flags: UInt32,
    openFlags: UInt32
  ) throws(StoreError) -> UInt64 {
    let access = OpenFile.Access(flags: flags)
    let isCut = Int32(flags) & O_TRUNC != 0
    if (access != .read || isCut) && tree.isReadOnly { throw .readOnlyTree(tree.name) }
    let opened = try tree.open(file)
    if isCut {
      let removesBits = openFlags & UInt32(FUSE_OPEN_KILL_SUIDGID) != 0
      try removePrivileges(
        of: opened, node.rawValue, by: writer(request, removesBits, in: opened.tree))
      try session.sizeLocks.withLock(node.rawValue) { () throws(StoreError) in
        try opened.truncate(to: 0)
      }
    }
    return session.handles.insert(
      OpenFile(
        opened, node: node.rawValue, access: access, isOfRoot: request.header.uid == 0,
        process: request.header.pid))
  }

  func create(_ request: Request) throws(StoreError) {
    let arguments = try request.arguments(fuse_create_in.self)
    let name = try request.name(after: MemoryLayout<fuse_create_in>.size)
    let branch = try branch(request.node)
    let made = try create(name, request, arguments, in: branch)
    let node = NodeID(request.node.index, made)
    let address = try open(
      made, of: branch, as: node, request, flags: arguments.flags,
      openFlags: arguments.open_flags)
    let entry: fuse_entry_out
    do throws(StoreError) { entry = try self.entry(node, in: branch) } catch {
      session.closeFile(address)
      throw error
    }
    answerSpace.storeBytes(of: entry, as: fuse_entry_out.self)
    let entryByteCount = MemoryLayout<fuse_entry_out>.size
    answerSpace.storeBytes(
      of: Self.openAnswer(address), toByteOffset: entryByteCount, as: fuse_open_out.self)
    if !send(entryByteCount + MemoryLayout<fuse_open_out>.size) {
      session.closeFile(address)
      session.forget(node)
    }
  }

  /// Another door may have made the file since the kernel looked.
  private func create(
    _ name: FileName, _ request: Request, _ arguments: fuse_create_in, in branch: Branch
  ) throws(StoreError) -> FileID {
    let new = try newFile(request, mode: arguments.mode, in: branch)
    do throws(StoreError) {
      return try branch.createFile(name, in: request.node.file, new).file
    } catch {
      guard error.reason == .exists, Int32(arguments.flags) & O_EXCL == 0,
        let found = try branch.lookupIfPresent(name, in: request.node.file)
      else { throw error }
      return found.file
    }
  }

  func release(_ request: Request) throws(StoreError) {
    session.closeFile(try request.arguments(fuse_release_in.self).fh)
    answer()
  }

  // MARK: Reading and writing

  func read(_ request: Request) throws(StoreError) {
    let arguments = try request.arguments(fuse_read_in.self)
    let handle = try HandleTable.file(arguments.fh)
    let space = answerSpace
    let count = min(Int(arguments.size), space.count)
    let buffer = UnsafeMutableRawBufferPointer(rebasing: space[..<count])
    send(try handle.file.read(at: arguments.offset, into: buffer))
  }

  /// One request is one atomic change.
  func write(_ request: Request) throws(StoreError) {
    let arguments = try request.arguments(fuse_write_in.self)
    let data = try request.data(after: MemoryLayout<fuse_write_in>.size)
    guard data.count >= Int(arguments.size) else { return answer(error: EINVAL) }
    let handle = try HandleTable.file(arguments.fh)
    try removePrivileges(of: handle, for: request, arguments)
    let offset = try session.sizeLocks.withLock(handle.node) { () throws(StoreError) in
      let offset = try Self.place(of: arguments, in: handle.file)
      try handle.file.write(
        at: offset, UnsafeRawBufferPointer(rebasing: data[..<Int(arguments.size)]))
      return offset
    }
    answer(fuse_write_out(size: arguments.size, padding: 0))
    // The kernel's pages have it where the kernel meant it to be.
    if offset != arguments.offset {
      session.chores.insert(.tell(.inode(NodeID(rawValue: handle.node))))
    }
  }

  /// What is appended goes behind the end as it is now: another door may have moved it since the
  /// kernel looked. The parts of a large direct write come in any order, so their places stay as
  /// they are.
  private static func place(
    of arguments: fuse_write_in, in file: File
  ) throws(StoreError) -> UInt64 {
    guard arguments.write_flags & UInt32(FUSE_WRITE_CACHE) == 0,
      Int32(arguments.flags) & O_APPEND != 0, arguments.flags & directFlag == 0
    else { return arguments.offset }
    return try file.byteCount()
  }

  private static let directFlag = UInt32(clinux_o_direct())

  func sync(_ request: Request) throws(StoreError) {
    let handle = try HandleTable.file(try request.arguments(fuse_fsync_in.self).fh)
    if !handle.file.tree.isReadOnly { try handle.file.flush() }
    answer()
  }

  // MARK: Holes

  /// Preallocating stores nothing: room is taken when bytes are written. But more than there is at
  /// the moment is refused.
  func allocate(_ request: Request) throws(StoreError) {
    let arguments = try request.arguments(fuse_fallocate_in.self)
    let handle = try HandleTable.file(arguments.fh)
    let (end, isBeyond) = arguments.offset.addingReportingOverflow(arguments.length)
    guard !isBeyond else { return answer(error: EFBIG) }
    let keepsSize = arguments.mode & UInt32(FALLOC_FL_KEEP_SIZE) != 0
    if arguments.mode & UInt32(FALLOC_FL_PUNCH_HOLE) == 0 {
      try checkRoom(for: arguments.offset..<end, of: handle.file)
    }
    try removePrivileges(of: handle, for: request)
    try session.sizeLocks.withLock(handle.node) { () throws(StoreError) in
      switch arguments.mode & ~UInt32(FALLOC_FL_KEEP_SIZE) {
      case 0:
        break
      case UInt32(FALLOC_FL_PUNCH_HOLE) where keepsSize, UInt32(FALLOC_FL_ZERO_RANGE):
        try handle.file.punchHole(arguments.offset..<end)
      default:
        throw StoreError(
          .invalid, "files cannot be changed in this way", reason: .unsupported)
      }
      if !keepsSize, try handle.file.attributes().byteCount < end {
        try handle.file.truncate(to: end)
      }
    }
    answer()
  }

  /// What is stored already has its room.
  private func checkRoom(for range: Range<UInt64>, of file: File) throws(StoreError) {
    let available = try storeSpace().availableByteCount
    let wanted = range.upperBound - range.lowerBound
    guard wanted > available else { return }
    let stored = try file.extents(in: range).reduce(UInt64(0)) {
      $1.isHole ? $0 : $0 + $1.range.upperBound - $1.range.lowerBound
    }
    guard wanted - stored > available else { return }
    throw StoreError(
      .invalid, "there is no room for \(wanted) bytes", object: file.id.description,
      reason: .noRoom)
  }

  private static let seekByteCount: UInt64 = 256 << 20

  /// The next byte that is stored, or the next hole; a hole begins at the end of every file.
  ///
  /// The kernel does not send before what it holds back. With its writeback cache that may be
  /// anything: it then answers by itself, that all is data. And what somebody may have mapped is
  /// data to others.
  func seek(_ request: Request) throws(StoreError) {
    if session.options.usesWritebackCache { return answer(error: ENOSYS) }
    let arguments = try request.arguments(fuse_lseek_in.self)
    let handle = try HandleTable.file(arguments.fh)
    let seeksHole = Int32(arguments.whence) == SEEK_HOLE
    guard seeksHole || Int32(arguments.whence) == SEEK_DATA else { return answer(error: EINVAL) }
    let end = try handle.file.attributes().byteCount
    var place = arguments.offset
    guard place < end else { return answer(error: ENXIO) }
    if session.handles.mayBeMapped(handle.file.id, of: handle.file.tree, besides: handle) {
      answer(fuse_lseek_out(offset: seeksHole ? end : place))
      return
    }
    while place < end {
      let part = place..<min(end, place + Self.seekByteCount)
      let found = try handle.file.extents(in: part).first { $0.isHole == seeksHole }
      if let found {
        answer(fuse_lseek_out(offset: max(place, found.range.lowerBound)))
        return
      }
      place = part.upperBound
    }
    if seeksHole { answer(fuse_lseek_out(offset: end)) } else { answer(error: ENXIO) }
  }

  // MARK: Copying

  /// Within a branch and between branches: what is stored is shared.
  func copyRange(_ request: Request) throws(StoreError) {
    let arguments = try request.arguments(fuse_copy_file_range_in.self)
    let source = try HandleTable.file(arguments.fh_in)
    let target = try HandleTable.file(arguments.fh_out)
    // The answer counts in 32 bits.
    let count = min(arguments.len, UInt64(1 << 30))
    let (end, isBeyond) = arguments.off_in.addingReportingOverflow(count)
    guard !isBeyond else { return answer(error: EFBIG) }
    try removePrivileges(of: target, for: request)
    let copied = try session.sizeLocks.withLock(target.node) { () throws(StoreError) in
      try source.file.copy(arguments.off_in..<end, to: target.file, at: arguments.off_out)
    }
    answer(fuse_write_out(size: UInt32(copied), padding: 0))
  }
}
