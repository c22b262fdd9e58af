package import CoppiceFormat

/// What one branch or snapshot takes: stored bytes of frames (pages, nodes, and what they build
/// on), without their share of bundle directories, and bytes of pages that are in RAM and the
/// journal only.
package struct BranchUsage: Hashable, Sendable {
  package var branch: BranchID
  /// The sum of the volumes' byte counts, unsealed writes included.
  package var logicalByteCount: UInt64
  package var volumeCount: Int
  /// Bytes that the entry keeps from being reclaimed.
  package var referencedByteCount: UInt64
  /// Of these, what no other entry keeps. An entry that is deleted and not yet forgotten is one.
  package var exclusiveByteCount: UInt64
  /// Of the referenced ones, bytes of pages that are in RAM and the journal only.
  package var unsealedByteCount: UInt64

  package var sharedByteCount: UInt64 { referencedByteCount - exclusiveByteCount }
}

/// What deleting entries would free.
package struct FreedSpace: Hashable, Sendable {
  package var pageCount: UInt64 = 0
  /// Stored bytes of pages and nodes, and bytes of pages that are not sealed.
  package var byteCount: UInt64 = 0
}

extension Accounts {
  /// What entries take, in the order given. Takes time in proportion to the nodes of the store.
  ///
  /// - Throws: `notFound` for an id without entry, `corrupt` when a node cannot be read.
  package func usage(of branches: [BranchID]) throws(StoreError) -> [BranchUsage] {
    let moment = try StoreMoment(core)
    return try UsageCount(core: core, moment: moment).usage(of: branches)
  }

  /// These entries' frames that no other entry, no reader and no import keeps: what a garbage
  /// collection could reclaim of them once they are deleted. Takes time in proportion to what they
  /// do not share with others, and to what was stored since the oldest of that.
  ///
  /// Deleted entries that can be restored keep what they refer to, as others do.
  package func spaceFreed(
    byForgetting branches: Set<BranchID>
  ) throws(StoreError) -> FreedSpace {
    let moment = try StoreMoment(core)
    return try UsageCount(core: core, moment: moment)
      .spaceFreed(by: DoomedState(of: branches, moment))
  }
}

/// Counts frames by who keeps them. Deleted entries are kept like others as long as they can be
/// restored.
struct UsageCount {
  let core: StoreCore
  let moment: StoreMoment

  /// What entries refer to that refer to the very same frames.
  private typealias Group = [Ref]

  /// Entries whose frames are counted in one pass: a bit of each frame's number stands for one.
  private static let batchCount = 32

  private func walk(_ group: Group, _ enter: (Locator) -> Bool) throws(StoreError) {
    try FrameWalk(frames: core.frames).walk(group, entering: enter)
  }

  // MARK: Usage

  func usage(of branches: [BranchID]) throws(StoreError) -> [BranchUsage] {
    var wanted: [StoreMoment.Entry] = []
    for id in branches {
      guard let entry = moment.entries.first(where: { $0.entry.id == id }) else {
        throw StoreError(.notFound, "there is no such branch", object: core.name(of: id))
      }
      wanted.append(entry)
    }
    let numbers = FrameNumbers()
    let shared = try sharedFrames(numbers)
    var bytes: [Group: (referenced: UInt64, exclusive: UInt64)] = [:]
    let groups = Array(Set(wanted.map(\.refs)))
    for start in stride(from: 0, to: groups.count, by: Self.batchCount) {
      let batch = Array(groups[start..<min(start + Self.batchCount, groups.count)])
      let counted = try count(batch, numbers, shared)
      for (group, result) in zip(batch, counted) { bytes[group] = result }
    }
    var logical = LogicalCount(frames: core.frames)
    let holderCounts = unsealedHolderCounts
    var result: [BranchUsage] = []
    for entry in wanted {
      let total = try logical.total(of: entry)
      let stored = bytes[entry.refs] ?? (0, 0)
      let unsealed = entry.unsealed.byteCount(core.pageByteCount)
      let own = entry.unsealed.counts.filter { holderCounts[$0.key] == 1 }.values.reduce(0, +)
      result.append(
        BranchUsage(
          branch: entry.entry.id, logicalByteCount: total.byteCount,
          volumeCount: total.volumeCount, referencedByteCount: stored.referenced + unsealed,
          exclusiveByteCount: stored.exclusive + UInt64(own * core.pageByteCount),
          unsealedByteCount: unsealed))
    }
    return result
  }

