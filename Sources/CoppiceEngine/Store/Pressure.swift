internal import CoppiceFormat
internal import CoppicePlatform
internal import Synchronization

// Writers and memory: unsealed pages live in RAM, and journal files hold them until they are
// sealed. From half of the overlay's limit on a writer is delayed a little for every write, in
// proportion to how full it is, so that sealing keeps up without a cliff. At the limit it waits.

/// Keeps writers to what memory and the disk can take, and the journal ready for them.
package final class Pressure: Sendable {
  let core: StoreCore
  let sealer: Sealer
  let checkpointer: Checkpointer
  let wakeCollector: @Sendable () -> Void
  /// What the last attempt to seal or to checkpoint in the background failed with.
  let maintenanceFailure = Mutex<StoreError?>(nil)
  /// Since when the journal's newest record is the newest.
  let restingSince = Mutex<(lsn: LSN, time: UInt64)>((.zero, 0))
  /// Whether the thread that keeps the journal waits to be told of a flush, and also of a write.
  let isUpkeepAsleep = Atomic<Bool>(false)
  let isUpkeepIdle = Atomic<Bool>(false)

  init(
    _ core: StoreCore, _ sealer: Sealer, _ checkpointer: Checkpointer,
    wakeCollector: @escaping @Sendable () -> Void
  ) {
    self.core = core
    self.sealer = sealer
    self.checkpointer = checkpointer
    self.wakeCollector = wakeCollector
  }

  /// The longest delay of one write, just below the limit.
  private static let delayNanosecondsMax: UInt64 = 2_000_000

  /// Waits until the overlay may take another write of that branch.
  ///
  /// - Parameter byteCount: of a write that must find room to be sealed.
  func admit(_ writer: EngineBranch, adding byteCount: Int?) throws(StoreError) {
    if let byteCount, core.meter.byteCount + byteCount > core.relief.admittedByteCount {
      try admitRoom(adding: byteCount)
    }
    let limit = core.options.overlayByteCountMax
    guard core.meter.byteCount > limit / 2 else { return }
    guard core.options.usesThreads else {
      while core.meter.byteCount > limit / 2, try sealer.sealStep(.pressure) {}
      return
    }
    core.wake()
    let half = UInt64(limit / 2)
    let excess = min(UInt64(max(0, core.meter.byteCount - limit / 2)), half)
    // Cubic: hardly felt at first, steep near the limit.
    let share = Double(excess) / Double(half)
    let delay = UInt64(Double(Self.delayNanosecondsMax) * share * share * share)
    if delay > 20_000 {
      core.relief.pause(untilMonotonicNanoseconds: core.clock.monotonicNanoseconds() + delay)
    }
    while core.meter.byteCount >= limit, core.gate.isOpen, !core.journal.isPoisoned {
      if let failure = maintenanceFailure.withLock({ $0 }) { throw failure }
      switch unsealedWrites {
      // What pinned views and imports hold comes back in its own time.
      case .none: return
      case .stuck:
        let full = StoreError(
          .full, "unsealed writes take \(core.meter.byteCount) bytes of memory, their limit")
        throw sealer.reason(for: full, toldTo: writer)
      case .sealable: break
      }
      core.relief.wait(untilMonotonicNanoseconds: core.clock.monotonicNanoseconds() + 50_000_000)
    }
  }

  private enum UnsealedWrites {
    case none, sealable
    /// All of them lie on layers that cannot be sealed.
    case stuck
  }

  private var unsealedWrites: UnsealedWrites {
    let dirty = core.keeper.branches.filter { $0.dirtyByteCount > 0 }
    if dirty.isEmpty { return .none }
    return dirty.contains { $0.sealFailure == nil } ? .sealable : .stuck
  }

  func didWrite() {
    guard core.options.usesThreads else { return }
    let dirty = core.meter.byteCount
    if dirty > core.options.sealByteCount || core.journal.wantsRoom { core.wake() }
    wakeUpkeep(isUpkeepIdle)
  }

  /// After a write found the journal full: makes room, or waits until room was made. Returns false
  /// when there is nothing that could make any.
  func relieve(after attempt: Int) throws(StoreError) -> Bool {
    guard !core.journal.isPoisoned else { return false }
    if core.relief.count != attempt { return true }
    if core.room.isGivenUp, core.room.restoreReserve() { return true }
    let sealed = try sealer.sealStep(.pressure)
    let freed = try checkpointer.write()
    return sealed || freed || core.relief.count != attempt
  }

  /// After a flush: sees to it that the journal gets its witness once idle.
  func didFlush() {
    if core.options.usesThreads { wakeUpkeep(isUpkeepAsleep) }
  }

  /// Has the thread that keeps the journal look what is to be done, if it waits to be told.
  private func wakeUpkeep(_ waits: borrowing Atomic<Bool>) {
    guard waits.load(ordering: .relaxed) else { return }
    waits.store(false, ordering: .relaxed)
    core.wake()
  }
}
