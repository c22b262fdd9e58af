import Coppice
import CoppicePlatform
import CoppiceServer

/// A door without a mount: it closes when it is told to.
final class FakeDoor: Door {
  let place: String
  let usesWritebackCache = false
  let usesRings = false
  let users: [DoorUser]
  private let write: @Sendable (String) throws(StoreError) -> Void
  private let monitor = Monitor()
  private let state = State()

  private final class State: @unchecked Sendable {
    var isClosed = false
  }

  init(
    _ place: String, users: [DoorUser] = [],
    write: @escaping @Sendable (String) throws(StoreError) -> Void = { _ throws(StoreError) in }
  ) {
    self.place = place
    self.users = users
    self.write = write
  }

  func waitUntilClosed() {
    monitor.withLock {
      while !state.isClosed { monitor.wait() }
    }
  }

  func close() {
    monitor.withLock {
      state.isClosed = true
      monitor.broadcast()
    }
  }

  func writeDirtyPages(of branch: String) throws(StoreError) { try write(branch) }
}
