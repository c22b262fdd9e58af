internal import CoppiceFormat
internal import Synchronization

// What branches added (`AddedCounts`) together with the roots and layers that it holds for. The
// keeper's lock is held, so neither moves.

extension Kept {
  /// Stands for all roots whose frames count for the branch: equal only if they are.
  func addedState(of id: BranchID) -> UInt64 {
    var state: UInt64 = 0
    func mix(_ value: UInt64) {
      state = (state ^ value) &* 0x9E37_79B9_7F4A_7C15
      state ^= state >> 29
    }
    for member in catalogue.family(of: id) {
      guard let entry = catalogue.branches[member] else { continue }
      mix(member.rawValue)
      mix(entry.root.locator.name.rawValue)
      mix(entry.root.hash.low)
    }
    mix(catalogue.branches[id]?.effectiveStart.rawValue ?? 0)
    return state
  }

  /// A seal was published and reached RAM: what it stored belongs to whoever took it, but for what
  /// belongs to the state that a branch began with.
  func noteAdded(_ counts: SealCounts, newRoot: Ref, by takers: [BranchID], _ hints: EngineHints) {
    let byteCount = counts.storedByteCount + UInt64(counts.takenByteCount)
    for owner in Set(takers.compactMap { catalogue.owner(of: $0) }) {
      guard let entry = catalogue.branches[owner],
        newRoot.locator.name > entry.effectiveStart
      else { continue }
      hints.added.withLock { added in
        if counts.adoptedCount > 0 { added.forget(owner) }
        added.bring(byteCount, to: owner)
      }
    }
  }

  /// An import changed a branch's state.
  func noteAdded(_ counts: SealCounts, byImportInto id: BranchID, _ hints: EngineHints) {
    guard let entry = catalogue.branches[id] else { return }
    hints.added.withLock { added in
      if entry.root.locator.name == entry.start {
        added.forget(id)
      } else {
        added.bring(counts.storedByteCount + UInt64(counts.takenByteCount), to: id)
      }
    }
  }

  /// Bytes of pages that only memory has, of those that the branch and its snapshots wrote since
  /// its state began: never less than what they will take once they are sealed, but for their
  /// nodes. `nil` when nobody can tell: another volume's content was taken as a whole.
  func unsealedAddedByteCount(of id: BranchID, pageByteCount: Int) -> UInt64? {
    guard let entry = catalogue.branches[id] else { return 0 }
    // Layers of the state that it began with end there.
    let begun = entry.start == BranchEntry.openStart ? entry.intervals.last?.from : nil
    var counted: Set<ObjectIdentifier> = []
    var pageCount = 0
    var isKnown = true
    for member in catalogue.family(of: id) {
      guard let branch = branches[member] else { continue }
      branch.state.withReadLock { state, _ in
        for layer in state.sealed.frozen.layers + [state.open]
        where counted.insert(ObjectIdentifier(layer)).inserted {
          if member == id, let begun, layer.through <= begun { continue }
          // A page that builds on another keeps that too.
          pageCount += layer.pageCount + layer.sharedPageCount
          if layer.adopts { isKnown = false }
        }
      }
    }
    return isKnown ? UInt64(pageCount * pageByteCount) : nil
  }

  /// What is known, for the next opening.
  func addedHints(_ hints: EngineHints) -> [SpaceHints.Added] {
    let added = hints.added.withLock { $0 }
    return catalogue.branches.keys.sorted().compactMap { id in
      guard let known = added[id] else { return nil }
      return SpaceHints.Added(
        branch: id, state: addedState(of: id), byteCount: known.byteCount,
        measuredAt: known.measuredAt)
    }
  }

  /// Takes up what an earlier run knew, as far as it holds for the roots of now.
  func takeUpAdded(_ hints: EngineHints) {
    let found = hints.addedHints.withLock { $0 }
    hints.added.withLock { added in
      for known in found where known.state == addedState(of: known.branch) { added.take(known) }
    }
  }
}
