internal import CoppiceFormat
internal import CoppicePlatform
internal import Synchronization

// A checkpoint writes the catalogue at LSN X to a new file, after the journal is synced through X.
// Files are named by a running number; the newest counts, the one before it is kept for repair.
// Journal files are recycled only when the new file and its name are durable, and only by the
// intervals that this very file lists.

extension Engine {
  /// Whether control records piled up since the last checkpoint, or hold journal files.
  package var wantsCheckpoint: Bool {
    if options.isReadOnly || journal.isPoisoned { return false }
    if journal.needsControlCheckpoint { return true }
    let (isDue, hasSealed) = keeper.read { kept in
      let enough = max(Kept.checkpointByteCountMin, kept.checkpointByteCount / 2)
      return (kept.controlByteCountSinceCheckpoint > enough, kept.hasSealedSinceCheckpoint)
    }
    return isDue || hasSealed && journal.usedByteCount > options.journalByteCountMax / 4
  }

  /// Writes a checkpoint and frees journal files; returns whether there were any to free.
  @discardableResult
  package func checkpoint() throws(StoreError) -> Bool {
    try checkWritable()
    return try checkpointing.withLock { () throws(StoreError) in
      skipEmptyIntervals()
      var (state, number) = keeper.change { kept in
        kept.catalogueNumber += 1
        kept.controlByteCountSinceCheckpoint = 0
        kept.hasSealedSinceCheckpoint = false
        kept.catalogue.noteCheckpoint(at: kept.lastLSN)
        return (kept.catalogue, kept.catalogueNumber)
      }
      try journal.flush(through: state.lsn)
      let neededAbove = state.oldestIntervalStart ?? state.lsn
      // Those of a state that was taken before: none of them is filled later.
      let closed = closedSegments(of: state)
      state.noteClosed(closed)
      let files = journal.filesNeeded(checkpoint: state.lsn, neededAbove: neededAbove)
      let encoded = state.catalogue(time: clock.wallNanoseconds(), journalFiles: files).encode()
      do throws(SystemError) {
        try writeMakingRoom(encoded, number: number)
      } catch {
        throw StoreError(error, while: "writing a checkpoint")
      }
      hints.save(to: disk)
      keeper.change { kept in
        kept.checkpointByteCount = encoded.count
        kept.catalogue.noteClosed(closed)
      }
      let hasFreed = journal.recycle(
        checkpoint: state.lsn, neededAbove: neededAbove, keeping: Set(files.map(\.sequence)))
      restoreReserve()
      if isShortOfRoom {
        // What is not removed now, the next checkpoint tries again.
        try? journal.giveBackFiles(keeping: JournalLimits.firstFileByteCount)
        restoreReserve()
      }
      if hasFreed { noteRelief() }
      return hasFreed
    }
  }

  /// A checkpoint that only saves work later: on a full disk the store goes on without, so that
  /// something can be deleted.
  func checkpointUnlessFull() throws(StoreError) {
    do throws(StoreError) { try checkpoint() } catch {
      if error.kind != .full { throw error }
    }
  }

  /// The segments to which nothing will be appended any more.
  private func closedSegments(of state: CatalogueState) -> [SegmentID] {
    let open = appenders.openSegments
    var closed: [SegmentID] = []
    var newest: [DomainID: SegmentID] = [:]
    for entry in state.segments.values where !entry.flags.contains(.closed) {
      newest[entry.domain] = max(newest[entry.domain] ?? entry.id, entry.id)
      if !open.contains(entry.id) { closed.append(entry.id) }
    }
    let continued = Set(newest.filter { appenders.mayContinue($0.key) }.values)
    return closed.filter { !continued.contains($0) }
  }

  /// A full disk gives of its reserve for a catalogue: deletions need one from time to time.
  private func writeMakingRoom(_ catalogue: [UInt8], number: UInt64) throws(SystemError) {
    do throws(SystemError) { try CatalogueFile.write(catalogue, number: number, to: disk) } catch {
      guard error.isFull, reserve.hasBytes else { throw error }
      let outcome = withReserve(.checkpoint, of: 2 * UInt64(catalogue.count)) {
        Result { () throws(SystemError) in
          try CatalogueFile.write(catalogue, number: number, to: disk)
        }
      }
      try outcome.get()
    }
  }

  /// A branch without unsealed writes must not hold journal files: its open interval begins anew
  /// here, in RAM and in the catalogue alike.
  private func skipEmptyIntervals() {
    for branch in keeper.branches {
      branch.writer.withLockFirst {
        keeper.change { kept in
          let lsn = kept.lastLSN
          branch.state.withLock { state in
            guard state.open.isEmpty, state.sealed.frozen.isEmpty, state.open.from < lsn,
              kept.catalogue.skipEmptyInterval(of: branch.id, from: state.open.from, to: lsn)
            else { return }
            state.open.from = lsn
          }
        }
      }
    }
  }
}
