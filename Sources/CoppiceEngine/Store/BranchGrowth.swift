internal import Synchronization

/// The limit of a branch's growth, as its annotations have it, and how near to it the branch was
/// when somebody looked last.
package final class BranchGrowth: Sendable {
  private let byteCount = Atomic<UInt64>(.max)
  private let noted = Atomic<UInt8>(0)
  private let suspensionCount = Atomic<Int>(0)

  init(_ byteCount: UInt64?) { set(byteCount) }

  /// One load: asked before every write that extends a file.
  package var limit: GrowthLimit? {
    let value = byteCount.load(ordering: .relaxed)
    return value == .max ? nil : GrowthLimit(value)
  }

  /// The limit, unless somebody has suspended it.
  package var enforcedLimit: GrowthLimit? {
    guard let limit, suspensionCount.load(ordering: .relaxed) == 0 else { return nil }
    return limit
  }

  /// Until `resume`, which is called as often, nothing is refused for the limit's sake.
  package func suspend() { suspensionCount.add(1, ordering: .relaxed) }
  package func resume() { suspensionCount.subtract(1, ordering: .relaxed) }

  func set(_ newByteCount: UInt64?) {
    byteCount.store(newByteCount ?? .max, ordering: .relaxed)
    if newByteCount == nil { _ = note(.free) }
  }

  /// Notes how near the branch is. Returns whether it was less near before.
  package func note(_ state: GrowthLimit.State) -> Bool {
    let before = noted.exchange(state.rawValue, ordering: .acquiringAndReleasing)
    return before < state.rawValue
  }
}

/// What a branch came to.
package struct GrowthNotice: Sendable {
  package var branch: EngineBranch
  package var limit: GrowthLimit
  package var state: GrowthLimit.State
  package var addedByteCount: UInt64
}
