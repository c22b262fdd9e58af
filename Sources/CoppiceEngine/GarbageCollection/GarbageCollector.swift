internal import CoppiceFormat
internal import CoppicePlatform
internal import Synchronization

/// Collects garbage, by itself and when asked to, and brings deletions for good to their end.
package final class GarbageCollector: Sendable {
  let core: StoreCore
  let sealer: Sealer
  let checkpointer: Checkpointer
  let pressure: Pressure
  let thread: CollectorThread
  /// One collection runs at a time.
  let collecting = Monitor()
  /// Whether deletions for good wait for `finishDeletions`.
  let hasUnfinishedDeletions = Atomic<Bool>(false)
  /// Entries that were forgotten since opening without the proof that was to be made of them.
  let missedProofCount = Atomic<Int>(0)

  init(
    _ core: StoreCore, _ sealer: Sealer, _ checkpointer: Checkpointer, _ pressure: Pressure,
    _ thread: CollectorThread
  ) {
    self.core = core
    self.sealer = sealer
    self.checkpointer = checkpointer
    self.pressure = pressure
    self.thread = thread
  }

  /// Starts the thread, if there is to be one.
  func start() throws(StoreError) {
    guard core.options.usesThreads, core.options.collection.isEnabled else { return }
    do throws(SystemError) {
      try thread.start(core.clock) { [self] () throws(StoreError) in try performCollection() }
    } catch {
      throw StoreError(error, while: "starting the store's threads")
    }
  }
}
