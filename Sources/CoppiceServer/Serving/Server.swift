package import Coppice
internal import CoppiceLifecycle
internal import CoppicePlatform
internal import Hummingbird
package import Logging
internal import ServiceLifecycle
internal import Synchronization
internal import UnixSignals

/// The server of a store: owns it, answers requests on its socket, and keeps its mounts.
///
/// Ends on SIGTERM, SIGINT, a stop request, or with its last mount. Then no more requests are
/// taken, those that run are asked to end, mounts are unmounted, and the store is closed: changes
/// up to `sealedByteCountMax` go into segments, more stay in the journal, which keeps them as well.
/// So ending takes seconds whatever was written, and needs no room on the disk.
package struct Server: Sendable {
  /// What a server does besides answering requests.
  package struct Options: Sendable {
    /// Mounts to open at the start.
    package var mounts: [MountRequest] = []
    /// Ends with its last mount.
    package var endsWithLastMount = false
    /// How long to wait for a command that has the store open.
    package var lockWait = StoreAccess.standardLockWait

    let mounting: MountOpener
    let instances: InstanceOptions

    package init(mounting: @escaping MountOpener, instances: InstanceOptions) {
      self.mounting = mounting
      self.instances = instances
    }
  }

  static let sealedByteCountMax = 64 << 20

  private let directory: String
  private let options: Options
  private let logger: Logger

  package init(_ directory: String, options: Options, logger: Logger) {
    self.directory = directory
    self.options = options
    self.logger = logger
  }

  /// Serves until the end. `whenReady` is called once requests are answered and mounts are open.
  ///
  /// Throws `inUse` when another process has the store open, and what opening mounts throws; before
  /// anything else what is wrong with the options for instances.
  ///
  /// The calling thread, which must not be one of the concurrency pool's, waits.
  package func run(
    whenReady: @escaping @Sendable (StatusRequest.Answer) -> Void
  ) throws(StoreError) {
    DirectoryDisk.raiseOpenFileLimit()
    try options.instances.verify(logger: logger)
    let store = try openStore()
    let files: ServerFiles
    do throws(StoreError) {
      files = try ServerFiles(directory)
      try files.writeProcessNumber()
    } catch {
      try? store.close()
      throw error
    }
    let works = RunningWorks()
    let (signals, end) = AsyncStream<Void>.makeStream()
    let endsWithLastMount = options.endsWithLastMount
    let doors = Doors { if endsWithLastMount { end.yield() } }
    let state = ServerState(
      store, directory: files.directory, doors: doors, works: works,
      mounting: options.mounting, instances: options.instances, logger: logger
    ) { end.yield() }
    let ends: EndedBranches
    let refreshes: PeriodicThread
    do throws(StoreError) {
      ends = try EndedBranches(state.reaper, state.endProofs, store, logger)
      refreshes = try state.refresher.beginSchedule()
    } catch {
      files.remove()
      try? store.close()
      throw error
    }
    let failure = try Waiting.run {
      let failure = await serve(state, files, signals, end, whenReady)
      await works.waitUntilIdle()
      return .success(failure)
    }.get()
    ends.stop()
    state.refresher.close()
    refreshes.stop()
    state.reaper.close()
    let ending = Self.close(state, files)
    if let failure = failure ?? ending { throw failure }
  }

  /// Waits for a command that uses the store, but not for another server.
  private func openStore() throws(StoreError) -> Store {
    let lock = StoreLock(directory, lockWait: options.lockWait)
    while true {
      do throws(StoreError) {
        return try Store.open(at: directory)
      } catch {
        guard error.kind == .inUse else { throw error }
        if let other = try ServerConnection.find(in: directory) {
          let process = try other.perform(StatusRequest()).process ?? 0
          throw StoreError(
            .inUse, "the store has a server, process \(process)", object: directory,
            remedy: "use it, or end it with `coppice stop`")
        }
        try lock.wait(after: error)
      }
    }
  }

  /// Answers requests until something ends the server; returns what kept it from beginning.
  private func serve(
    _ state: ServerState, _ files: ServerFiles, _ ends: AsyncStream<Void>,
    _ end: AsyncStream<Void>.Continuation,
    _ whenReady: @escaping @Sendable (StatusRequest.Answer) -> Void
  ) async -> StoreError? {
    let failure = FailureBox()
    let mounts = options.mounts
    let logger = logger
    let application = Application(
      router: ControlRoutes(state).router(),
      configuration: ApplicationConfiguration(
        address: .unixDomainSocket(path: files.socketPath), serverName: "coppice"),
      onServerRunning: { _ in
        let opened = await state.works.run(Work()) { () throws(StoreError) in
          try files.protectSocket()
          for mount in mounts { _ = try state.open(mount) }
        }
        switch opened {
        case .success:
          logger.info("serving \(state.directory)")
          whenReady(state.status)
        case .failure(let error):
          failure.set(error)
          end.yield()
        }
      }, logger: logger)
    // Services end in the reverse order: works are called off before connections are waited for.
    let group = ServiceGroup(
      configuration: ServiceGroupConfiguration(
        services: [
          .init(service: application),
          .init(service: EndOfWorks(works: state.works)),
          .init(
            service: EndOfServer(ends: ends), successTerminationBehavior: .gracefullyShutdownGroup),
        ],
        gracefulShutdownSignals: [.sigterm, .sigint], logger: logger))
    do {
      try await group.run()
    } catch {
      failure.set(
        StoreError(
          .unavailable, "the server failed", object: directory,
          remedy: "look whether another program uses its socket", cause: "\(error)"))
    }
    return failure.error
  }

  /// Closes everything, whatever fails on the way; returns the first failure.
  private static func close(_ state: ServerState, _ files: ServerFiles) -> StoreError? {
    let failure = FailureBox()
    state.instances.close()
    for (entry, users) in Dictionary(grouping: state.doors.users, by: \.entry) {
      state.logger.warning(
        "\(entry) is in use \(BranchUse.text(of: users)): what is open fails from now on")
    }
    do throws(StoreError) { try state.doors.closeAll() } catch { failure.set(error) }
    files.remove()
    do throws(StoreError) {
      try state.store.close(sealingAtMost: sealedByteCountMax)
    } catch {
      failure.set(error)
    }
    if let error = failure.error {
      state.logger.error("\(error.commandText)")
    } else {
      state.logger.info("ended")
    }
    return failure.error
  }
}

/// The first of several failures.
private final class FailureBox: Sendable {
  private let first = Mutex<StoreError?>(nil)

  var error: StoreError? { first.withLock { $0 } }

  func set(_ error: StoreError) { first.withLock { if $0 == nil { $0 = error } } }
}

/// Calls running requests off when the server ends.
private struct EndOfWorks: Service {
  let works: RunningWorks

  func run() async throws {
    try? await gracefulShutdown()
    works.cancelAll()
  }
}

/// Ends the server when a request or the last mount says so.
private struct EndOfServer: Service {
  let ends: AsyncStream<Void>

  func run() async throws {
    for await _ in ends.cancelOnGracefulShutdown() { return }
  }
}