  /// How many entries have each layer.
  private var unsealedHolderCounts: [ObjectIdentifier: Int] {
    var counts: [ObjectIdentifier: Int] = [:]
    for entry in moment.entries {
      for layer in entry.unsealed.counts.keys { counts[layer, default: 0] += 1 }
    }
    return counts
  }

  /// The frames that more than one entry keeps. Leaves the owners in `numbers`.
  ///
  /// Every frame gets its owner at its first visit and `several` at the first visit for another, so
  /// that no subtree is walked more than twice.
  private func sharedFrames(_ numbers: FrameNumbers) throws(StoreError) -> FrameSet {
    var groups: [Group: Int] = [:]
    for entry in moment.entries { groups[entry.refs, default: 0] += 1 }
    for (index, (group, count)) in groups.enumerated() {
      let owner = count > 1 ? FrameNumbers.several : UInt32(index + 1)
      try walk(group) { numbers.own($0.name, by: owner) }
    }
    let shared = FrameSet()
    try core.listing.forEachBase(of: moment.segments) { derived, base in
      let owner = numbers[derived]
      if owner != 0 { numbers.own(base, by: owner) }
    }
    try core.listing.forEachFrame(of: moment.segments) { name, _ in
      if numbers[name] == FrameNumbers.several { shared.insert(name) }
    }
    return shared
  }

  private func count(_ batch: [Group], _ numbers: FrameNumbers, _ shared: FrameSet)
    throws(StoreError) -> [(referenced: UInt64, exclusive: UInt64)]
  {
    numbers.reset()
    for (index, group) in batch.enumerated() {
      let bit: UInt32 = 1 << UInt32(index)
      try walk(group) { locator in
        let known = numbers[locator.name]
        if known & bit != 0 { return false }
        numbers[locator.name] = known | bit
        return true
      }
    }
    try core.listing.forEachBase(of: moment.segments) { derived, base in
      let bits = numbers[derived]
      if bits != 0 { numbers[base] |= bits }
    }
    var counted = [(referenced: UInt64, exclusive: UInt64)](repeating: (0, 0), count: batch.count)
    try core.listing.forEachFrame(of: moment.segments) { name, frame in
      let bits = numbers[name]
      if bits == 0 { return }
      let isShared = shared.contains(name)
      for index in batch.indices where bits & 1 << UInt32(index) != 0 {
        counted[index].referenced += UInt64(frame.storedByteCount)
        if !isShared { counted[index].exclusive += UInt64(frame.storedByteCount) }
      }
    }
    return counted
  }

  // MARK: Freed

  func spaceFreed(by doomed: DoomedState) throws(StoreError) -> FreedSpace {
    var staying = moment.pinnedRoots + moment.importedRefs
    var stayingPages = moment.pinnedPages
    for entry in moment.entries where !doomed.branches.contains(entry.entry.id) {
      staying += entry.refs
      stayingPages.formUnion(entry.unsealed)
    }
    var doomedPages = doomed.unsealed
    doomedPages.subtract(stayingPages)
    var divergent = DivergentFrames(frames: core.frames)
    try divergent.add(doomed.refs, staying: staying)
    try divergent.addBases(core, moment)
    var freed = FreedSpace()
    if let smallest = divergent.smallest { freed = try count(divergent, from: smallest, staying) }
    freed.pageCount += doomedPages.count
    freed.byteCount += doomedPages.byteCount(core.pageByteCount)
    return freed
  }

  /// What is found may be kept at another place, by frames with greater names than its own.
  private func count(_ divergent: DivergentFrames, from smallest: FrameName, _ staying: [Ref])
    throws(StoreError) -> FreedSpace
  {
    let (found, kept) = (divergent.found, divergent.kept)
    // Apart from what is known to stay: that was not walked.
    let reached = FrameSet()
    try FrameWalk(frames: core.frames).walk(staying) {
      $0.name >= smallest && reached.insert($0.name)
    }
    let segments = moment.segments(holdingFrom: smallest.segment)
    try core.listing.closeOverBases(of: segments, reached, kept, found)
    var freed = FreedSpace()
    try core.listing.forEachFrame(of: segments) { name, frame in
      guard found.contains(name), !reached.contains(name), !kept.contains(name) else { return }
      freed.byteCount += UInt64(frame.storedByteCount)
      if frame.form.kind == .page { freed.pageCount += 1 }
    }
    return freed
  }
}
