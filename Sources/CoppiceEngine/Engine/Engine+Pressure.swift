internal import CoppicePlatform
internal import Synchronization

// Writers and memory: unsealed pages live in RAM, and journal files hold them until they are
// sealed. From half of the overlay's limit on a writer is delayed a little for every write, in
// proportion to how full it is, so that sealing keeps up without a cliff. At the limit it waits.

extension Engine {
  /// The longest delay of one write, just below the limit.
  private static let delayNanosecondsMax: UInt64 = 2_000_000

  /// Waits until the overlay may take another write of that branch.
  ///
  /// - Parameter byteCount: of a write that must find room to be sealed.
  func admit(_ writer: EngineBranch, adding byteCount: Int?) throws(StoreError) {
    if let byteCount, meter.byteCount + byteCount > relief.admittedByteCount {
      try admitRoom(adding: byteCount)
    }
    let limit = options.overlayByteCountMax
    guard meter.byteCount > limit / 2 else { return }
    guard options.usesThreads else {
      while meter.byteCount > limit / 2, try sealStep(.pressure) {}
      return
    }
    maintenance.wake()
    let half = UInt64(limit / 2)
    let excess = min(UInt64(max(0, meter.byteCount - limit / 2)), half)
    // Cubic: hardly felt at first, steep near the limit.
    let share = Double(excess) / Double(half)
    let delay = UInt64(Double(Self.delayNanosecondsMax) * share * share * share)
    if delay > 20_000 {
      relief.pause(untilMonotonicNanoseconds: clock.monotonicNanoseconds() + delay)
    }
    while meter.byteCount >= limit, gate.isOpen, !journal.isPoisoned {
      if let failure = maintenanceFailure.withLock({ $0 }) { throw failure }
      switch unsealedWrites {
      // What pinned views and imports hold comes back in its own time.
      case .none: return
      case .stuck:
        let full = StoreError(
          .full, "unsealed writes take \(meter.byteCount) bytes of memory, their limit")
        throw reason(for: full, toldTo: writer)
      case .sealable: break
      }
      relief.wait(untilMonotonicNanoseconds: clock.monotonicNanoseconds() + 50_000_000)
    }
  }

  private enum UnsealedWrites {
    case none, sealable
    /// All of them lie on layers that cannot be sealed.
    case stuck
  }

  private var unsealedWrites: UnsealedWrites {
    let dirty = keeper.branches.filter { $0.dirtyByteCount > 0 }
    if dirty.isEmpty { return .none }
    return dirty.contains { $0.sealFailure == nil } ? .sealable : .stuck
  }

  func didWrite() {
    guard options.usesThreads else { return }
    let dirty = meter.byteCount
    if dirty > options.sealByteCount || journal.wantsRoom { maintenance.wake() }
    wakeUpkeep(isUpkeepIdle)
  }

  /// After a write found the journal full: makes room, or waits until room was made. Returns false
  /// when there is nothing that could make any.
  func relieve(after attempt: Int) throws(StoreError) -> Bool {
    guard !journal.isPoisoned else { return false }
    if relief.count != attempt { return true }
    if room.isGivenUp, room.restoreReserve() { return true }
    let sealed = try sealStep(.pressure)
    let freed = try checkpointer.write()
    return sealed || freed || relief.count != attempt
  }

  /// After a flush: sees to it that the journal gets its witness once idle.
  func didFlush() {
    if options.usesThreads { wakeUpkeep(isUpkeepAsleep) }
  }

  /// Has the thread that keeps the journal look what is to be done, if it waits to be told.
  private func wakeUpkeep(_ waits: borrowing Atomic<Bool>) {
    guard waits.load(ordering: .relaxed) else { return }
    waits.store(false, ordering: .relaxed)
    maintenance.wake()
  }

  // MARK: Steps

  /// One step of the thread that seals and checkpoints. Writers that wait for it hear of a failure.
  func performMaintenance() throws(StoreError) -> StepOutcome {
    if journal.isPoisoned { return .idle(nanoseconds: nil) }
    do throws(StoreError) {
      let outcome = try sealOrCheckpoint()
      maintenanceFailure.withLock { $0 = nil }
      return outcome
    } catch {
      maintenanceFailure.withLock { $0 = error }
      if error.kind == .full { collector.wake() }
      throw error
    }
  }

  private func sealOrCheckpoint() throws(StoreError) -> StepOutcome {
    if try sealStep(.limits) {
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
    if journal.isPoisoned { return .idle(nanoseconds: nil) }
    if journal.wantsRoom {
      try journal.prepareRoom()
      return .worked
    }
    // Announced before looking: whoever writes or syncs later wakes this thread.
    setUpkeep(isAsleep: true, isIdle: true)
    let rest = try journal.syncWhatWaited(
      nanoseconds: options.syncDelayNanoseconds, until: clock.monotonicNanoseconds())
    switch try journal.writeWitness(ifFlushedBefore: clock.monotonicNanoseconds()) {
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
  private var hasFreeableFiles: Bool { keeper.read { $0.hasSealedSinceCheckpoint } }

  private var hasLargeJournal: Bool {
    journal.hasSurplus
      || hasFreeableFiles && journal.usedByteCount > JournalLimits.restingByteCount
  }

  /// Once nothing was written for a while: frees what is sealed, and gives surplus files back.
  /// Returns when to look again; `nil`: not before something is written.
  @discardableResult
  package func tidyJournalWhenIdle() throws(StoreError) -> UInt64? {
    guard hasLargeJournal else { return nil }
    let (lsn, now) = (journal.lastLSN, clock.monotonicNanoseconds())
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
      try journal.endCurrentFile()
      try checkpointer.writeUnlessFull()
    }
    try giveJournalSurplusBack()
  }

  /// Removes the files that hold nothing, but for those that an idle journal keeps.
  func giveJournalSurplusBack() throws(StoreError) {
    do throws(SystemError) {
      try journal.giveBackFiles(keeping: JournalLimits.restingByteCount)
    } catch {
      throw StoreError(error, while: "removing free journal files")
    }
  }
}
