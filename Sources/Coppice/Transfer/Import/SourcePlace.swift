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

  /// Throws `invalid` when the source lies on a mount of the store, or has it inside: that is no
  /// one moment of the branches there.
  static func refuse(_ source: HostDirectory, onMount mount: String) throws(StoreError) {
    // A mount that is ending has no directory.
    guard let top = try? HostDirectory(path: mount) else { return }
    try refuse(source, onDevices: [try identity(top).device])
    if try contains(source, top) {
      throw StoreError(
        .invalid, "the store's own mount \(mount) lies inside the directory to import",
        object: source.path, remedy: "nothing was changed; keep the mount elsewhere")
    }
  }

  /// The devices of the mounts' file systems: a bind mount shows them in other places.
  static func devices(of mounts: [String]) -> Set<UInt64> {
    Set(mounts.compactMap { FileUser.Identity(of: $0)?.device })
  }

  /// Throws `invalid` when the directory lies on one of them.
  static func refuse(
    _ directory: HostDirectory, onDevices devices: Set<UInt64>
  ) throws(StoreError) {
    guard !devices.isEmpty, devices.contains(try identity(directory).device) else { return }
    throw StoreError(
      .invalid, "lies on the store's own mount, and may change while it is read",
      object: directory.path,
      remedy: "nothing was changed; fork the branch there, or export it as a tar stream and "
        + "import that: both take it as it is at one moment")
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
