internal import CoppicePlatform
internal import Synchronization

/// Sends the kernel notifications that the thread which has them must not wait for.
///
/// A notification waits in the kernel for requests about the same directory or page. A thread that
/// serves another mount of the store is itself waited for by such requests: were it to wait here, and
/// one of this mount's threads there, neither mount would go on.
final class NotificationQueue: Sendable {
  private struct State {
    var waiting: Set<Notification> = []
    var isEnded = false
  }

  private let monitor = Monitor()
  private let state = Mutex(State())

  /// The threads that serve a mount, of any store of this process.
  private static let serving = Mutex<Set<UInt32>>([])

  /// The current thread serves a mount from here on.
  static func noteServer() {
    let number = SystemThread.currentNumber
    _ = serving.withLock { $0.insert(number) }
  }

  /// Whether the current thread must not wait for the kernel.
  static var isServing: Bool {
    let number = SystemThread.currentNumber
    return serving.withLock { $0.contains(number) }
  }

  /// Takes a notification that is to be sent soon; one that waits already is sent once.
  func insert(_ notification: Notification) {
    monitor.withLock {
      let isFirst = state.withLock { state in
        guard !state.isEnded else { return false }
        return state.waiting.insert(notification).inserted && state.waiting.count == 1
      }
      if isFirst { monitor.broadcast() }
    }
  }

  /// Drops what waits, and ends `run`.
  func end() {
    monitor.withLock {
      state.withLock { state in
        state.isEnded = true
        state.waiting = []
      }
      monitor.broadcast()
    }
  }

  /// Sends what is inserted until the end.
  func run(_ send: (Notification) -> Void) {
    while let notifications = next() {
      for notification in notifications { send(notification) }
    }
  }

  private func next() -> Set<Notification>? {
    monitor.withLock {
      while true {
        let (notifications, isEnded) = state.withLock { state in
          defer { state.waiting = [] }
          return (state.waiting, state.isEnded)
        }
        if isEnded { return nil }
        if !notifications.isEmpty { return notifications }
        monitor.wait()
      }
    }
  }
}
