internal import CoppicePlatform

/// A file of a tree with all that an export restores but its content.
struct ExportedNode: Sendable {
  var attributes: FileAttributes
  /// Of a symbolic link.
  var target: [UInt8] = []
  var extended: [(name: AttributeName, value: [UInt8])] = []

  init(_ file: FileID, of tree: FileTree) throws(StoreError) {
    attributes = try tree.attributes(of: file)
    if attributes.kind == .symbolicLink { target = try tree.symbolicLinkTarget(of: file) }
    for name in try tree.extendedAttributeNames(of: file) {
      extended.append((name, try tree.extendedAttribute(name, of: file)))
    }
  }

  /// `nil` for a socket, which an archive cannot hold.
  func tarEntry(path: [UInt8]) -> TarEntry? {
    let kind: TarEntry.Kind
    switch attributes.kind {
    case .regular: kind = .file
    case .directory: kind = .directory
    case .symbolicLink: kind = .symbolicLink
    case .characterDevice: kind = .characterDevice
    case .blockDevice: kind = .blockDevice
    case .fifo: kind = .fifo
    case .socket: return nil
    }
    var entry = TarEntry(kind: kind, path: path)
    entry.linkTarget = target
    entry.mode = UInt32(attributes.permissions)
    entry.userID = attributes.userID
    entry.groupID = attributes.groupID
    entry.modified = attributes.modified.nanoseconds
    if attributes.accessed != attributes.modified {
      entry.accessed = attributes.accessed.nanoseconds
    }
    if kind == .file { entry.byteCount = attributes.byteCount }
    if kind == .characterDevice || kind == .blockDevice {
      let device = HostDevice(packed: attributes.device)
      entry.deviceMajor = device.major
      entry.deviceMinor = device.minor
    }
    entry.attributes = extended.map {
      TarEntry.Attribute(name: $0.name.bytes, value: $0.value)
    }
    return entry
  }
}
