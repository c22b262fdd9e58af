internal import CoppiceFormat
internal import Synchronization

/// What a branch and its snapshots added since the branch's state began: with its fork, its last
/// reset, or an import of all that it has; of a branch made from nothing all that they hold.
///
/// It is the stored bytes of pages and nodes that they refer to, and that these build on, as far as
/// they are younger than that state; and bytes of their changes that only memory and the journal
/// have. Not what only they hold: that would grow when others are deleted. Snapshots are those that
/// were taken of the branch, deleted ones too as long as they can be restored.
///
/// What comes between two measurements is counted as it was stored, though part of it may have been
/// overwritten since: so the number is perhaps too high, and never too low.
package struct AddedBytes: Hashable, Sendable {
  /// Of the part that is sealed.
  package var storedByteCount: UInt64
  /// Whole pages, not compressed.
  package var unsealedByteCount: UInt64
  /// Of the sealed part, what came since it was exact.
  package var estimatedByteCount: UInt64
  /// When the sealed part was exact, in nanoseconds since 1970.
  package var measuredAt: Int64

  package var byteCount: UInt64 { storedByteCount + unsealedByteCount }
}

extension Kept {
  /// As `Accounts.added`.
  func added(by branch: BranchID, _ core: StoreCore) -> AddedBytes? {
    guard let known = core.hints.added.withLock({ $0[branch] }),
      let entry = catalogue.branches[branch], !entry.flags.contains(.readOnly),
      let unsealed = unsealedAddedByteCount(of: branch, pageByteCount: core.pageByteCount)
    else { return nil }
    return AddedBytes(known, unsealedByteCount: unsealed)
  }
}

extension AddedBytes {
  init(_ known: AddedCounts.Known, unsealedByteCount: UInt64) {
    storedByteCount = known.byteCount
    estimatedByteCount = known.broughtByteCount
    measuredAt = known.measuredAt
    self.unsealedByteCount = unsealedByteCount
  }
}

extension StoreCore {
  /// Has the branch measured in the background if what is known says that it came nearer to its
  /// limit.
  func lookAtGrowth(of branch: EngineBranch) {
    guard let limit = branch.growth.limit,
      let added = keeper.read({ $0.added(by: branch.id, self) }),
      branch.growth.note(limit.state(ofAdded: added.byteCount)),
      hints.added.withLock({ $0.want(branch.id) })
    else { return }
    wake()
  }
}
