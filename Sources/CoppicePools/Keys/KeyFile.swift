package import CoppiceErrors
internal import CoppicePlatform

/// The file that an outer key is kept in: outside of the store whose copies it opens, and for its
/// user alone.
package enum KeyFile {
  private static let permissions: UInt32 = 0o600

  /// Makes the file; durable on return.
  ///
  /// - Parameter store: the store's directory, in which it must not lie.
  ///
  /// Throws `invalid` for a place in the store, `conflict` where something lies already,
  /// `notFound` without the directory, `denied`, `full`.
  package static func make(
    _ path: String, _ key: OuterKey, outsideOf store: String
  ) throws(StoreError) {
    let (folder, name) = HostPath.split(path)
    try check(folder, isOutsideOf: store, path)
    var text = key.text()
    defer { SecretMemory.erase(&text) }
    do throws(SystemError) {
      let directory = try HostDirectory(path: folder)
      let file = try directory.makeFile(Array(name.utf8), permissions: permissions)
      do throws(SystemError) {
        try file.setPermissions(permissions)
        try text.withUnsafeBufferPointer { text throws(SystemError) in
          try file.write(UnsafeRawBufferPointer(text), at: 0)
        }
        try file.sync()
        try directory.sync()
      } catch {
        // Half a key is none; what cannot be removed is refused when it is read.
        try? directory.remove(Array(name.utf8))
        throw error
      }
    } catch {
      throw failure(error, "could not be made", path)
    }
  }

  /// - Parameter store: the store that uses the key; `nil` where there is none yet.
  ///
  /// Throws `notFound`, `denied` for a file that others can read, `invalid` for one in the store,
  /// and for what is no key, `unsupportedFormat`.
  package static func read(
    _ path: String, outsideOf store: String?
  ) throws(StoreError) -> OuterKey {
    let place = HostPath.resolved(path) ?? path
    if let store { try check(HostPath.split(place).folder, isOutsideOf: store, path) }
    let file = try open(path)
    try check(file, path, users: [HostProcess.user, 0, user(of: store)])
    var text = try contents(of: file, path)
    defer { SecretMemory.erase(&text) }
    guard text.count <= OuterKey.textByteCountMax else {
      throw StoreError(.invalid, "is no key of a pool: it is too large", object: path)
    }
    return try OuterKey(text: text, source: path)
  }

  private static func open(_ path: String) throws(StoreError) -> HostFile {
    do throws(SystemError) {
      // Opening a pipe would wait for whoever writes to it.
      let kind = try HostFile(locating: path).status().kind
      if kind == .regular { return try HostFile(reading: path) }
    } catch {
      throw failure(error, "could not be opened", path)
    }
    throw StoreError(.invalid, "is no file", object: path)
  }

  private static func check(
    _ file: HostFile, _ path: String, users: Set<UInt32?>
  ) throws(StoreError) {
    let status: HostStatus
    do throws(SystemError) { status = try file.status() } catch {
      throw failure(error, "could not be examined", path)
    }
    let remedy: Remedy = """
      chown and chmod 600 \(path); if somebody may have read it, wrap the pool's key anew then
      """
    guard users.contains(status.user) else {
      throw StoreError(
        .denied, "belongs to the user \(status.user), who can read it", object: path,
        remedy: remedy)
    }
    guard status.permissions & 0o077 == 0 else {
      throw StoreError(
        .denied, "others can read it: its mode is \(String(status.permissions, radix: 8))",
        object: path, remedy: remedy)
    }
  }

  /// One byte more than a key has at most, if there are as many. The caller erases them.
  private static func contents(of file: HostFile, _ path: String) throws(StoreError) -> [UInt8] {
    var text = [UInt8](repeating: 0, count: OuterKey.textByteCountMax + 1)
    do throws(SystemError) {
      let count = try text.withUnsafeMutableBufferPointer { text throws(SystemError) in
        try file.read(into: UnsafeMutableRawBufferPointer(text), at: 0)
      }
      text.removeLast(text.count - count)
      return text
    } catch {
      SecretMemory.erase(&text)
      throw failure(error, "could not be read", path)
    }
  }

  /// Goes up from the folder, by what directories are and not by what they are called.
  private static func check(
    _ folder: String, isOutsideOf store: String, _ path: String
  ) throws(StoreError) {
    guard let home = status(of: store)?.identity, var place = HostPath.resolved(folder) else {
      // Whoever opens what is missing says so.
      return
    }
    while true {
      if status(of: place)?.identity == home {
        throw StoreError(
          .invalid, "lies in the store, which it is to bring back", object: path,
          remedy: "name a place outside of \(store), best on another machine or medium")
      }
      if place == "/" { return }
      place = HostPath.split(place).folder
    }
  }

  private static func user(of store: String?) -> UInt32? {
    store.flatMap { status(of: $0) }?.user
  }

  private static func status(of path: String) -> HostStatus? {
    do throws(SystemError) { return try HostFile(locating: path).status() } catch {
      return nil
    }
  }

  private static func failure(
    _ error: SystemError, _ what: String, _ path: String
  ) -> StoreError {
    let kind: StoreError.Kind =
      if error.isMissing || error.isNotDirectory {
        .notFound
      } else if error.isExisting {
        .conflict
      } else if error.isDenied {
        .denied
      } else if error.isFull {
        .full
      } else {
        .unavailable
      }
    let remedy: Remedy = error.isExisting ? "name a file that does not exist" : ""
    return StoreError(kind, what, object: path, remedy: remedy, cause: "\(error)")
  }
}
