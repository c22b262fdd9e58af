package import Coppice
internal import CoppiceLifecycle
internal import Synchronization

/// Removes kept proofs that are too old. That comes back by nothing, so no wall clock does it that
/// the reaper does not follow, nor one that it has not seen for an hour of uptime.
package final class OutdatedProofs: Sendable {
  private let store: Store
  private let reaper: Reaper
  /// The time that the clock showed when was last looked: once an hour is enough.
  private let lookedAt = Mutex<Timestamp?>(nil)

  package init(_ store: Store, _ reaper: Reaper) {
    self.store = store
    self.reaper = reaper
  }

  /// Removes what is due, and returns how many. Throws what `KeptProofs.removeOutdated` does.
  package func remove() throws(StoreError) -> Int {
    guard let now = reaper.provenTime else { return 0 }
    let isDue = lookedAt.withLock { lookedAt in
      if let lookedAt, (now.seconds - lookedAt.seconds).magnitude < 3600 { return false }
      lookedAt = now
      return true
    }
    return isDue ? try KeptProofs(store).removeOutdated(at: now) : 0
  }
}
