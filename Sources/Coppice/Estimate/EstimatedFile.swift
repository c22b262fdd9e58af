package import CoppiceEngine
internal import CoppiceFormat
internal import Synchronization

/// A path of the one or the other input, or of both, and what is found out of it.
package final class EstimatedFile: Sendable {
  package let path: BranchPath
  package let before: EstimateEntry?
  package let after: EstimateEntry?
  /// The number that it has in the estimate.
  let volume: VolumeNumber
  private let state = Mutex(State())

  struct State: Sendable {
    /// Leaves that are not through yet, and one for whoever still hands out leaves.
    var openCount = 0
    /// Of the baseline as it was stored, and as it was stored once more for comparing.
    var leaves = SealEstimate.Leaves()
    var newLeaves = SealEstimate.Leaves()
    var baselineTop = Ref.hole
    var newTop: Ref?
    var outcome = Outcome()
    /// The first page of the newer content.
    var head: [UInt8] = []
  }

  /// What a file comes to.
  package struct Outcome: Sendable {
    /// What the baseline stores of it, and what the branch adds.
    package var baseline = SealCounts()
    package var branch = SealCounts()
    package var changed = ChangedBlocks()
    /// Whether bytes of it changed, or how many there are.
    package var hasChanged = false
  }

  init(_ before: EstimateEntry?, _ after: EstimateEntry?, _ path: BranchPath, number: UInt64) {
    self.path = path
    self.before = before
    self.after = after
    volume = VolumeNumber(number)
  }

  /// Whether the file is a regular one, before or after.
  package var isRegular: Bool { before?.isRegular ?? false || after?.isRegular ?? false }

  func withState<Result: Sendable>(_ body: (inout State) -> Result) -> Result {
    state.withLock { body(&$0) }
  }

  /// Announces a piece of work.
  func begin() { state.withLock { $0.openCount += 1 } }

  /// Ends one; returns whether it was the last.
  func end() -> Bool {
    state.withLock { state in
      state.openCount -= 1
      return state.openCount == 0
    }
  }

  /// Both inputs' paths in one row, in their order.
  static func pairs(_ before: EstimateInput, _ after: EstimateInput) -> [EstimatedFile] {
    var pairs: [EstimatedFile] = []
    var (old, new) = (before.entries[...], after.entries[...])
    while let path = [old.first?.path, new.first?.path].compactMap(\.self).min() {
      let isOld = old.first?.path == path
      let isNew = new.first?.path == path
      pairs.append(
        EstimatedFile(
          isOld ? old.removeFirst() : nil, isNew ? new.removeFirst() : nil, path,
          number: UInt64(pairs.count) + 2))
    }
    return pairs
  }
}

extension EstimateEntry {
  /// Of the volume that its content becomes; `nil` for none.
  var attributes: VolumeAttributes? {
    byteCount > 0
      ? VolumeAttributes(byteCount: byteCount, modified: node.modified.nanoseconds) : nil
  }
}
