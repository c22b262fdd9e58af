internal import CoppiceFormat
internal import CoppicePlatform
internal import Synchronization

// What the store's threads do, step by step, and the owner of a store without threads.

extension Pressure {
  /// One step of the thread that seals and checkpoints. Writers that wait for it hear of a failure.
  func performMaintenance() throws(StoreError) -> StepOutcome {
    if core.journal.isPoisoned { return .idle(nanoseconds: nil) }
    do throws(StoreError) {
      let outcome = try sealOrCheckpoint()
      maintenanceFailure.withLock { $0 = nil }
      return outcome
    } catch {
      maintenanceFailure.withLock { $0 = error }
      if error.kind == .full { wakeCollector() }
      throw error
    }
  }

  private func sealOrCheckpoint() throws(StoreError) -> StepOutcome {
    if try sealer.sealStep(.limits) {
      if checkpointer.isDue { try checkpointer.write() }
      return .worked
    }
    if checkpointer.isDue {
      try checkpointer.write()
      return .idle(nanoseconds: nil)
    }
    return .idle(nanoseconds: nil)
  }

  /// One step of the thread that keeps the journal ready.
  func performJournalUpkeep() throws(StoreError) -> StepOutcome {
    if core.journal.isPoisoned { return .idle(nanoseconds: nil) }
    if core.journal.wantsRoom {
      try core.journal.prepareRoom()
      return .worked
    }
    // Announced before looking: whoever writes or syncs later wakes this thread.
    setUpkeep(isAsleep: true, isIdle: true)
    let rest = try core.journal.syncWhatWaited(
      nanoseconds: core.options.syncDelayNanoseconds, until: core.clock.monotonicNanoseconds())
    switch try core.journal.writeWitness(ifFlushedBefore: core.clock.monotonicNanoseconds()) {
    case .written: return .worked
    case .tooEarly:
      setUpkeep(isAsleep: false, isIdle: false)
      return .idle(nanoseconds: Journal.witnessDelayNanoseconds)
    case .notNeeded:
      guard let rest else { return .idle(nanoseconds: try tidyJournalWhenIdle()) }
      setUpkeep(isAsleep: true, isIdle: false)
      return .idle(nanoseconds: rest)
    }
  }

  private func setUpkeep(isAsleep: Bool, isIdle: Bool) {
    isUpkeepAsleep.store(isAsleep, ordering: .releasing)
    isUpkeepIdle.store(isIdle, ordering: .releasing)
  }

  /// After this long without a record the journal gives surplus files back.
  private static let restDelayNanoseconds: UInt64 = 10_000_000_000

  /// Whether a checkpoint would free files for writes.
  private var hasFreeableFiles: Bool { core.keeper.read { $0.hasSealedSinceCheckpoint } }

  private var hasLargeJournal: Bool {
    core.journal.hasSurplus
      || hasFreeableFiles && core.journal.usedByteCount > JournalLimits.restingByteCount
  }

  /// Once nothing was written for a while: frees what is sealed, and gives surplus files back.
  /// Returns when to look again; `nil`: not before something is written.
  @discardableResult
  package func tidyJournalWhenIdle() throws(StoreError) -> UInt64? {
    guard hasLargeJournal else { return nil }
    let (lsn, now) = (core.journal.lastLSN, core.clock.monotonicNanoseconds())
    let since = restingSince.withLock { since in
      if since.lsn != lsn { since = (lsn, now) }
      return since.time
    }
    let end = since + Self.restDelayNanoseconds
    if now < end { return end - now }
    try tidyJournal()
    return nil
  }

  /// If the journal is larger than an idle one: frees what is sealed, and gives surplus files back.
  package func tidyJournal() throws(StoreError) {
    guard hasLargeJournal else { return }
    if hasFreeableFiles {
      try core.journal.endCurrentFile()
      try checkpointer.writeUnlessFull()
    }
    try giveJournalSurplusBack()
  }

  /// Removes the files that hold nothing, but for those that an idle journal keeps.
  func giveJournalSurplusBack() throws(StoreError) {
    do throws(SystemError) {
      try core.journal.giveBackFiles(keeping: JournalLimits.restingByteCount)
    } catch {
      throw StoreError(error, while: "removing free journal files")
    }
  }
}
