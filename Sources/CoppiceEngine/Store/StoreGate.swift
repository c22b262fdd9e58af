internal import CoppicePlatform
internal import Synchronization

/// Whether the store may be used, and for what. It holds the lock that keeps others out.
final class StoreGate: Sendable {
  private let isReadOnly: Bool
  private let lock: Mutex<(any DiskLock)?>
  private let isOpenFlag = Atomic<Bool>(true)

  init(_ lock: any DiskLock, isReadOnly: Bool) {
    self.lock = Mutex(lock)
    self.isReadOnly = isReadOnly
  }

  var isOpen: Bool { isOpenFlag.load(ordering: .acquiring) }

  func checkOpen() throws(StoreError) {
    guard isOpen else {
      throw StoreError(.unavailable, "the store was closed", remedy: "open it again")
    }
  }

  func checkWritable() throws(StoreError) {
    try checkOpen()
    if isReadOnly {
      throw StoreError(
        .denied, "the store was opened for reading only", remedy: "open it for writing")
    }
  }

  /// From here on every call fails.
  func close() { isOpenFlag.store(false, ordering: .releasing) }

  /// From here on others may open the store.
  func giveUpLock() { lock.withLock { $0 = nil } }
}
