internal import CFuse
internal import Coppice
internal import CoppicePlatform
internal import Glibc

extension RequestServer {
  /// How long the kernel may believe what it was told: it is told when that is not so any more.
  static let validSeconds: UInt64 = 86_400
  /// What changes in a directory does not keep the kernel from believing an answer that crossed the
  /// change.
  static let validSecondsOfDirectories: UInt64 = 1
  /// Names of branches: their lookup and their deletion may cross.
  static let validSecondsOfBranches: UInt64 = 1
  /// That there is no such name: nothing is there yet that a notification could concern, and one
  /// that crosses the answer is lost.
  static let validSecondsOfAbsence: UInt64 = 1

  // MARK: Answers

  func attributes(_ attributes: FileAttributes, in tree: FileTree) -> fuse_attr {
    var answer = fuse_attr()
    answer.ino = InodeNumber(attributes.file, of: tree).rawValue
    let isDirectory = attributes.kind == .directory
    answer.size = isDirectory ? UInt64(session.store.pageByteCount) : attributes.byteCount
    answer.blocks =
      attributes.kind == .regular
      ? blockCount(attributes, in: tree) : Self.blockCount(answer.size)
    answer.mode = attributes.kind.hostKind.modeBits | UInt32(attributes.permissions)
    answer.nlink = attributes.linkCount
    let owner = session.owners.owner(in: tree)
    answer.uid = owner?.shown(userID: attributes.userID) ?? attributes.userID
    answer.gid = owner?.shown(groupID: attributes.groupID) ?? attributes.groupID
    answer.rdev = Self.kernelDevice(attributes.device)
    answer.blksize = UInt32(session.store.pageByteCount)
    answer.atime = UInt64(bitPattern: attributes.accessed.seconds)
    answer.atimensec = UInt32(attributes.accessed.subsecondNanoseconds)
    answer.mtime = UInt64(bitPattern: attributes.modified.seconds)
    answer.mtimensec = UInt32(attributes.modified.subsecondNanoseconds)
    answer.ctime = UInt64(bitPattern: attributes.changed.seconds)
    answer.ctimensec = UInt32(attributes.changed.subsecondNanoseconds)
    return answer
  }

  private static func blockCount(_ byteCount: UInt64) -> UInt64 { (byteCount + 511) / 512 }

  /// Blocks of 512 bytes that are stored. Programs that copy ask for holes where these are fewer
  /// than the byte count needs, and `seek` answers with regard to what the kernel may hold back of
  /// a map; but a file without any they take for one hole, and do not ask. So a file has one block
  /// where the kernel may hold content back, now or as long as it believes this answer.
  private func blockCount(_ attributes: FileAttributes, in tree: FileTree) -> UInt64 {
    let byteCount = attributes.byteCount
    // What is behind the end is in no map; the writeback cache has an end of its own.
    if byteCount == 0 { return session.options.usesWritebackCache ? 1 : 0 }
    // What is damaged shows when it is read.
    let stored = (try? tree.storedByteCount(of: attributes.file)) ?? byteCount
    return max(Self.blockCount(stored), 1)
  }

  /// The kernel packs device numbers otherwise than programs do.
  private static func kernelDevice(_ packed: UInt64) -> UInt32 {
    let device = HostDevice(packed: packed)
    return device.minor & 0xFF | device.major << 8 | (device.minor & ~0xFF) << 12
  }

  static func device(kernel number: UInt32) -> UInt64 {
    HostDevice(
      major: (number & 0xFFF00) >> 8, minor: number & 0xFF | (number >> 12) & 0xFFF00
    ).packed
  }

  /// How long the kernel may believe these attributes.
  static func validSeconds(_ attributes: fuse_attr) -> UInt64 {
    HostFileKind(mode: attributes.mode) == .directory ? validSecondsOfDirectories : validSeconds
  }

  private func answer(attributes: fuse_attr) {
    var answer = fuse_attr_out()
    answer.attr_valid = Self.validSeconds(attributes)
    answer.attr = attributes
    self.answer(answer)
  }

  // MARK: Requests

