internal import CoppicePlatform

/// A file of an export's target that is given what it has besides content.
protocol RestoredFile {
  /// For messages.
  var path: String { get }
  func setOwner(user: UInt32, group: UInt32) throws(SystemError)
  func setAttribute(_ attribute: [UInt8], to value: [UInt8]) throws(SystemError)
  func setPermissions(_ permissions: UInt32) throws(SystemError)
  func setTimes(accessed: Int64, modified: Int64) throws(SystemError)
}

extension HostFile: RestoredFile {}

/// A name in a directory; an empty one means the directory itself.
struct RestoredName: RestoredFile {
  var directory: HostDirectory
  var name: [UInt8]

  var path: String { directory.path + "/" + ByteText.text(name) }

  func setOwner(user: UInt32, group: UInt32) throws(SystemError) {
    try directory.setOwner(of: name, user: user, group: group)
  }

  func setAttribute(_ attribute: [UInt8], to value: [UInt8]) throws(SystemError) {
    try directory.setAttribute(attribute, to: value, of: name)
  }

  func setPermissions(_ permissions: UInt32) throws(SystemError) {
    try directory.setPermissions(of: name, permissions)
  }

  func setTimes(accessed: Int64, modified: Int64) throws(SystemError) {
    try directory.setTimes(of: name, accessed: accessed, modified: modified)
  }
}

extension RestoredFile {
  /// Restores what the node has besides content. The order matters: a change of owner takes
  /// capabilities and set-user-ID bits away, one of permissions the right to set attributes, and
  /// each of them moves times.
  func restore(_ node: ExportedNode, _ losses: ExportLosses) throws(StoreError) {
    let attributes = node.attributes
    let ownerBits = try restoreOwner(of: attributes, losses) ? 0 : UInt32(0o6000)
    for (name, value) in node.extended {
      do throws(SystemError) {
        try setAttribute(name.bytes, to: value)
      } catch {
        guard error.isAttributeRefusal else { throw StoreError(writing: error, object: path) }
        losses.add(.attribute, "\(name) of \(path), \(SystemError.text(of: error.code))")
      }
    }
    try writing(path) { () throws(SystemError) in
      if attributes.kind != .symbolicLink {
        try setPermissions(UInt32(attributes.permissions) & ~ownerBits)
      }
      try setTimes(
        accessed: attributes.accessed.nanoseconds, modified: attributes.modified.nanoseconds)
    }
  }

  /// Whether the owner was restored.
  private func restoreOwner(
    of attributes: FileAttributes, _ losses: ExportLosses
  ) throws(StoreError) -> Bool {
    do throws(SystemError) {
      // To the system calls the greatest number means that the owner stays.
      guard attributes.userID != .max, attributes.groupID != .max else {
        throw SystemError(call: "chown", path: path, code: SystemError.invalidArgument)
      }
      try setOwner(user: attributes.userID, group: attributes.groupID)
      return true
    } catch {
      guard error.isRefusal else { throw StoreError(writing: error, object: path) }
      losses.add(.owner, "\(path), \(SystemError.text(of: error.code))")
      return false
    }
  }
}
