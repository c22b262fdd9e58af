internal import CoppicePlatform

extension Disk {
  /// Held as long as the result lives. Throws `inUse` when somebody else has the store open.
  func lockStore(exclusively: Bool) throws(StoreError) -> any DiskLock {
    do throws(SystemError) { return try lock(exclusively: exclusively) } catch {
      throw StoreError(error, while: "locking the store")
    }
  }
}
