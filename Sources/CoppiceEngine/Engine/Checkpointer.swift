internal import CoppiceFormat
internal import CoppicePlatform
internal import Synchronization

// A checkpoint writes the catalogue at LSN X to a new file, after the journal is synced through X.
// Files are named by a running number; the newest counts, the one before it is kept for repair.
// Journal files are recycled only when the new file and its name are durable, and only by the
// intervals that this very file lists.

/// Writes checkpoints.
package final class Checkpointer: Sendable {
  private let disk: any Disk
  private let clock: any StoreClock
  private let gate: StoreGate
  private let keeper: CatalogueKeeper
  private let journal: Journal
  private let appenders: AppenderSet
  private let hints: EngineHints
  private let room: Room
  private let relief: Relief
  private let journalByteCountMax: UInt64
  /// One is written at a time.
  private let writing = Monitor()

  init(
    disk: any Disk, clock: any StoreClock, gate: StoreGate, keeper: CatalogueKeeper,
    journal: Journal, appenders: AppenderSet, hints: EngineHints, room: Room, relief: Relief,
    journalByteCountMax: UInt64
  ) {
    self.disk = disk
    self.clock = clock
    self.gate = gate
    self.keeper = keeper
    self.journal = journal
    self.appenders = appenders
    self.hints = hints
    self.room = room
    self.relief = relief
    self.journalByteCountMax = journalByteCountMax
  }

  /// Whether control records piled up since the last checkpoint, or hold journal files.
  package var isDue: Bool {
    if gate.isReadOnly || journal.isPoisoned { return false }
    if journal.needsControlCheckpoint { return true }
    let (isDue, hasSealed) = keeper.read { kept in
      let enough = max(Kept.checkpointByteCountMin, kept.checkpointByteCount / 2)
      return (kept.controlByteCountSinceCheckpoint > enough, kept.hasSealedSinceCheckpoint)
    }
    return isDue || hasSealed && journal.usedByteCount > journalByteCountMax / 4
  }

  /// Writes a checkpoint and frees journal files; returns whether there were any to free.
  @discardableResult
  package func write() throws(StoreError) -> Bool {
    try gate.checkWritable()
    return try writing.withLock { () throws(StoreError) in
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
      room.restoreReserve()
      if room.isShort {
        // What is not removed now, the next checkpoint tries again.
        try? journal.giveBackFiles(keeping: JournalLimits.firstFileByteCount)
        room.restoreReserve()
      }
      if hasFreed { relief.note() }
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
      guard error.isFull, room.hasReserve else { throw error }
      let outcome = room.withReserve(.checkpoint, of: 2 * UInt64(catalogue.count)) {
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
