internal import CoppiceFormat
internal import CoppicePlatform
internal import Synchronization

/// The thread that collects when the estimates ask for it.
///
/// It performs the same step that the owner of a store without threads may call. A failure is tried
/// again later; a poisoned journal ends the attempts.
final class CollectorThread: Sendable {
  private let monitor = Monitor()
  private let state = Mutex(State())

  private struct State: Sendable {
    var thread: SystemThread?
    var isStopping = false
    var wakeUpCount = 0
    var spaceCollectionLSN: LSN?
  }

  /// Between two looks at the estimates.
  private static let intervalNanoseconds: UInt64 = 1_000_000_000
  /// How long a failed collection waits before it is tried again.
  private static let retryNanoseconds: UInt64 = 10_000_000_000

  /// - Parameter step: collects if the estimates ask for it.
  func start(
    _ clock: any StoreClock, _ step: @escaping @Sendable () throws(StoreError) -> StepOutcome
  ) throws(SystemError) {
    let thread = try SystemThread(name: "coppice collect", isBackground: true) { [self] in
      run(clock, step)
    }
    state.withLock { $0.thread = thread }
  }

  var isStopping: Bool { state.withLock { $0.isStopping } }

  /// Makes the thread look at the estimates, soon.
  func wake() {
    state.withLock { $0.wakeUpCount += 1 }
    monitor.withLock { monitor.broadcast() }
  }

  /// Ends the thread, and any collection that is under way.
  func stop() {
    let thread = state.withLock { state in
      state.isStopping = true
      defer { state.thread = nil }
      return state.thread
    }
    monitor.withLock { monitor.broadcast() }
    thread?.join()
  }

  /// When the last collection for lack of space began, in terms of the journal.
  var spaceCollectionLSN: LSN? { state.withLock { $0.spaceCollectionLSN } }
  func noteSpaceCollection(at lsn: LSN) { state.withLock { $0.spaceCollectionLSN = lsn } }

  /// Waits, but not when the store is being closed. May return early.
  func pause(untilMonotonicNanoseconds deadline: UInt64) {
    monitor.withLock {
      if !isStopping { monitor.wait(untilMonotonicNanoseconds: deadline) }
    }
  }

  private func run(_ clock: any StoreClock, _ step: () throws(StoreError) -> StepOutcome) {
    while !isStopping {
      let seen = state.withLock { $0.wakeUpCount }
      let outcome =
        (try? step()) ?? .idle(nanoseconds: Self.retryNanoseconds)
      let began = clock.monotonicNanoseconds()
      if case .idle(let nanoseconds) = outcome {
        let deadline = nanoseconds.map { began &+ min($0, 1 << 60) }
        monitor.withLock {
          while state.withLock({ !$0.isStopping && $0.wakeUpCount == seen }) {
            guard let deadline else {
              monitor.wait()
              continue
            }
            if !monitor.wait(untilMonotonicNanoseconds: deadline) { return }
          }
        }
      }
      // However often it is woken, it looks no more often than that.
      while !isStopping, clock.monotonicNanoseconds() < began + Self.intervalNanoseconds {
        pause(untilMonotonicNanoseconds: began + Self.intervalNanoseconds)
      }
    }
  }
}
