internal import CoppiceEngine
internal import CoppicePlatform

/// Where the source of an import lies.
enum SourcePlace {
  /// Throws `invalid` when the store lies in the source, which would then grow while it is read, or
  /// the source in the store.
  static func refuse(
    _ source: HostDirectory, holding store: String
  ) throws(StoreError) {
    let directory = try reading(store) { () throws(SystemError) in
      try HostDirectory(path: store)
    }
    if try contains(source, directory) {
      throw StoreError(
        .invalid, "the store \(store) lies inside the directory to import",
        object: source.path, remedy: "nothing was changed; keep the store elsewhere")
    }
    if try contains(directory, source) {
      throw StoreError(
        .invalid, "the directory to import lies inside the store \(store)", object: source.path,
        remedy: "nothing was changed; a store's own files cannot be imported into it")
    }
  }

  /// Whether `inner` is `outer` or lies below it.
  private static func contains(
    _ outer: HostDirectory, _ inner: HostDirectory
  ) throws(StoreError) -> Bool {
    let sought = try identity(outer)
    var place = inner
    var here = try identity(place)
    while here != sought {
      let below = place
      place = try reading(below.path) { () throws(SystemError) in try below.openParent() }
      let above = try identity(place)
      if above == here { return false }
      here = above
    }
    return true
  }

  private static func identity(
    _ directory: HostDirectory
  ) throws(StoreError) -> FileUser.Identity {
    try reading(directory.path) { () throws(SystemError) in try directory.status().identity }
  }

  /// The directory that holds a file and its name there, behind symbolic links.
  static func split(_ path: String) throws(SystemError) -> (HostDirectory, [UInt8]) {
    var path = ByteText.bytes(path)
    // As many links as the kernel follows.
    for _ in 0..<40 {
      let slash = path.lastIndex(of: UInt8(ascii: "/"))
      let name = Array(path[(slash.map { $0 + 1 } ?? 0)...])
      let parent = slash.map { path[...$0] } ?? Array(".".utf8)[...]
      let directory = try HostDirectory(path: ByteText.text(parent))
      guard try directory.status(of: name).kind == .symbolicLink else {
        return (directory, name)
      }
      let target = try directory.readSymbolicLink(name)
      path = target.first == UInt8(ascii: "/") ? target : parent + [UInt8(ascii: "/")] + target
    }
    throw SystemError(call: "open", path: ByteText.text(path), code: 40)
  }

  /// Bytes of all regular files below a directory, for showing progress: what cannot be looked at
  /// counts nothing here.
  static func byteCount(below directory: HostDirectory) throws(StoreError) -> UInt64 {
    var sum: UInt64 = 0
    var walk = HostDirectoryWalk(directory)
    var levels = [
      try reading(directory.path) { () throws(SystemError) in try directory.names()[...] }
    ]
    while let top = levels.indices.last {
      try reading(walk.current.path) { () throws(SystemError) in
        guard let name = levels[top].popFirst() else {
          levels.removeLast()
          if !levels.isEmpty { try walk.ascend() }
          return
        }
        let status = try walk.current.status(of: name)
        if status.kind == .regular {
          sum += min(status.byteCount, max(status.allocatedByteCount, 1))
        } else if status.kind == .directory {
          try walk.descend(name)
          levels.append(try walk.current.names()[...])
        }
      }
    }
    return sum
  }
}
