internal import CoppiceFormat

// Where an entry's own frames begin (`BranchEntry.start`). Names grow in the order of appending
// (I10), so what a state refers to has smaller names than its root, and what is stored later has
// greater ones. A state that is taken may have layers that are not sealed yet. They are its lowest,
// and sealed before its own: the root that the last of them leads to is the start then.
//
// An entry whose list of intervals has more than one takes part in such layers: its own writes are
// in the last, open one.

extension FrameName {
  /// The start of a state that was just taken.
  static func start(of root: Ref, _ intervals: [Interval]) -> FrameName {
    intervals.count > 1 ? BranchEntry.openStart : root.locator.name
  }
}

extension BranchEntry {
  /// All that it had added has smaller names than frames to come, and greater ones than this.
  var effectiveStart: FrameName { start == Self.openStart ? root.locator.name : start }

  /// The start after a publish of its lowest intervals.
  func start(after published: [Interval], _ newRoot: Ref, leaving rest: [Interval]) -> FrameName {
    guard start == Self.openStart, rest.count == 1 else { return start }
    // Its own writes were sealed with the others' when the published list is as long as its own:
    // better too early a start than one too late.
    return published.count == intervals.count ? root.locator.name : newRoot.locator.name
  }

  /// The start after a reset. A branch that goes back to a snapshot of its own has not given back
  /// what it added.
  func start(resetTo source: BranchEntry, _ intervals: [Interval]) -> FrameName {
    if source.flags.contains(.readOnly), source.parent == id, start != Self.openStart {
      return start
    }
    return .start(of: source.root, intervals)
  }

  /// The start after an import.
  func start(replacedBy newRoot: Ref, _ isWhole: Bool) -> FrameName {
    isWhole ? newRoot.locator.name : effectiveStart
  }
}

extension CatalogueState {
  /// A branch and its snapshots, and theirs.
  func family(of id: BranchID) -> [BranchID] {
    var family = [id]
    var index = 0
    while index < family.count {
      // Ids grow; of a damaged catalogue nobody walks in circles.
      let parent = family[index]
      if let children = snapshots[parent] { family += children.filter { $0 > parent }.sorted() }
      index += 1
    }
    return family
  }

  /// The branch whose snapshot it is, or itself; `nil` for a snapshot whose branch is gone.
  func owner(of id: BranchID) -> BranchID? {
    var current = id
    while let entry = branches[current] {
      if !entry.flags.contains(.readOnly) { return current }
      guard entry.parent < current else { return nil }
      current = entry.parent
    }
    return nil
  }
}
