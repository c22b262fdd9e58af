internal import CoppiceFormat
internal import CoppicePlatform
internal import Synchronization

// A full disk. Ordinary writes are refused before what is unsealed can no longer be sealed; what
// makes room goes on with the reserve (see `ReserveShares`): removals, deletions, seals for their
// sake, checkpoints and collections.

extension Engine {
  // MARK: Writers

  /// Nodes of the tables that lead to volumes, and headers of segments and bundles.
  private static let sealOverheadByteCount = 128 << 10

  /// Sees to it that there is room to seal what is unsealed and a write of that many bytes.
  func admitRoom(adding byteCount: Int) throws(StoreError) {
    var hasFreed = false
    while true {
      guard let free = room.byteCountForSeals else { return }
      let unsealed = meter.byteCount + byteCount
      // Each page with a node of its own: with so much room nobody looks again before long.
      let worst = unsealed + (8 << 20)
      if worst + worst / pageByteCount * NodeCodec.storedByteCountMax <= free {
        relief.admit(byteCount: worst)
        return
      }
      let close = unsealedByteCountMax + writtenByteCountMax(byteCount)
      if close <= free {
        let step = 1 << 20
        let isEasy = close + step + step / pageByteCount * NodeCodec.storedByteCountMax <= free
        relief.admit(byteCount: isEasy ? unsealed + step : unsealed)
        return
      }
      if hasFreed {
        guard hasSealable, try sealStep(.pressure) else { break }
      }
      hasFreed = true
      // Journal files that hold nothing are given back.
      try checkpointer.write()
    }
    throw StoreError(
      .full, "the disk has no room to seal a write of \(byteCount) bytes",
      remedy: "remove files or delete branches and use \(step: .collect), or make room on the disk")
  }

  /// What all layers take at most once they are sealed. Takes time in proportion to their pages.
  private var unsealedByteCountMax: Int {
    var seen: Set<ObjectIdentifier> = []
    var total: UInt64 = 0
    for branch in keeper.branches {
      branch.state.withLock { state in
        for layer in state.sealed.frozen.layers + [state.open]
        where !layer.isEmpty && seen.insert(ObjectIdentifier(layer)).inserted {
          total += layer.sealedByteCountMax(pageByteCount)
        }
      }
    }
    return Int(clamping: total)
  }

  /// What a write of that many bytes in a row takes at most.
  private func writtenByteCountMax(_ byteCount: Int) -> Int {
    let pageCount = byteCount / pageByteCount + 2
    let nodeCount = pageCount / Node.slotCount + 8
    return pageCount * (pageByteCount + Layer.directoryEntryByteCountMax)
      + nodeCount * NodeCodec.storedByteCountMax + Self.sealOverheadByteCount
  }

  private var hasSealable: Bool {
    keeper.branches.contains { branch in
      branch.dirtyByteCount > 0 && branch.sealFailure == nil
    }
  }

  // MARK: Removals

  private static let removalAttemptCountMax = 16

  /// After a removal found the journal full: makes room by what all writers may do, then with the
  /// reserve. Returns false when there is nothing that could make any.
  func relieveRemoval(of byteCount: Int, after attempt: Int, attemptCount: Int) throws(StoreError)
    -> Bool
  {
    guard attemptCount <= Self.removalAttemptCountMax else { return false }
    do throws(StoreError) { if try relieve(after: attempt) { return true } } catch {
      guard error.kind == .full else { throw error }
    }
    if journal.isPoisoned { return false }
    do throws(StoreError) {
      try room.withReserve(.journal, of: Journal.fileByteCount(forRecords: byteCount)) {
        () throws(StoreError) in try journal.prepareRoom(forRemovalOf: byteCount)
      }
      return true
    } catch {
      guard error.kind == .full else { throw error }
    }
    do throws(StoreError) { return try sealOutOfReserve() } catch {
      guard error.kind == .full else { throw error }
      return false
    }
  }

  /// What was removed makes room once a collection finds it dead.
  func didRemove() {
    if !hasRemovals.exchange(true, ordering: .relaxed) { collector.wake() }
  }

  // MARK: Seals for their sake

  /// Seals the oldest layers that fit into what the disk and the reserve have for seals, each
  /// branch's as one, and gives journal files back that they leave. Returns whether there was
  /// anything to seal.
  ///
  /// - Throws: `full` when nothing fits.
  func sealOutOfReserve() throws(StoreError) -> Bool {
    try gate.checkWritable()
    return try sealing.withLock { () throws(StoreError) in
      let all = keeper.branches
      let dirty = all.compactMap { branch in
        branch.sealFailure == nil ? branch.firstDirtyLSN.map { (branch, lsn: $0) } : nil
      }
      let oldestFirst = dirty.sorted { $0.lsn < $1.lsn }.map(\.0)
      guard let oldest = oldestFirst.first else { return false }
      var (chosen, byteCount) = fitting(oldestFirst)
      var use = ReserveUse.seal
      if chosen.isEmpty, var candidate = freeze(oldest, byteCountMax: .max, withOpen: true) {
        // Most pages take far less than they may: names that were removed are differences. A seal
        // that fails gives back what it took.
        candidate.merged = Layer.merging(candidate.layers)
        (chosen, byteCount, use) = ([candidate], .max, .copies)
      }
      let outcome = try room.withReserve(use, of: byteCount) { () throws(StoreError) in
        try sealWithoutAsking(chosen)
      }
      try checkpointer.write()
      return outcome.layerCount > 0
    }
  }

  /// The first branches' layers that fit, and what they take at most.
  private func fitting(_ branches: [EngineBranch]) -> ([SealCandidate], UInt64) {
    let free = UInt64(room.byteCountForSeals ?? 0)
    var byteCount = UInt64(Self.sealOverheadByteCount)
    var chosen: [SealCandidate] = []
    var seen: Set<ObjectIdentifier> = []
    for branch in branches where byteCount < free {
      guard var candidate = freeze(branch, byteCountMax: .max, withOpen: true),
        seen.isDisjoint(with: candidate.layers.map(ObjectIdentifier.init))
      else { continue }
      while let top = candidate.layers.last {
        let merged = Layer.merging(candidate.layers)
        let needed = merged.sealedByteCountMax(pageByteCount)
        if byteCount + needed <= free {
          byteCount += needed
          candidate.merged = top === candidate.layers.first ? nil : merged
          seen.formUnion(candidate.layers.map(ObjectIdentifier.init))
          chosen.append(candidate)
          break
        }
        candidate.layers.removeLast()
      }
    }
    return (chosen, byteCount)
  }
}
