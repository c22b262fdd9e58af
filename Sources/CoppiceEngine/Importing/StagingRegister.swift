internal import Synchronization

/// The imports in preparation, whose states are roots for the garbage collector.
final class StagingRegister: Sendable {
  private struct Weak: Sendable {
    weak let staging: StagingImport?
  }

  private let entries = Mutex<[ObjectIdentifier: Weak]>([:])

  /// An import that was let go without an end is garbage, and no longer among these.
  var all: [StagingImport] { entries.withLock { $0.values.compactMap(\.staging) } }

  func insert(_ staging: StagingImport) {
    entries.withLock { entries in
      entries = entries.filter { $0.value.staging != nil }
      entries[ObjectIdentifier(staging)] = Weak(staging: staging)
    }
  }

  func remove(_ staging: StagingImport) {
    entries.withLock { $0[ObjectIdentifier(staging)] = nil }
  }
}
