package import CoppicePlatform

/// What PostgreSQL's server is told by signals.
package enum ServerSignal: Hashable, Sendable {
  /// Take no new connections, and end when the last one has.
  case smart
  /// End connections, and then, cleanly.
  case fast
  /// End at once; the next start recovers.
  case immediate
  /// Read the settings again.
  case reload
  /// The kernel ends it and all its processes.
  case kill

  var process: ProcessSignal {
    switch self {
    case .smart: .terminate
    case .fast: .interrupt
    case .immediate: .quit
    case .reload: .hangUp
    case .kill: .kill
    }
  }
}

/// A program that the launcher has started.
package struct LaunchedProcess: Sendable {
  /// The program's number, as the machine knows it.
  package let identifier: Int32
  /// What it prints, output and errors; ends with it. It waits for whoever reads when the pipe is
  /// full.
  package let log: HostFile

  let number: UInt64
  let connection: LauncherConnection

  /// Does nothing when it has ended.
  package func signal(_ signal: ServerSignal) {
    connection.send(.signal(number, signal.process))
  }
}
