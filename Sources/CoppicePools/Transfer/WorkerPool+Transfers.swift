internal import CoppiceErrors
internal import CoppicePlatform
internal import Synchronization

extension WorkerPool {
  /// Threads for what a transfer computes.
  static func transfers(_ options: TransferOptions) throws(StoreError) -> WorkerPool {
    do throws(SystemError) { return try WorkerPool(threadCount: options.threadCount) } catch {
      throw .noThread(error)
    }
  }

  /// As `perform`, until a turn fails. Throws the first failure.
  func performThrowing(
    count: Int, _ body: @Sendable (Int) throws(StoreError) -> Void
  ) throws(StoreError) {
    let failure = Mutex<StoreError?>(nil)
    perform(count: count) { index in
      if failure.withLock({ $0 != nil }) { return }
      do throws(StoreError) { try body(index) } catch {
        failure.withLock { $0 = $0 ?? error }
      }
    }
    if let failure = failure.withLock({ $0 }) { throw failure }
  }
}

extension StoreError {
  static func noThread(_ error: SystemError) -> StoreError {
    StoreError(.unavailable, "the machine has no room for another thread", cause: "\(error)")
  }
}
