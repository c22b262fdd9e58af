package import Coppice
internal import CoppiceLifecycle
internal import CoppicePlatform
package import Logging
internal import Synchronization

/// A request that is about the server, not about the store: there is none to carry it out without a
/// server.
package protocol ServerRequest: WireRequest {
  /// Called from a thread that may block.
  func run(_ server: ServerState, _ context: RequestContext) throws(StoreError) -> Answer
}

/// Mounts a store on a directory and serves it there.
package typealias MountOpener =
  @Sendable (Store, MountRequest, Logger) throws(StoreError) -> any MountDoor

/// A running server as its requests see it.
package final class ServerState: Sendable {
  let store: Store
  /// Absolute.
  let directory: String
  let doors: Doors
  let works: RunningWorks
  let logger: Logger
  let reaper: Reaper
  let endProofs: EndProofs
  let instances: InstanceHost
  let refresher: BaselineRefresher
  private let startedAt = Timestamp(nanoseconds: SystemClock().wallNanoseconds())
  private let mounting: MountOpener
  private let stop: @Sendable () -> Void
  private let growthWatch: StoreWatch

  package init(
    _ store: Store, directory: String, doors: Doors, works: RunningWorks,
    mounting: @escaping MountOpener, instances: InstanceOptions, logger: Logger,
    stop: @escaping @Sendable () -> Void
  ) {
    self.store = store
    self.directory = directory
    self.doors = doors
    self.works = works
    self.mounting = mounting
    self.logger = logger
    self.instances = InstanceHost(store, doors, options: instances, logger: logger)
    refresher = BaselineRefresher(store, doors, instances: self.instances, logger: logger)
    reaper = Reaper(store, doors, instances: self.instances, logger: logger)
    endProofs = EndProofs(store)
    // From the first request on. Why a policy cannot be read is told by the reaper's first pass.
    try? reaper.applyMarks()
    self.stop = stop
    growthWatch = store.watch { change in
      if case .growth(let warning) = change { logger.warning("\(warning.text)") }
    }
  }

  /// Opens a mount and keeps it.
  func open(_ request: MountRequest) throws(StoreError) -> MountAnswer {
    let door = try mounting(store, request, logger)
    try doors.add(door)
    logger.info("mounted on \(door.mount.directory)")
    instances.resumeInBackground()
    return door.mount
  }

  func context(
    _ work: Work, _ files: any ClientFiles, for principal: Principal
  ) -> RequestContext {
    RequestContext(
      store: store, work: work, files: files, doors: doors, principal: principal, reaper: reaper,
      endProofs: endProofs, instances: instances, refresher: refresher)
  }

  /// Has the server end once running requests are answered.
  func requestStop() { stop() }

  var status: StatusRequest.Answer {
    StatusRequest.Answer(
      isRunning: true, store: directory, process: Int(HostProcess.identifier),
      startedAt: startedAt, requestCount: works.count,
      mounts: doors.mounts)
  }
}
