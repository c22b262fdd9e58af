internal import Coppice
internal import CoppiceEngine
internal import CoppicePlatform

/// A directory of the machine for what an instance needs besides its branch: `run` with its socket,
/// `settings`, which it only reads, and `log`, which it does not see. Nothing in it outlives the
/// machine's start, nor needs to.
struct InstanceDirectory {
  /// Absolute.
  let path: String
  private let directory: HostDirectory

  private static let runName = Array("run".utf8)
  private static let settingsName = Array("settings".utf8)
  private static let logName = Array("log".utf8)

  /// The directory for all stores of this user.
  private static var base: String {
    if HostProcess.user == 0 { return "/run/coppice" }
    if let place = HostProcess.variable("XDG_RUNTIME_DIR"), !place.isEmpty {
      return "\(place)/coppice"
    }
    return "/tmp/coppice-\(HostProcess.user)"
  }

  /// Makes it, as far as it is missing, for an instance that works under `user`.
  ///
  /// - Parameter store: tells stores apart (`Store.identifier`).
  init(store: String, entry: UInt64, user: UInt32) throws(StoreError) {
    let place = Self.place(ofStore: store)
    do throws(SystemError) {
      // Others pass through, and list nothing.
      try Self.opened(Self.base, 0o711)
      try Self.opened(place, 0o711)
      path = "\(place)/\(entry)"
      directory = try Self.opened(path, 0o711)
      try Self.make(Self.runName, in: directory, 0o700)
      try directory.setOwner(of: Self.runName, user: user, group: user)
      try Self.make(Self.settingsName, in: directory, 0o711)
      try Self.make(Self.logName, in: directory, 0o700)
    } catch {
      throw StoreError(error, while: "making the directory of an instance")
    }
  }

  @discardableResult
  private static func opened(
    _ path: String, _ permissions: UInt32
  ) throws(SystemError) -> HostDirectory {
    let (folder, name) = HostPath.split(path)
    let parent = try HostDirectory(path: folder)
    try make(Array(name.utf8), in: parent, permissions)
    return try parent.openDirectory(Array(name.utf8))
  }

  private static func make(
    _ name: [UInt8], in parent: HostDirectory, _ permissions: UInt32
  ) throws(SystemError) {
    do throws(SystemError) { try parent.makeDirectory(name, permissions: permissions) } catch {
      guard error.isExisting else { throw error }
      // Somebody else's would be a trap.
      let status = try parent.status(of: name)
      guard status.kind == .directory, status.user == HostProcess.user || name == runName else {
        throw error
      }
    }
    try parent.setPermissions(of: name, permissions)
  }

  /// The directory for all instances of a store: what is made for one lies below it.
  static func place(ofStore store: String) -> String {
    // The path of a socket has 107 bytes at most.
    "\(base)/\(store.filter { $0 != "-" }.prefix(12))"
  }

  /// Where the server makes its socket.
  var runDirectory: String { "\(path)/run" }

  var settingsDirectory: String { "\(path)/settings" }

  func log() throws(StoreError) -> InstanceLog {
    do throws(SystemError) {
      return try InstanceLog(in: try directory.openDirectory(Self.logName))
    } catch {
      throw StoreError(error, while: "opening the log of an instance")
    }
  }

  /// Replaces a file that only the instance may read, and cannot change.
  func write(_ text: String, to name: String, for group: UInt32) throws(StoreError) {
    let temporary = Array("\(name).new".utf8)
    do throws(SystemError) {
      let directory = try directory.openDirectory(Self.settingsName)
      do throws(SystemError) { try directory.remove(temporary) } catch {
        guard error.isMissing else { throw error }
      }
      let file = try directory.makeFile(temporary, permissions: 0o640)
      try file.setOwner(user: HostProcess.user, group: group)
      try Array(text.utf8).withUnsafeBufferPointer { bytes throws(SystemError) in
        try file.writeNext(UnsafeRawBufferPointer(bytes))
      }
      try directory.rename(temporary, to: Array(name.utf8))
    } catch {
      throw StoreError(error, while: "writing the configuration of an instance")
    }
  }

  /// Takes away what an instance left in the only directory that it may write to.
  func clearRun() throws(StoreError) {
    do throws(SystemError) { try directory.openDirectory(Self.runName).removeContents() } catch {
      throw StoreError(error, while: "clearing the directory of an instance")
    }
  }

  /// Takes away what was made for an instance, if anything was.
  static func remove(store: String, entry: UInt64) {
    removeAll(ofStore: store) { $0 == entry }
  }

  /// Likewise for all that are chosen.
  static func removeAll(ofStore store: String, where isChosen: (UInt64) -> Bool) {
    do throws(SystemError) {
      let place = try HostDirectory(path: place(ofStore: store))
      for name in try place.names() {
        guard let entry = UInt64(String(decoding: name, as: UTF8.self)), isChosen(entry) else {
          continue
        }
        try place.openDirectory(name).removeContents()
        try place.removeDirectory(name)
      }
    } catch {
      // Nothing was made, or another user's server made it.
    }
  }
}
