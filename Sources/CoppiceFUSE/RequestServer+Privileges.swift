internal import CFuse
internal import Coppice
internal import CoppicePlatform
internal import Glibc

/// What a file loses when its content or its owner changes, as the machine's file systems have it:
/// capabilities whoever changes it, set-user-ID and set-group-ID bits unless the writer may keep
/// them (CAP_FSETID).
///
/// The kernel says so with writes, truncations and opens (FUSE_HANDLE_KILLPRIV_V2). With other
/// calls it says who calls. What it writes of memory maps may be anybody's who has the file open
/// for that. Privileges go before the content changes, so that no power cut leaves them to the new
/// one.
extension RequestServer {
  /// Whose change it is.
  struct Writer {
    /// Whether set-user-ID and set-group-ID bits go.
    var removesBits: Bool
    /// Of a file that its group may not execute the set-group-ID bit goes only when someone outside
    /// the group changes it. Asked for files with the bit only.
    var isInGroup: (UInt32) -> Bool
  }

  /// The one who sent the request, of which the kernel says whether bits go.
  func writer(_ request: Request, _ removesBits: Bool, in tree: FileTree) -> Writer {
    let owner = session.owners.owner(in: tree)
    return Writer(removesBits: removesBits) { stored in
      let group = owner?.shown(groupID: stored) ?? stored
      if request.header.gid == group { return true }
      guard let rights = ProcessRights(of: request.header.pid) else { return false }
      return rights.groups.contains(group) || request.header.uid == 0 && rights.keepsIdentityBits
    }
  }

  /// The one who sent a request of which the kernel says nothing. Root's processes may have given
  /// the right up.
  private func writer(_ request: Request, in tree: FileTree) -> Writer {
    let rights = ProcessRights(of: request.header.pid)
    return writer(request, request.header.uid != 0 || rights?.keepsIdentityBits == false, in: tree)
  }

  /// Before a request changes content of which the kernel says nothing.
  func removePrivileges(of handle: OpenFile, for request: Request) throws(StoreError) {
    guard try handle.file.givesPrivileges() else { return }
    try removePrivileges(of: handle.file, handle.node, by: writer(request, in: handle.file.tree))
  }

  /// Before a write. One of cached pages may be by anybody who has the file open.
  func removePrivileges(
    of handle: OpenFile, for request: Request, _ arguments: fuse_write_in
  ) throws(StoreError) {
    guard try handle.file.givesPrivileges() else { return }
    func has(_ flag: Int32) -> Bool { arguments.write_flags & UInt32(flag) != 0 }
    guard has(FUSE_WRITE_CACHE) else {
      return try removePrivileges(
        of: handle.file, handle.node,
        by: writer(request, has(FUSE_WRITE_KILL_SUIDGID), in: handle.file.tree))
    }
    let strangers = session.handles.openFiles {
      $0.node == handle.node && $0.access == .readWrite && !$0.isOfRoot
    }
    // Otherwise the kernel saw to it when they were written, and privileges are newer.
    guard has(FUSE_WRITE_KILL_SUIDGID) || !strangers.isEmpty else { return }
    try removePrivileges(of: handle.file, handle.node, by: Writer(removesBits: true) { _ in false })
  }

  /// The kernel, which takes no new permissions from a write, is told before the request is
  /// answered.
  func removePrivileges(
    of file: File, _ node: UInt64, by writer: Writer
  ) throws(StoreError) {
    guard try file.givesPrivileges(), let branch = file.tree as? Branch else { return }
    try branch.transaction { transaction throws(StoreError) in
      var changes = AttributeChanges()
      try Self.removePrivileges(of: file.id, by: writer, &changes, transaction)
      if changes != AttributeChanges() {
        try transaction.setAttributes(of: file.id, changes)
      }
    }
    session.notify(.attributes(NodeID(rawValue: node)))
  }

  /// Takes capabilities away, and bits from the permissions that the file has or gets.
  static func removePrivileges(
    of file: FileID, by writer: Writer, _ changes: inout AttributeChanges,
    _ transaction: FileTransaction
  ) throws(StoreError) {
    let now = try transaction.attributes(of: file)
    if writer.removesBits, now.kind != .directory {
      let permissions = changes.permissions ?? now.permissions
      var less = permissions & ~0o4000
      if permissions & 0o2010 == 0o2010
        || permissions & 0o2000 != 0 && !writer.isInGroup(now.groupID)
      {
        less &= ~0o2000
      }
      if less != permissions { changes.permissions = less }
    }
    do throws(StoreError) {
      try transaction.removeExtendedAttribute("security.capability", of: file)
    } catch {
      if error.reason != .noAttribute { throw error }
    }
  }
}
