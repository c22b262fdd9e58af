internal import CoppicePlatform
internal import Synchronization

/// The store's own threads but the collector's: one seals and checkpoints, one keeps journal room
/// ahead of writers, one fills the dedup window after opening and ends.
///
/// They perform the same steps that the owner of a store without threads calls. A step's failure
/// is kept for writers that wait, and tried again later; a poisoned journal ends the attempts.
final class Maintenance: Sendable {
  private let monitor = Monitor()
  private let state = Mutex(State())

  private struct State: Sendable {
    var threads: [SystemThread] = []
    var isStopping = false
    var wakeUpCount = 0
  }

  /// How long a failed step waits before it is tried again.
  private static let retryNanoseconds: UInt64 = 200_000_000

  /// - Parameter rest: one step of what is left for when there is nothing to seal; returns whether
  ///   there was anything.
  func start(
    _ core: StoreCore, _ pressure: Pressure, rest: @escaping @Sendable () -> Bool
  ) throws(StoreError) {
    do throws(SystemError) {
      let sealer = try SystemThread(name: "coppice seal", isBackground: true) { [self] in
        run(core.clock) {
          let outcome = try pressure.performMaintenance()
          if case .idle = outcome, rest() { return .worked }
          return outcome
        }
      }
      let preparer = try SystemThread(name: "coppice journal") { [self] in
        run(core.clock) { try pressure.performJournalUpkeep() }
      }
      let refiller = try SystemThread(name: "coppice window", isBackground: true) { [self] in
        core.refillWindow { state.withLock { !$0.isStopping } }
      }
      state.withLock { $0.threads = [sealer, preparer, refiller] }
    } catch {
      throw StoreError(error, while: "starting the store's threads")
    }
  }

  /// Makes the threads look whether there is work.
  func wake() {
    monitor.withLock {
      state.withLock { $0.wakeUpCount += 1 }
      monitor.broadcast()
    }
  }

  func stop() {
    let threads = state.withLock { state in
      state.isStopping = true
      defer { state.threads = [] }
      return state.threads
    }
    monitor.withLock { monitor.broadcast() }
    for thread in threads { thread.join() }
  }

  /// Repeats `step` until stopped: at once while it did something, else when woken or after the
  /// time it asks for.
  private func run(_ clock: any StoreClock, _ step: () throws -> StepOutcome) {
    var seen = 0
    while true {
      let (isStopping, count) = state.withLock { ($0.isStopping, $0.wakeUpCount) }
      if isStopping { return }
      let outcome = (try? step()) ?? .idle(nanoseconds: Self.retryNanoseconds)
      guard case .idle(let nanoseconds) = outcome else { continue }
      seen = count
      monitor.withLock {
        let deadline = nanoseconds.map { clock.monotonicNanoseconds() + $0 }
        while state.withLock({ !$0.isStopping && $0.wakeUpCount == seen }) {
          if let deadline {
            if !monitor.wait(untilMonotonicNanoseconds: deadline) { return }
          } else {
            monitor.wait()
          }
        }
      }
    }
  }
}

/// What a maintenance step found.
enum StepOutcome {
  case worked
  /// Nothing to do until woken, or until that time has passed.
  case idle(nanoseconds: UInt64?)
}
