internal import CoppiceFormat
internal import Synchronization

/// An import in preparation, as a root for the garbage collector.
protocol StagedRoots: AnyObject, Sendable {
  /// What it refers to now.
  var storedRefs: [Ref] { get }
  /// The branch that its end will make, once that has an id.
  var claimedBranch: BranchID? { get }
}

/// The imports in preparation, whose states are roots for the garbage collector.
final class StagingRegister: Sendable {
  private struct Weak: Sendable {
    weak let staging: (any StagedRoots)?
  }

  private let entries = Mutex<[ObjectIdentifier: Weak]>([:])

  /// An import that was let go without an end is garbage, and no longer among these.
  var all: [any StagedRoots] { entries.withLock { $0.values.compactMap(\.staging) } }

  func insert(_ staging: any StagedRoots) {
    entries.withLock { entries in
      entries = entries.filter { $0.value.staging != nil }
      entries[ObjectIdentifier(staging)] = Weak(staging: staging)
    }
  }

  func remove(_ staging: any StagedRoots) {
    entries.withLock { $0[ObjectIdentifier(staging)] = nil }
  }
}
