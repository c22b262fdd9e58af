package import CoppiceErrors
package import CoppicePlatform

/// The launcher: the one process that starts instances, with the privileges that this takes.
///
/// It has one thread, reads nothing but the server's messages, and ends with the server: then it
/// kills all that it started. What it starts dies with it, however it ends.
package struct LauncherProcess {
  private struct Instance {
    let process: ChildProcess
    let launch: Launch
  }

  private let server: MessageSocket
  private let check: LaunchCheck
  private var instances: [UInt64: Instance] = [:]

  /// Serves a server until that closes its end.
  /// - Throws: when it cannot serve at all; the server has been told.
  package static func run(
    _ settings: LauncherSettings, server: MessageSocket
  ) throws(StoreError) {
    HostProcess.resetSignals()
    var launcher: LauncherProcess
    do throws(StoreError) {
      try settings.check()
      let (isolation, note) = try IsolationTrial(settings: settings).result()
      launcher = LauncherProcess(
        server: server,
        check: LaunchCheck(settings: settings, isolationMax: isolation, user: HostProcess.user))
      launcher.tell(.ready(isolation, note: note))
    } catch {
      Self.tell(.failed(0, error), to: server)
      throw error
    }
    launcher.serve()
  }

  private init(server: MessageSocket, check: LaunchCheck) {
    self.server = server
    self.check = check
  }

  private mutating func serve() {
    while let message = next() { carryOut(message) }
    let all = instances.keys.sorted()
    for number in all { signal(number, .kill) }
    for number in all { collect(number) }
  }

  /// The server's next message; what ends meanwhile is collected. `nil` when there is no server any
  /// more, or nothing to be heard of it.
  private mutating func next() -> MessageSocket.Message? {
    while true {
      let numbers = instances.keys.sorted()
      let files = numbers.compactMap { instances[$0]?.process.descriptor.file }
      do throws(SystemError) {
        let ready = try HostFile.waitForAny(of: files + [server.file])
        for place in ready where place < files.count { collect(numbers[place]) }
        guard ready.last == files.count else { continue }
        return try server.receive(byteCountMax: MessageLimit.byteCountMax)
      } catch {
        return nil
      }
    }
  }

  private mutating func carryOut(_ message: MessageSocket.Message) {
    do throws(MessageFailure) {
      switch try LauncherRequest(message.bytes) {
      case .start(let number, let launch): start(number, launch)
      case .signal(let number, let name): signal(number, name)
      }
    } catch {
      let refusal = StoreError(
        .invalid, "the launcher does not understand a message: \(error.description)",
        remedy: "run the server and its launcher from the same program")
      tell(.failed(LauncherRequest.number(of: message.bytes), refusal))
    }
  }

  private mutating func start(_ number: UInt64, _ launch: Launch) {
    do throws(StoreError) {
      guard instances[number] == nil else {
        throw StoreError(
          .invalid, "there is a start of the number \(number)", object: launch.data,
          remedy: "give each start another one")
      }
      let start = try check.start(for: launch)
      if launch.isolation != .none { try claim(launch) }
      let (log, process) = try run(start, launch)
      instances[number] = Instance(process: process, launch: launch)
      tell(
        .started(number, process: process.identifier), files: [log, process.descriptor.file])
    } catch {
      tell(.failed(number, error))
    }
  }

  /// Throws `inUse` when anything else runs under the user number.
  private func claim(_ launch: Launch) throws(StoreError) {
    let user = launch.userID
    if let other = instances.values.first(where: {
      $0.launch.userID == user && $0.launch.isolation != .none
    }) {
      throw StoreError(
        .inUse, "another instance runs under the user number \(user)", object: launch.data,
        remedy: "stop the instance on \(other.launch.data), or use another number")
    }
    // What an earlier launcher left is about to end; another store's instances are not.
    guard HostUsers.waitUntilGone(user, milliseconds: 2000) else {
      throw StoreError(
        .inUse,
        "processes run under the user number \(user) that no instance of this store has started",
        object: launch.data,
        remedy: "start it again, under another number; let no other store, nor anybody else, have "
          + "numbers of these --pg-users")
    }
  }

  private func run(
    _ start: ProgramStart, _ launch: Launch
  ) throws(StoreError) -> (log: HostFile, ChildProcess) {
    do throws(SystemError) {
      let log = try HostFile.makePipe()
      return (log.reader, try start.start(log: log.writer))
    } catch {
      let isMissing = error.call == "execve" && error.isMissing
      throw StoreError(
        isMissing ? .notFound : error.isDenied ? .denied : .unavailable,
        "\(HostPath.split(launch.program).name) was not started", object: launch.program,
        remedy: error.isDenied
          ? "run the server with root's capabilities"
          : isMissing
            ? "install its libraries too"
            : "see that the machine has memory and processes left, and try again",
        cause: error.description)
    }
  }

  private func signal(_ number: UInt64, _ name: ProcessSignal) {
    // It may have ended meanwhile, and a process that was started may always be signalled.
    try? instances[number]?.process.descriptor.send(name)
  }

  private mutating func collect(_ number: UInt64) {
    guard let instance = instances.removeValue(forKey: number) else { return }
    let end: ProcessEnd
    do throws(SystemError) { end = try instance.process.collect() } catch { end = .unknown }
    if instance.launch.isolation == .user { endAll(of: instance.launch.userID) }
    tell(.ended(number, end))
  }

  /// Ends what programs of an instance without namespaces left running.
  private func endAll(of user: UInt32) {
    do throws(SystemError) {
      try HostUsers.killAll(of: user)
      _ = HostUsers.waitUntilGone(user, milliseconds: 1000)
    } catch {
      // The next start under that number looks for them.
    }
  }

  private func tell(_ reply: LauncherReply, files: [HostFile] = []) {
    Self.tell(reply, files: files, to: server)
  }

  private static func tell(
    _ reply: LauncherReply, files: [HostFile] = [], to server: MessageSocket
  ) {
    // A server that is gone shows when the next message is waited for.
    try? server.send(reply.encode(), files: files)
  }
}