  func getAttributes(_ request: Request) throws(StoreError) {
    if request.node == .top { return answer(attributes: topAttributes()) }
    let tree = try session.branches.tree(request.node)
    answer(attributes: attributes(try tree.attributes(of: request.node.file), in: tree))
  }

  /// Of the directory of all branches.
  func topAttributes() -> fuse_attr {
    var attributes = fuse_attr()
    attributes.ino = InodeNumber.top.rawValue
    attributes.mode = HostFileKind.directory.modeBits | 0o755
    attributes.nlink = 2
    (attributes.uid, attributes.gid) = (HostProcess.user, HostProcess.group)
    attributes.size = UInt64(session.store.pageByteCount)
    attributes.blksize = UInt32(session.store.pageByteCount)
    return attributes
  }

  func setAttributes(_ request: Request) throws(StoreError) {
    let arguments = try request.arguments(fuse_setattr_in.self)
    let branch = try branch(request.node)
    let file = request.node.file
    func has(_ flag: Int32) -> Bool { arguments.valid & UInt32(flag) != 0 }
    let changes = Self.changes(arguments, by: session.owners.owner(in: branch))
    let changesOwner = changes.userID != nil || changes.groupID != nil
    let isCut = changes.byteCount != nil

    // A file that is cut again and again, as logs are, needs no change of names.
    if isCut, has(FATTR_FH), changes == AttributeChanges(byteCount: changes.byteCount) {
      let handle = try HandleTable.file(arguments.fh)
      try removePrivileges(
        of: handle.file, request.node.rawValue,
        by: writer(request, has(FATTR_KILL_SUIDGID), in: branch))
      try session.sizeLocks.withLock(request.node.rawValue) { () throws(StoreError) in
        try handle.file.truncate(to: arguments.size)
      }
      return answer(attributes: attributes(try branch.attributes(of: file), in: branch))
    }
    let result = try session.sizeLocks.withLock(request.node.rawValue) {
      () throws(StoreError) in
      try branch.transaction { transaction throws(StoreError) in
        var changes = changes
        if changesOwner || isCut {
          let removesBits = changesOwner || has(FATTR_KILL_SUIDGID)
          try Self.removePrivileges(
            of: file, by: writer(request, removesBits, in: branch), &changes, transaction)
        }
        if changes == AttributeChanges(byteCount: changes.byteCount), let size = changes.byteCount {
          try transaction.truncate(file, to: size)
          return try transaction.attributes(of: file)
        }
        return try transaction.setAttributes(of: file, changes)
      }
    }
    answer(attributes: attributes(result, in: branch))
  }

  private static func changes(
    _ arguments: fuse_setattr_in, by owner: ShownOwner?
  ) -> AttributeChanges {
    func has(_ flag: Int32) -> Bool { arguments.valid & UInt32(flag) != 0 }
    func time(_ seconds: UInt64, _ nanoseconds: UInt32) -> Timestamp {
      Timestamp(seconds: Int64(bitPattern: seconds), nanoseconds: Int64(nanoseconds))
    }
    let now = Timestamp(nanoseconds: SystemClock().wallNanoseconds())
    var changes = AttributeChanges()
    if has(FATTR_MODE) { changes.permissions = UInt16(arguments.mode & 0o7777) }
    if has(FATTR_UID) { changes.userID = owner?.stored(userID: arguments.uid) ?? arguments.uid }
    if has(FATTR_GID) { changes.groupID = owner?.stored(groupID: arguments.gid) ?? arguments.gid }
    if has(FATTR_SIZE) { changes.byteCount = arguments.size }
    if has(FATTR_ATIME) { changes.accessed = time(arguments.atime, arguments.atimensec) }
    if has(FATTR_MTIME) { changes.modified = time(arguments.mtime, arguments.mtimensec) }
    if has(FATTR_CTIME) { changes.changed = time(arguments.ctime, arguments.ctimensec) }
    if has(FATTR_ATIME_NOW) { changes.accessed = now }
    if has(FATTR_MTIME_NOW) { changes.modified = now }
    return changes
  }
}
