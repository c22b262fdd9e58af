internal import CoppiceFormat

/// What branches and their snapshots added since their states began, as far as it is known: what
/// the last walk found, and what came to them since. Never less than what they have.
///
/// Guarded by its owner, and changed under the keeper's lock wherever roots change: so a count and
/// the roots that it is for belong together.
struct AddedCounts: Sendable {
  struct Known: Hashable, Sendable {
    var byteCount: UInt64
    /// Of these, what came since it was exact.
    var broughtByteCount: UInt64 = 0
    /// When it was exact, in nanoseconds since 1970.
    var measuredAt: Int64
  }

  /// What a walk notes before it looks at the roots, so that what comes meanwhile is not lost.
  struct Beginning: Hashable, Sendable {
    fileprivate var broughtByteCount: UInt64
    fileprivate var epoch: UInt64
  }

  private var known: [BranchID: Known] = [:]
  /// Since the store was opened.
  private var broughtByteCounts: [BranchID: UInt64] = [:]
  /// How often what was known became worthless.
  private var epochs: [BranchID: UInt64] = [:]
  /// Branches that somebody wants to be measured soon.
  private var due: Set<BranchID> = []

  subscript(branch: BranchID) -> Known? { known[branch] }

  /// A branch that has nothing of its own yet.
  mutating func begin(_ branch: BranchID, at time: Int64) {
    known[branch] = Known(byteCount: 0, measuredAt: time)
  }

  /// What was found when the store was opened.
  mutating func take(_ hints: SpaceHints.Added) {
    // How much of it is exact nobody kept.
    known[hints.branch] = Known(
      byteCount: hints.byteCount, broughtByteCount: hints.byteCount, measuredAt: hints.measuredAt)
  }

  /// The branch has another state as a whole, or something came that nobody counted.
  mutating func forget(_ branch: BranchID) {
    known[branch] = nil
    epochs[branch, default: 0] += 1
  }

  mutating func remove(_ branches: [BranchID]) {
    for branch in branches {
      known[branch] = nil
      broughtByteCounts[branch] = nil
      epochs[branch] = nil
      due.remove(branch)
    }
  }

  /// The branch refers to so many bytes more, at most.
  mutating func bring(_ byteCount: UInt64, to branch: BranchID) {
    known[branch]?.byteCount += byteCount
    known[branch]?.broughtByteCount += byteCount
    broughtByteCounts[branch, default: 0] += byteCount
  }

  func beginning(of branch: BranchID) -> Beginning {
    Beginning(
      broughtByteCount: broughtByteCounts[branch] ?? 0, epoch: epochs[branch] ?? 0)
  }

  /// Notes what a walk of the roots found that the branch had at its beginning. Returns what is
  /// known now; `nil` when the branch took another state since.
  mutating func note(
    _ byteCount: UInt64, of branch: BranchID, since beginning: Beginning, at time: Int64
  ) -> Known? {
    guard beginning.epoch == epochs[branch] ?? 0 else { return nil }
    let brought = (broughtByteCounts[branch] ?? 0) - beginning.broughtByteCount
    let new = Known(
      byteCount: byteCount + brought, broughtByteCount: brought, measuredAt: time)
    known[branch] = new
    return new
  }

  // MARK: Who is to be measured

  /// Returns whether the branch was not due.
  mutating func want(_ branch: BranchID) -> Bool { due.insert(branch).inserted }

  mutating func takeDue() -> BranchID? {
    guard let first = due.min() else { return nil }
    due.remove(first)
    return first
  }
}
