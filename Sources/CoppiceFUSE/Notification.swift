internal import CFuse
internal import CoppicePlatform

/// What the mount tells the kernel without having been asked.
enum Notification: Hashable, Sendable {
  /// Forget the attributes and the content of a file.
  case inode(NodeID)
  /// Forget the attributes of a file alone: takes no lock of it, so that a request may be under
  /// way.
  case attributes(NodeID)
  /// Forget what a name in a directory leads to, and all below it.
  case entry(NodeID, [UInt8])

  /// What the kernel must know for it to mean anything.
  var node: NodeID {
    switch self {
    case .inode(let node), .attributes(let node), .entry(let node, _): node
    }
  }

  func withBytes(
    _ body: (UnsafeRawBufferPointer) throws(SystemError) -> Void
  ) throws(SystemError) {
    var message: [UInt8] = []
    switch self {
    case .inode(let node):
      // All of the content: a length of 0 reaches to the end.
      append(fuse_notify_inval_inode_out(ino: node.rawValue, off: 0, len: 0), to: &message)
      finish(&message, code: FUSE_NOTIFY_INVAL_INODE)
    case .attributes(let node):
      append(fuse_notify_inval_inode_out(ino: node.rawValue, off: -1, len: 0), to: &message)
      finish(&message, code: FUSE_NOTIFY_INVAL_INODE)
    case .entry(let parent, let name):
      var entry = fuse_notify_inval_entry_out()
      entry.parent = parent.rawValue
      entry.namelen = UInt32(name.count)
      append(entry, to: &message)
      message += name + [0]
      finish(&message, code: FUSE_NOTIFY_INVAL_ENTRY)
    }
    try message.withBytes(body)
  }

  private func append<Value>(_ value: Value, to message: inout [UInt8]) {
    withUnsafeBytes(of: value) { message += $0 }
  }

  private func finish(_ message: inout [UInt8], code: fuse_notify_code) {
    let count = UInt32(message.count + MemoryLayout<fuse_out_header>.size)
    let header = fuse_out_header(len: count, error: Int32(code.rawValue), unique: 0)
    withUnsafeBytes(of: header) { message.insert(contentsOf: $0, at: 0) }
  }
}
