internal import CoppicePlatform
internal import Synchronization

/// What a thread that serves requests leaves to one that does not.
enum Chore: Hashable, Sendable {
  /// To be told to the kernel, which may wait for requests about the same directory or page.
  case tell(Notification)
  /// The kernel has forgotten a file that has no name.
  case remove(NodeID)
}

/// Chores that wait for the thread that does them.
final class ChoreQueue: Sendable {
  private struct State {
    var waiting: Set<Chore> = []
    var isEnded = false
  }

  private let monitor = Monitor()
  private let state = Mutex(State())

  /// Takes a chore that is to be done soon; one that waits already is done once.
  func insert(_ chore: Chore) {
    monitor.withLock {
      let isFirst = state.withLock { state in
        state.waiting.insert(chore).inserted && state.waiting.count == 1
      }
      if isFirst { monitor.broadcast() }
    }
  }

  /// Ends `run` once it has done what waits.
  func end() {
    monitor.withLock {
      state.withLock { $0.isEnded = true }
      monitor.broadcast()
    }
  }

  /// Does what is inserted until the end: all that waits at once.
  func run(_ body: (Set<Chore>) -> Void) {
    while let chores = next() { body(chores) }
  }

  private func next() -> Set<Chore>? {
    monitor.withLock {
      while true {
        let (chores, isEnded) = state.withLock { state in
          defer { state.waiting = [] }
          return (state.waiting, state.isEnded)
        }
        if !chores.isEmpty { return chores }
        if isEnded { return nil }
        monitor.wait()
      }
    }
  }
}
