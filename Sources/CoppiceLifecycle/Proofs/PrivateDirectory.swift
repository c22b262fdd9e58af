package import Coppice
internal import CoppiceEngine
internal import CoppicePlatform

/// A directory in a store's, made for the store's user alone. No symbolic link is followed to it or
/// in it. Files are replaced as a whole: a crash leaves the old one or the new one.
package struct PrivateDirectory {
  package let path: String
  private let directory: HostDirectory
  /// Whether it is refused when others than its user can get at it.
  private let isSecret: Bool
  /// Whose secrets may be: the store's user, this process's, root.
  private let users: Set<UInt32>

  /// Opens the directory; makes it if it is missing, durable on return. Throws `denied` for what is
  /// no directory, and for a secret one that others can enter.
  package static func make(
    _ name: String, in store: String, isSecret: Bool
  ) throws(StoreError) -> Self {
    if let known = try find(name, in: store, isSecret: isSecret) { return known }
    try calling("making the directory \(name)") { () throws(SystemError) in
      let parent = try HostDirectory(path: store)
      do throws(SystemError) {
        try parent.makeDirectory(Array(name.utf8), permissions: 0o700)
      } catch {
        guard error.isExisting else { throw error }
      }
      try parent.giveToOwner(Array(name.utf8))
      try parent.sync()
    }
    if let made = try find(name, in: store, isSecret: isSecret) { return made }
    throw StoreError(.unavailable, "was removed meanwhile", object: "\(store)/\(name)")
  }

  /// As `make`; `nil` where there is none.
  static func find(_ name: String, in store: String, isSecret: Bool) throws(StoreError) -> Self? {
    let path = "\(store)/\(name)"
    let action = "opening the directory \(name)"
    let parent = try calling(action) { () throws(SystemError) in try HostDirectory(path: store) }
    guard let status = try status(of: name, in: parent) else { return nil }
    guard status.kind == .directory else { throw refusal(path, "is no directory") }
    let directory = try calling(action) { () throws(SystemError) in
      try parent.openDirectory(Array(name.utf8))
    }
    let user = try calling(action) { () throws(SystemError) in try parent.status().user }
    let found = PrivateDirectory(
      path: path, directory: directory, isSecret: isSecret, users: [user, HostProcess.user, 0])
    try found.check(
      try calling(action) { () throws(SystemError) in try directory.status() }, path, mode: "700")
    return found
  }

  /// The file's bytes; `nil` where there is none. Throws `denied` for what is no file, and for a
  /// secret that others can read; `corrupt` for a file with more bytes.
  package func read(_ name: String, atMost byteCountMax: Int) throws(StoreError) -> [UInt8]? {
    let path = "\(path)/\(name)"
    guard let status = try Self.status(of: name, in: directory) else { return nil }
    guard status.kind == .regular else { throw Self.refusal(path, "is no file") }
    let action = "reading \(name)"
    let file = try Self.calling(action) { () throws(SystemError) in
      try directory.openFile(Array(name.utf8))
    }
    let opened = try Self.calling(action) { () throws(SystemError) in try file.status() }
    try check(opened, path, mode: "600")
    guard opened.byteCount <= UInt64(byteCountMax) else {
      throw StoreError(.corrupt, "has more than \(byteCountMax) bytes", object: path)
    }
    var bytes = [UInt8](repeating: 0, count: Int(opened.byteCount))
    let count = try Self.calling(action) { () throws(SystemError) in
      try bytes.withUnsafeMutableBufferPointer { buffer throws(SystemError) in
        try file.read(into: UnsafeMutableRawBufferPointer(buffer), at: 0)
      }
    }
    return Array(bytes[..<count])
  }

  /// Makes the file, or replaces it; durable on return. Throws `full`, `denied`.
  package func write(_ name: String, _ bytes: [UInt8]) throws(StoreError) {
    try put(name, bytes)
    try sync()
  }

  /// Has what `put` made survive a crash.
  func sync() throws(StoreError) {
    try Self.calling("syncing \(path)") { () throws(SystemError) in try directory.sync() }
  }

  /// As `write`; durable once the directory is synced.
  func put(_ name: String, _ bytes: [UInt8]) throws(StoreError) {
    let (new, target) = (Array(".\(name).new".utf8), Array(name.utf8))
    try Self.calling("writing \(name)") { () throws(SystemError) in
      try removeIfThere(new)
      let file = try directory.makeFile(new, permissions: 0o600, isOwners: true)
      do throws(SystemError) {
        try bytes.withUnsafeBufferPointer { bytes throws(SystemError) in
          try file.write(UnsafeRawBufferPointer(bytes), at: 0)
        }
        try file.sync()
        try directory.rename(new, to: target)
      } catch {
        try? directory.remove(new)
        throw error
      }
    }
  }

  /// When the file was last written; `nil` where there is none.
  func modified(_ name: String) throws(StoreError) -> Timestamp? {
    try Self.status(of: name, in: directory).map { Timestamp(nanoseconds: $0.modified) }
  }

  func remove(_ name: String) throws(StoreError) {
    try Self.calling("removing \(name)") { () throws(SystemError) in
      try removeIfThere(Array(name.utf8))
    }
  }

  /// Of the files that are whole, sorted.
  func names() throws(StoreError) -> [String] {
    try Self.calling("listing \(path)") { () throws(SystemError) in try directory.names() }
      .map { String(decoding: $0, as: UTF8.self) }.filter { !$0.hasPrefix(".") }
  }

  private func removeIfThere(_ name: [UInt8]) throws(SystemError) {
    do throws(SystemError) { try directory.remove(name) } catch {
      guard error.isMissing else { throw error }
    }
  }

  private static func status(
    of name: String, in directory: HostDirectory
  ) throws(StoreError) -> HostStatus? {
    try calling("looking for \(name)") { () throws(SystemError) in
      do throws(SystemError) { return try directory.status(of: Array(name.utf8)) } catch {
        guard error.isMissing else { throw error }
        return nil
      }
    }
  }

  private func check(_ status: HostStatus, _ path: String, mode: String) throws(StoreError) {
    guard isSecret else { return }
    guard users.contains(status.user) else {
      throw StoreError(
        .denied, "belongs to the user \(status.user), who is not the store's", object: path,
        remedy: "move it away; what is missing is made anew")
    }
    guard status.permissions & 0o077 != 0 else { return }
    throw StoreError(
      .denied,
      "others than its user can get at it: its mode is \(String(status.permissions, radix: 8))",
      object: path,
      remedy: "chmod \(mode) \(path); if somebody may have read it, make a new key then")
  }

  private static func refusal(_ path: String, _ what: String) -> StoreError {
    StoreError(.denied, what, object: path, remedy: "move it away; what is missing is made anew")
  }

  private static func calling<Result>(
    _ action: String, _ body: () throws(SystemError) -> Result
  ) throws(StoreError) -> Result {
    do throws(SystemError) { return try body() } catch { throw StoreError(error, while: action) }
  }
}
