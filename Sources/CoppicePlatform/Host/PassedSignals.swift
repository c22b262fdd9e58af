internal import Glibc
internal import Synchronization

/// Passes the signals that ask a process to end on to a program that it runs, and whose end it
/// waits for: SIGINT, SIGTERM and SIGHUP.
public enum PassedSignals {
  /// 0 while there is none.
  private static let program = Atomic<Int32>(0)
  /// A signal that nobody has passed on yet: whoever takes it out does.
  private static let pending = Atomic<Int32>(0)

  private static let handler: @convention(c) (Int32) -> Void = { number in
    PassedSignals.pending.store(number, ordering: .sequentiallyConsistent)
    PassedSignals.passPending()
  }

  /// From here on none of them ends this process; those that it ignores stay ignored. To be called
  /// before the program is started, which has them all the same: handlers do not outlive that.
  public static func begin() {
    // Made before a handler may use them.
    _ = (program.load(ordering: .relaxed), pending.load(ordering: .relaxed))
    for number in [SIGINT, SIGTERM, SIGHUP] {
      var known = sigaction()
      sigaction(number, nil, &known)
      let isIgnored =
        unsafeBitCast(known.__sigaction_handler.sa_handler, to: Int.self)
        == unsafeBitCast(SIG_IGN, to: Int.self)
      if isIgnored { continue }
      var action = sigaction()
      action.__sigaction_handler.sa_handler = handler
      action.sa_flags = SA_RESTART
      sigaction(number, &action, nil)
    }
  }

  /// The program has been started: it gets what has come since `begin`, and what comes from now on.
  public static func pass(to process: Int32) {
    program.store(process, ordering: .sequentiallyConsistent)
    passPending()
  }

  /// The program has ended; its number may soon be another one's.
  public static func end() { program.store(0, ordering: .sequentiallyConsistent) }

  /// Atomic values and one system call: all that befits a handler.
  private static func passPending() {
    let process = program.load(ordering: .sequentiallyConsistent)
    guard process > 0 else { return }
    let number = pending.exchange(0, ordering: .sequentiallyConsistent)
    if number > 0 { kill(process, number) }
  }
}
