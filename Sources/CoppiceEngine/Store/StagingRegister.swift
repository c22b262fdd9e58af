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
    let number: UInt64
    weak let staging: (any StagedRoots)?
  }

  private struct State: Sendable {
    var count: UInt64 = 0
    var entries: [ObjectIdentifier: Weak] = [:]
  }

  private let state = Mutex(State())

  /// An import that was let go without an end is garbage, and no longer among these.
  var all: [any StagedRoots] { numbered.map(\.staging) }

  /// Each with a number that no other gets.
  var numbered: [(number: UInt64, staging: any StagedRoots)] {
    state.withLock { state in
      state.entries.values.compactMap { entry in entry.staging.map { (entry.number, $0) } }
    }
  }

  func insert(_ staging: any StagedRoots) {
    state.withLock { state in
      state.entries = state.entries.filter { $0.value.staging != nil }
      state.count += 1
      state.entries[ObjectIdentifier(staging)] = Weak(number: state.count, staging: staging)
    }
  }

  func remove(_ staging: any StagedRoots) {
    state.withLock { $0.entries[ObjectIdentifier(staging)] = nil }
  }
}
