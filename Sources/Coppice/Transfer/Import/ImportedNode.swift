internal import CoppicePlatform

/// What a name in a branch is to become, whatever kind of source says so.
struct ImportedNode: Sendable {
  var kind: FileKind
  var permissions: UInt16
  var userID: UInt32
  var groupID: UInt32
  var accessed: Timestamp
  var modified: Timestamp
  /// Of a device: its number.
  var device: UInt64 = 0
  /// Of a symbolic link: its target.
  var target: [UInt8] = []
  var attributes: [AttributeName: [UInt8]] = [:]

  init(_ status: HostStatus) {
    kind =
      switch status.kind {
      case .regular: .regular
      case .directory: .directory
      case .symbolicLink: .symbolicLink
      case .fifo: .fifo
      case .socket: .socket
      case .characterDevice: .characterDevice
      case .blockDevice: .blockDevice
      }
    permissions = UInt16(truncatingIfNeeded: status.permissions)
    userID = status.user
    groupID = status.group
    accessed = Timestamp(nanoseconds: status.accessed)
    modified = Timestamp(nanoseconds: status.modified)
    if kind == .characterDevice || kind == .blockDevice { device = status.specialDevice.packed }
  }

  /// As above, with what a name of the machine has besides its status.
  ///
  /// - Parameter unread: told of extended attributes that are listed, but cannot be read.
  init(
    _ status: HostStatus, of name: [UInt8], in source: HostDirectory,
    unread: (AttributeName) -> Void
  ) throws(StoreError) {
    self.init(status)
    let path = { source.path + "/" + ByteText.text(name) }
    if kind == .symbolicLink {
      target = try reading(path()) { () throws(SystemError) in
        try source.readSymbolicLink(name)
      }
    }
    let attributes = try reading(path()) { () throws(SystemError) in
      try source.attributeNames(of: name)
    }
    for attribute in attributes {
      let key = try AttributeName(bytes: attribute)
      do throws(SystemError) {
        self.attributes[key] = try source.attribute(attribute, of: name)
      } catch {
        // It has gone meanwhile, or is listed to those too who may not read it.
        if error.isMissingAttribute { continue }
        guard error.isAttributeRefusal else { throw StoreError(reading: error, object: path()) }
        unread(key)
      }
    }
  }

  init(_ entry: TarEntry) throws(StoreError) {
    kind =
      switch entry.kind {
      case .file, .hardLink: .regular
      case .directory: .directory
      case .symbolicLink: .symbolicLink
      case .fifo: .fifo
      case .characterDevice: .characterDevice
      case .blockDevice: .blockDevice
      }
    permissions = UInt16(truncatingIfNeeded: entry.mode)
    userID = entry.userID
    groupID = entry.groupID
    accessed = Timestamp(nanoseconds: entry.accessed ?? entry.modified)
    modified = Timestamp(nanoseconds: entry.modified)
    if kind == .characterDevice || kind == .blockDevice {
      device = HostDevice(major: entry.deviceMajor, minor: entry.deviceMinor).packed
    }
    target = entry.linkTarget
    for attribute in entry.attributes {
      attributes[try AttributeName(bytes: attribute.name)] = attribute.value
    }
  }

  /// A directory as it is, but with another file's owner and these permissions.
  init(directory: FileAttributes, like file: FileAttributes, permissions: UInt16) {
    kind = .directory
    self.permissions = permissions
    userID = file.userID
    groupID = file.groupID
    accessed = directory.accessed
    modified = directory.modified
  }

  var newFile: NewFile {
    NewFile(
      permissions: permissions, userID: userID, groupID: groupID, accessed: accessed,
      modified: modified)
  }
}

extension ImportReport {
  /// Says when a link leads from a PostgreSQL data directory to a tablespace elsewhere: every copy
  /// of the tree would lead there too, and a server on one would write to all.
  mutating func noteTablespace(_ node: ImportedNode, path: String) {
    guard node.kind == .symbolicLink, node.target.first == UInt8(ascii: "/"),
      path.split(byte: UInt8(ascii: "/")).dropLast().last == "pg_tblspc"
    else { return }
    let target = ByteText.text(node.target)
    notes.append(
      "\(path) leads to the tablespace \(target), which is not imported: run no server on an "
        + "exported branch before you have changed that link")
  }
}
