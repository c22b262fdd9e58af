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
    answer.blocks = (answer.size + 511) / 512
    answer.mode = attributes.kind.hostKind.modeBits | UInt32(attributes.permissions)
    answer.nlink = attributes.linkCount
    answer.uid = attributes.userID
    answer.gid = attributes.groupID
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
    let changes = Self.changes(arguments)
    let changesOwner = changes.userID != nil || changes.groupID != nil
    let isCut = changes.byteCount != nil

    // A file that is cut again and again, as logs are, needs no change of names.
    if isCut, has(FATTR_FH), changes == AttributeChanges(byteCount: changes.byteCount),
      !has(FATTR_KILL_SUIDGID)
    {
      let handle = try HandleTable.file(arguments.fh)
      try session.sizeLocks.withLock(request.node.rawValue) { () throws(StoreError) in
        try handle.file.truncate(to: arguments.size)
      }
      return answer(attributes: attributes(try branch.attributes(of: file), in: branch))
    }
    let result = try session.sizeLocks.withLock(request.node.rawValue) {
      () throws(StoreError) in
      try branch.transaction { transaction throws(StoreError) in
        var changes = changes
        if changesOwner || has(FATTR_KILL_SUIDGID) {
          let now = try transaction.attributes(of: file)
          let permissions = changes.permissions ?? now.permissions
          if let less = Self.withoutPrivileges(permissions, of: now.kind) {
            changes.permissions = less
          }
          try Self.removeCapabilities(of: file, transaction)
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

  private static func changes(_ arguments: fuse_setattr_in) -> AttributeChanges {
    func has(_ flag: Int32) -> Bool { arguments.valid & UInt32(flag) != 0 }
    func time(_ seconds: UInt64, _ nanoseconds: UInt32) -> Timestamp {
      Timestamp(seconds: Int64(bitPattern: seconds), nanoseconds: Int64(nanoseconds))
    }
    let now = Timestamp(nanoseconds: SystemClock().wallNanoseconds())
    var changes = AttributeChanges()
    if has(FATTR_MODE) { changes.permissions = UInt16(arguments.mode & 0o7777) }
    if has(FATTR_UID) { changes.userID = arguments.uid }
    if has(FATTR_GID) { changes.groupID = arguments.gid }
    if has(FATTR_SIZE) { changes.byteCount = arguments.size }
    if has(FATTR_ATIME) { changes.accessed = time(arguments.atime, arguments.atimensec) }
    if has(FATTR_MTIME) { changes.modified = time(arguments.mtime, arguments.mtimensec) }
    if has(FATTR_CTIME) { changes.changed = time(arguments.ctime, arguments.ctimensec) }
    if has(FATTR_ATIME_NOW) { changes.accessed = now }
    if has(FATTR_MTIME_NOW) { changes.modified = now }
    return changes
  }

  // MARK: Privileges

  /// What remains of the permissions when the file changes hands or content; `nil` if that is all.
  /// The set-group-ID bit of a file that its group may not execute means something else.
  private static func withoutPrivileges(_ permissions: UInt16, of kind: FileKind) -> UInt16? {
    guard kind != .directory else { return nil }
    var less = permissions & ~0o4000
    if permissions & 0o0010 != 0 { less &= ~0o2000 }
    return less == permissions ? nil : less
  }

  private static func removeCapabilities(
    of file: FileID, _ transaction: FileTransaction
  ) throws(StoreError) {
    do throws(StoreError) {
      try transaction.removeExtendedAttribute("security.capability", of: file)
    } catch {
      if error.reason != .noAttribute { throw error }
    }
  }

  /// Someone without the right to keep them wrote to the file. Costs a look at the permissions for
  /// nearly all files: those that nobody may execute, whose capabilities are without effect.
  func removePrivileges(of file: File) throws(StoreError) {
    guard let branch = file.tree as? Branch else { return }
    let now = try branch.attributes(of: file.id)
    guard now.permissions & 0o6111 != 0 else { return }
    let less = Self.withoutPrivileges(now.permissions, of: now.kind)
    let capabilities = try branch.extendedAttributeIfPresent("security.capability", of: file.id)
    guard less != nil || capabilities != nil else { return }
    try branch.transaction { transaction throws(StoreError) in
      try Self.removeCapabilities(of: file.id, transaction)
      if let less {
        try transaction.setAttributes(of: file.id, AttributeChanges(permissions: less))
      }
    }
  }

  // MARK: Extended attributes

  /// The kernel's `fuse_setxattr_in` of a connection without FUSE_SETXATTR_EXT.
  private struct SetAttributeArguments: BitwiseCopyable {
    var size: UInt32
    var flags: UInt32
  }

  func getExtendedAttribute(_ request: Request) throws(StoreError) {
    let size = try request.arguments(fuse_getxattr_in.self).size
    let name = try request.attributeName(after: MemoryLayout<fuse_getxattr_in>.size)
    guard request.node != .top else { return answer(error: ENODATA) }
    let tree = try session.branches.tree(request.node)
    guard let value = try tree.extendedAttributeIfPresent(name, of: request.node.file) else {
      return answer(error: ENODATA)
    }
    answer(value, upTo: size)
  }

  func listExtendedAttributes(_ request: Request) throws(StoreError) {
    let size = try request.arguments(fuse_getxattr_in.self).size
    guard request.node != .top else { return answer([], upTo: size) }
    let tree = try session.branches.tree(request.node)
    let names = try tree.extendedAttributeNames(of: request.node.file)
    answer(names.flatMap { $0.bytes + [0] }, upTo: size)
  }

  /// A size of 0 asks how many bytes there are.
  private func answer(_ bytes: [UInt8], upTo size: UInt32) {
    if size == 0 {
      answer(fuse_getxattr_out(size: UInt32(bytes.count), padding: 0))
    } else if bytes.count > Int(size) {
      answer(error: ERANGE)
    } else {
      answer(bytes)
    }
  }

  func setExtendedAttribute(_ request: Request) throws(StoreError) {
    let argumentByteCount = MemoryLayout<SetAttributeArguments>.size
    let arguments = try request.arguments(SetAttributeArguments.self)
    let (size, flags) = (Int(arguments.size), arguments.flags)
    let name = try request.attributeName(after: argumentByteCount)
    let value = try request.data(after: argumentByteCount, from: name.bytes.count + 1)
    guard value.count >= size else { return answer(error: EINVAL) }
    let rule: AttributeRule
    switch flags {
    case 0: rule = .set
    case UInt32(XATTR_CREATE): rule = .create
    case UInt32(XATTR_REPLACE): rule = .replace
    default: return answer(error: EINVAL)
    }
    try branch(request.node).setExtendedAttribute(
      name, of: request.node.file, to: Array(value[..<size]), rule)
    answer()
  }

  func removeExtendedAttribute(_ request: Request) throws(StoreError) {
    let name = try request.attributeName()
    try branch(request.node).removeExtendedAttribute(name, of: request.node.file)
    answer()
  }
}
