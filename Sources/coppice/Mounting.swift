internal import Coppice
internal import CoppiceFUSE
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
    return MountDoor(
      mount: try Mount(store, at: request.directory, options: options),
      usesWritebackCache: request.writebackCache)
  }
}

private final class MountDoor: Door {
  private let mount: Mount
  let usesWritebackCache: Bool

  init(mount: Mount, usesWritebackCache: Bool) {
    self.mount = mount
    self.usesWritebackCache = usesWritebackCache
  }

  var place: String { mount.directory }
  var usesRings: Bool { mount.usesRings }

  var users: [DoorUser] {
    mount.users.map {
      DoorUser(
        process: $0.process, name: $0.name, entry: $0.entry, fileCount: $0.fileCount,
        isWorkingThere: $0.isWorkingThere)
    }
  }

  func waitUntilClosed() { mount.waitUntilUnmounted() }

  func close() throws(StoreError) { try mount.stop() }

  func writeDirtyPages(of branch: String) throws(StoreError) {
    try mount.writeDirtyPages(of: branch)
  }
}
