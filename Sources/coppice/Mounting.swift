internal import Coppice
internal import CoppiceFUSE
internal import CoppiceLifecycle
internal import CoppiceServer
internal import Logging

/// Mounts as a server keeps them.
enum Mounting {
  /// Mounts the store, and serves the mount from then on.
  static let open: MountOpener = { store, request, logger throws(StoreError) in
    var options = Mount.Options()
    options.usesWritebackCache = request.writebackCache
    options.wantsRings = request.rings
    options.log = { logger.notice("\($0)") }
    options.errorText = \.commandText
    return OpenMount(try Mount(store, at: request.directory, options: options), request)
  }
}

private final class OpenMount: MountDoor {
  private let opened: Mount
  let mount: MountAnswer

  init(_ opened: Mount, _ request: MountRequest) {
    self.opened = opened
    mount = MountAnswer(
      directory: opened.directory, usesWritebackCache: request.writebackCache,
      usesRings: opened.usesRings)
  }

  var users: [DoorUser] {
    opened.users.map {
      DoorUser(
        process: $0.process, name: $0.name, userID: $0.userID, entry: $0.entry,
        fileCount: $0.fileCount, isWorkingThere: $0.isWorkingThere)
    }
  }

  func waitUntilClosed() { opened.waitUntilUnmounted() }

  func close() throws(StoreError) { try opened.stop() }

  func show(
    entry: UInt64, storedUserID: UInt32, storedGroupID: UInt32, asUserID userID: UInt32
  ) {
    opened.show(
      ShownOwner(
        storedUserID: storedUserID, storedGroupID: storedGroupID, userID: userID, groupID: userID),
      of: entry)
  }

  func showAsStored(entry: UInt64) { opened.show(nil, of: entry) }

  func writeDirtyPages(of branch: String) throws(StoreError) {
    try opened.writeDirtyPages(of: branch)
  }
}
