internal import CoppiceFormat
internal import CoppicePlatform
internal import Synchronization

// A full disk. Ordinary writes are refused before what is unsealed can no longer be sealed; what
// makes room goes on with the reserve (see `ReserveShares`): removals, deletions, seals for their
// sake, checkpoints and collections.

extension Pressure {
  // MARK: Writers

  /// Sees to it that there is room to seal what is unsealed and a write of that many bytes.
  func admitRoom(adding byteCount: Int) throws(StoreError) {
    var hasFreed = false
    while true {
      guard let free = core.room.byteCountForSeals else { return }
      let unsealed = core.meter.byteCount + byteCount
      // Each page with a node of its own: with so much room nobody looks again before long.
      let worst = unsealed + (8 << 20)
      if worst + worst / core.pageByteCount * NodeCodec.storedByteCountMax <= free {
        core.relief.admit(byteCount: worst)
        return
      }
      let close = unsealedByteCountMax + writtenByteCountMax(byteCount)
      if close <= free {
        let step = 1 << 20
        let isEasy = close + step + step / core.pageByteCount * NodeCodec.storedByteCountMax <= free
        core.relief.admit(byteCount: isEasy ? unsealed + step : unsealed)
        return
      }
      if hasFreed {
        guard hasSealable, try sealer.sealStep(.pressure) else { break }
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
    for branch in core.keeper.branches {
      branch.state.withLock { state in
        for layer in state.sealed.frozen.layers + [state.open]
        where !layer.isEmpty && seen.insert(ObjectIdentifier(layer)).inserted {
          total += layer.sealedByteCountMax(core.pageByteCount)
        }
      }
    }
    return Int(clamping: total)
  }

  /// What a write of that many bytes in a row takes at most.
  private func writtenByteCountMax(_ byteCount: Int) -> Int {
    let pageCount = byteCount / core.pageByteCount + 2
    let nodeCount = pageCount / Node.slotCount + 8
    return pageCount * (core.pageByteCount + Layer.directoryEntryByteCountMax)
      + nodeCount * NodeCodec.storedByteCountMax + Sealer.overheadByteCount
  }

  private var hasSealable: Bool {
    core.keeper.branches.contains { branch in
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
    if core.journal.isPoisoned { return false }
    do throws(StoreError) {
      try core.room.withReserve(.journal, of: Journal.fileByteCount(forRecords: byteCount)) {
        () throws(StoreError) in try core.journal.prepareRoom(forRemovalOf: byteCount)
      }
      return true
    } catch {
      guard error.kind == .full else { throw error }
    }
    do throws(StoreError) { return try sealer.sealOutOfReserve() } catch {
      guard error.kind == .full else { throw error }
      return false
    }
  }

  /// What was removed makes room once a collection finds it dead.
  func didRemove() {
    if sealer.noteRemoval() { wakeCollector() }
  }
}
