internal import Glibc
internal import Synchronization

/// The signals that ask a process to end: SIGINT, SIGTERM and SIGHUP.
public enum EndSignals {
  private static let numbers = [SIGINT, SIGTERM, SIGHUP]
  private static let noted = Atomic<Int32>(0)
  private static let handler: @convention(c) (Int32) -> Void = { number in
    EndSignals.noted.store(number, ordering: .relaxed)
  }

  /// From here on the first of each is only noted, for work that looks and then takes back what it
  /// began; the next one ends the process as usual. Those that the process ignores stay ignored.
  public static func note() {
    // Made before a handler may use it.
    _ = noted.load(ordering: .relaxed)
    for number in numbers where isHandled(number, by: SIG_DFL) {
      var action = sigaction()
      action.__sigaction_handler.sa_handler = handler
      // Calls that wait are interrupted, so that whoever waits looks at once.
      action.sa_flags = Int32(bitPattern: UInt32(SA_RESETHAND))
      sigaction(number, &action, nil)
    }
  }

  /// From here on they end the process as usual, also one that was noted before.
  public static func stopNoting() {
    for number in numbers where isHandled(number, by: handler) { signal(number, SIG_DFL) }
    endIfNoted()
  }

  private static func isHandled(_ number: Int32, by handler: __sighandler_t?) -> Bool {
    var action = sigaction()
    guard sigaction(number, nil, &action) == 0 else { return false }
    return unsafeBitCast(action.__sigaction_handler.sa_handler, to: Int.self)
      == unsafeBitCast(handler, to: Int.self)
  }

  /// Whether one was noted.
  public static var areNoted: Bool { noted.load(ordering: .relaxed) != 0 }

  /// Ends this process as the noted signal would have; returns when there was none.
  public static func endIfNoted() {
    let number = noted.load(ordering: .relaxed)
    guard number != 0 else { return }
    signal(number, SIG_DFL)
    raise(number)
  }
}
