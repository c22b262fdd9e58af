package import CoppiceErrors
package import CoppicePlatform

/// The server's launcher: a process of its own that starts instances and ends with the server.
///
/// One that has ended, killed perhaps, takes all that it started along, and another one takes its
/// place at the next start. All methods may be called from any thread, but not from a handler of
/// ends.
package final class Launcher: Sendable {
  package struct Options: Sendable {
    /// The program `coppice`, which is the launcher's too.
    package var program: String
    package var settings: LauncherSettings
    /// For what the launcher itself has to say; standard error otherwise.
    package var log: HostFile?

    package init(program: String, settings: LauncherSettings, log: HostFile? = nil) {
      self.program = program
      self.settings = settings
      self.log = log
    }
  }

  /// A launcher's process, and the thread that hears it.
  private struct Serving {
    let connection: LauncherConnection
    let thread: SystemThread
    let isolation: Isolation
    let isolationNote: String
  }

  /// The most that instances can be given here: `full` or `user` for a server that is root, `none`
  /// for any other.
  package let isolation: Isolation
  /// Why not more; empty where there is no more, or no more was asked for.
  package let isolationNote: String
  /// The launcher's process number.
  package var identifier: Int32 { state.withLock { $0.serving.connection.process } }

  private struct State {
    var serving: Serving
    var isClosed = false
  }

  private let options: Options
  private let state: Monitored<State>

  /// Starts the launcher, and waits until it serves.
  /// - Throws: what keeps it from serving: `conflict` when user numbers of instances are
  ///   somebody's, `denied` when root may start nothing as another user here.
  package init(_ options: Options) throws(StoreError) {
    self.options = options
    let serving = try Self.begin(options)
    (isolation, isolationNote) = (serving.isolation, serving.isolationNote)
    state = Monitored(State(serving: serving))
  }

  private static func begin(_ options: Options) throws(StoreError) -> Serving {
    let connection: LauncherConnection
    do throws(SystemError) {
      let (own, launchers) = try MessageSocket.makePair()
      let log: HostFile
      if let given = options.log { log = given } else { log = try HostFile(duplicating: 2) }
      let process = try HostProcess.startDetached(
        options.program, options.settings.arguments, log: log, report: launchers.file)
      connection = LauncherConnection(own, process: process)
    } catch {
      throw StoreError(
        .unavailable, "the server's launcher could not be started", object: options.program,
        remedy: "see that the machine has memory and processes left, and try again",
        cause: error.description)
    }
    let (isolation, note): (Isolation, String)
    do throws(StoreError) {
      (isolation, note) = try connection.receiveGreeting()
    } catch {
      connection.finish()
      connection.receiveAll()
      throw error
    }
    do throws(SystemError) {
      let thread = try SystemThread(name: "launcher") { connection.receiveAll() }
      return Serving(
        connection: connection, thread: thread, isolation: isolation, isolationNote: note)
    } catch {
      connection.finish()
      connection.receiveAll()
      throw StoreError(
        .unavailable, "the server has no thread for its launcher",
        remedy: "see that the machine has memory and processes left, and try again",
        cause: error.description)
    }
  }

  // Does not wait: the last reference may go in a handler of ends.
  deinit { state.withLock { $0.serving.connection.finish() } }

  /// Starts a program of PostgreSQL, and returns once it is executed.
  /// - Parameter whenEnded: called once, when the program has ended and with it, where it was
  ///   isolated from the machine, all that it started. Perhaps before this returns; by a thread
  ///   that should not be kept.
  /// - Throws: what was refused, or which step failed; `inUse` when something else runs under the
  ///   user number; `unavailable` when the launcher ends meanwhile, or was closed.
  package func start(
    _ launch: Launch, whenEnded: @escaping @Sendable (ProcessEnd) -> Void
  ) throws(StoreError) -> LaunchedProcess {
    try connection().start(launch, whenEnded)
  }

  /// To the launcher that serves; another one's where it has ended.
  private func connection() throws(StoreError) -> LauncherConnection {
    try state.withLock { state throws(StoreError) in
      guard state.serving.connection.hasEnded, !state.isClosed else {
        return state.serving.connection
      }
      // All that the one before started is gone first.
      state.serving.thread.join()
      let next = try Self.begin(options)
      guard next.isolation == isolation else {
        next.connection.finish()
        next.thread.join()
        throw StoreError(
          .unavailable,
          "a new launcher isolates by \(next.isolation.rawValue), the one before by "
            + "\(isolation.rawValue)",
          object: options.program, remedy: "stop the server and start it again")
      }
      state.serving = next
      return next.connection
    }
  }

  /// Kills all that was started, which is told of, and returns when it and the launcher have ended.
  /// The store must be served until then.
  package func close() {
    let serving = state.withLock { state in
      state.isClosed = true
      return state.serving
    }
    serving.connection.finish()
    serving.thread.join()
  }
}

extension LauncherProcess {
  /// Where the launcher finds its end of the connection when it is started.
  package static let serverDescriptor: Int32 = 3
}
