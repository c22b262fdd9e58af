import Coppice
import CoppicePlatform
import CoppiceServer

/// A door of no kind in particular: it closes when it is told to.
class FakeDevice: Door, @unchecked Sendable {
  let users: [DoorUser]
  private let write: @Sendable (String) throws(StoreError) -> Void
  private let monitor = Monitor()
  /// Changes with `monitor` held.
  private var hasClosed = false

  init(
    users: [DoorUser] = [],
    write: @escaping @Sendable (String) throws(StoreError) -> Void = { _ throws(StoreError) in }
  ) {
    self.users = users
    self.write = write
  }

  var isClosed: Bool { monitor.withLock { hasClosed } }

  func waitUntilClosed() {
    monitor.withLock {
      while !hasClosed { monitor.wait() }
    }
  }

  func close() {
    monitor.withLock {
      hasClosed = true
      monitor.broadcast()
    }
  }

  func writeDirtyPages(of branch: String) throws(StoreError) { try write(branch) }
}

/// The same as a mount.
final class FakeDoor: FakeDevice, MountDoor, @unchecked Sendable {
  let mount: MountAnswer

  init(
    _ directory: String, users: [DoorUser] = [],
    write: @escaping @Sendable (String) throws(StoreError) -> Void = { _ throws(StoreError) in }
  ) {
    mount = MountAnswer(directory: directory, usesWritebackCache: false, usesRings: false)
    super.init(users: users, write: write)
  }

  func show(
    entry: UInt64, storedUserID: UInt32, storedGroupID: UInt32, asUserID userID: UInt32
  ) {}

  func showAsStored(entry: UInt64) {}
}
