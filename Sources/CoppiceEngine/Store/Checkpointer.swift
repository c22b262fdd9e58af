internal import CoppiceFormat
internal import CoppicePlatform
internal import Synchronization

// A checkpoint writes the catalogue at LSN X to a new file, after the journal is synced through X.
// Files are named by a running number; the newest counts, the one before it is kept for repair.
// Journal files are recycled only when the new file and its name are durable, and only by the
// intervals that this very file lists.

/// Writes checkpoints.
package final class Checkpointer: Sendable {
  private let core: StoreCore
  /// One is written at a time.
  private let writing = Monitor()

  init(_ core: StoreCore) { self.core = core }

  /// Whether control records piled up since the last checkpoint, or hold journal files.
  package var isDue: Bool {
    if core.options.isReadOnly || core.journal.isPoisoned { return false }
    if core.journal.needsControlCheckpoint { return true }
    let (isDue, hasSealed) = core.keeper.read { kept in
      let enough = max(Kept.checkpointByteCountMin, kept.checkpointByteCount / 2)
      return (kept.controlByteCountSinceCheckpoint > enough, kept.hasSealedSinceCheckpoint)
    }
    return isDue || hasSealed && core.journal.usedByteCount > core.options.journalByteCountMax / 4
  }

  /// Writes a checkpoint and frees journal files; returns whether there were any to free.
  @discardableResult
  package func write() throws(StoreError) -> Bool {
    try core.gate.checkWritable()
    return try writing.withLock { () throws(StoreError) in
      skipEmptyIntervals()
      var (state, number) = core.keeper.change { kept in
        kept.catalogueNumber += 1
        kept.controlByteCountSinceCheckpoint = 0
        kept.hasSealedSinceCheckpoint = false
        kept.catalogue.noteCheckpoint(at: kept.lastLSN)
        return (kept.catalogue, kept.catalogueNumber)
      }
      try core.journal.flush(through: state.lsn)
      let neededAbove = state.oldestIntervalStart ?? state.lsn
      // Those of a state that was taken before: none of them is filled later.
      let closed = closedSegments(of: state)
      state.noteClosed(closed)
      let files = core.journal.filesNeeded(checkpoint: state.lsn, neededAbove: neededAbove)
      let encoded = state.catalogue(time: core.clock.wallNanoseconds(), journalFiles: files)
        .encode()
      do throws(SystemError) {
        try writeMakingRoom(encoded, number: number)
      } catch {
        throw StoreError(error, while: "writing a checkpoint")
      }
      core.sampleSpace()
      let added = core.keeper.read { $0.addedHints(core.hints) }
      core.hints.addedHints.withLock { $0 = added }
      core.hints.save(to: core.disk)
      core.keeper.change { kept in
        kept.checkpointByteCount = encoded.count
        kept.catalogue.noteClosed(closed)
      }
      let hasFreed = core.journal.recycle(
        checkpoint: state.lsn, neededAbove: neededAbove, keeping: Set(files.map(\.sequence)))
      core.room.restoreReserve()
      if core.room.isShort {
        // What is not removed now, the next checkpoint tries again.
        try? core.journal.giveBackFiles(keeping: JournalLimits.firstFileByteCount)
        core.room.restoreReserve()
      }
      if hasFreed { core.relief.note() }
      return hasFreed
    }
  }

  /// A checkpoint that only saves work later: on a full disk the store goes on without, so that
  /// something can be deleted.
  func writeUnlessFull() throws(StoreError) {
    do throws(StoreError) { try write() } catch {
      if error.kind != .full { throw error }
    }
  }

  /// The segments to which nothing will be appended any more.
  private func closedSegments(of state: CatalogueState) -> [SegmentID] {
    let open = core.appenders.openSegments
    var closed: [SegmentID] = []
    var newest: [DomainID: SegmentID] = [:]
    for entry in state.segments.values where !entry.flags.contains(.closed) {
      newest[entry.domain] = max(newest[entry.domain] ?? entry.id, entry.id)
      if !open.contains(entry.id) { closed.append(entry.id) }
    }
    let continued = Set(newest.filter { core.appenders.mayContinue($0.key) }.values)
    return closed.filter { !continued.contains($0) }
  }

  /// A full disk gives of its reserve for a catalogue: deletions need one from time to time.
  private func writeMakingRoom(_ catalogue: [UInt8], number: UInt64) throws(SystemError) {
    do throws(SystemError) {
      try CatalogueFile.write(catalogue, number: number, to: core.disk)
    } catch {
      guard error.isFull, core.room.hasReserve else { throw error }
      let outcome = core.room.withReserve(.checkpoint, of: 2 * UInt64(catalogue.count)) {
        Result { () throws(SystemError) in
          try CatalogueFile.write(catalogue, number: number, to: core.disk)
        }
      }
      try outcome.get()
    }
  }

  /// A branch without unsealed writes must not hold journal files: its open interval begins anew
  /// here, in RAM and in the catalogue alike.
  private func skipEmptyIntervals() {
    for branch in core.keeper.branches {
      branch.writer.withLockFirst {
        core.keeper.change { kept in
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

  /// Runs what appends control records; when the journal has no room for them, once more after a
  /// checkpoint, which gives the files back that are kept for them.
  func makingRoomForRecords<Result>(_ body: () throws(StoreError) -> Result) throws(StoreError)
    -> Result
  {
    do throws(StoreError) { return try body() } catch {
      guard error.kind == .full else { throw error }
    }
    try write()
    return try body()
  }

  /// Meanwhile none replaces a catalogue or recycles a journal file; waits for one under way.
  func holdingBack<Result>(_ body: () -> Result) -> Result { writing.withLock(body) }
}
