internal import Coppice
internal import CoppiceInstances
internal import CoppiceLifecycle
internal import CoppicePlatform
internal import Logging

/// The instances of a server's store: what runs them is made when it is first needed, and there is
/// a mount for them to work on.
package final class InstanceHost: Sendable {
  /// A range of this many is asked of the machine.
  private static let userCount = 1000

  private let store: Store
  private let doors: Doors
  private let options: InstanceOptions
  private let logger: Logger
  private let made = Monitored<InstanceSupervisor?>(nil)

  init(_ store: Store, _ doors: Doors, options: InstanceOptions, logger: Logger) {
    self.store = store
    self.doors = doors
    self.options = options
    self.logger = logger
  }

  /// What runs instances, if it was needed so far.
  var current: InstanceSupervisor? { made.withLock { $0 } }

  /// What runs instances.
  ///
  /// Throws `unavailable` without a mount, `notFound` without user numbers for them, and what keeps
  /// the launcher or the front door from beginning.
  func supervisor() throws(StoreError) -> InstanceSupervisor {
    try made.withLock { made throws(StoreError) in
      if let made { return made }
      let supervisor = try make()
      made = supervisor
      return supervisor
    }
  }

  /// All instances that branches have. Makes nothing while there are none.
  func list() throws(StoreError) -> [InstanceReport] {
    if current == nil, try store.entries(carrying: .instance, in: .named).isEmpty { return [] }
    return try supervisor().list()
  }

  private func make() throws(StoreError) -> InstanceSupervisor {
    guard let mount = doors.all.lazy.compactMap({ $0 as? any MountDoor }).first else {
      throw StoreError(
        .unavailable, "instances work on the store's mount, and it is not mounted",
        object: store.directory, remedy: "mount it with `coppice mount DIR`")
    }
    let isRoot = HostProcess.user == 0
    let owner = (try? HostDirectory(path: store.directory).status().user) ?? HostProcess.user
    let name = HostUser.name(of: owner)
    var users = isRoot ? options.users : nil
    if isRoot, users == nil {
      users = try SubordinateRanges.ofMachine()
        .range(ofUser: owner, name: name, count: Self.userCount)
    }
    let programs = options.programs
    let launcher = try Launcher(
      Launcher.Options(
        program: options.program,
        settings: LauncherSettings(
          users: users, owner: owner, ownerName: name,
          mountDirectory: mount.mount.directory,
          runDirectory: InstanceSupervisor.directory(ofStore: store.identifier),
          programDirectories: try programs.all().map(\.directory),
          isolationMax: options.isolationMax)))
    if !launcher.isolationNote.isEmpty { logger.warning("\(launcher.isolationNote)") }
    var supervision = InstanceSupervisor.Options()
    supervision.ports = options.ports
    supervision.users = launcher.isolation == .none ? nil : users
    supervision.host = options.host ?? options.address
    do throws(StoreError) {
      return try InstanceSupervisor(
        store, on: DoorMount(mount), launcher: launcher,
        door: try FrontDoor(options.doorOptions(logger)), programs: programs,
        options: supervision, logger: logger)
    } catch {
      launcher.close()
      throw error
    }
  }

  /// Starts those that shall run, or those of branches that are back, if there are any, without
  /// waiting for them.
  func resumeInBackground(_ names: [String]? = nil) {
    do throws(SystemError) {
      _ = try SystemThread(name: "instances") { [self] in resume(names) }
    } catch {
      logger.error("instances are not started: \(error)")
    }
  }

  private func resume(_ names: [String]?) {
    do throws(StoreError) {
      let shallRun = try store.entries(carrying: .instance).contains { entry, value in
        InstanceRecord(value)?.shallRun ?? false
      }
      if shallRun { try supervisor().resume(names) }
    } catch {
      logger.error("instances are not started: \(error.commandText)")
    }
  }

  /// Ends all, with the server.
  func close() { current?.shutDown() }

  /// The branches whose instance runs, by their names' bytes.
  var running: Set<[UInt8]> { Set(runningOwners.keys) }

  /// The user number under which each of them runs, or is about to.
  var runningOwners: [[UInt8]: UInt32] {
    let reports = ((try? current?.list()) ?? []).filter { report in
      report.process != nil || report.state == .starting || report.state == .stopping
    }
    return Dictionary(
      reports.map { (Array($0.name.utf8), $0.userID) }, uniquingKeysWith: { first, _ in first })
  }

  /// Whether a process is the launcher, or of what that started: one that starts has files of its
  /// branch open before it becomes the user that it runs as.
  func isLaunched(_ process: Int32) -> Bool { current?.isLaunched(process) ?? false }

  /// Throws `inUse` while clients are connected.
  func refuseConnected() throws(StoreError) {
    let reports = try current?.list() ?? []
    guard let first = reports.first(where: { $0.connectionCount > 0 }) else { return }
    let count = first.connectionCount
    throw StoreError(
      .inUse, "\(count) \(count == 1 ? "client is" : "clients are") connected to its PostgreSQL",
      object: first.name, remedy: "wait for them with --drain 30s, or add --force")
  }

  // MARK: Branches that change as a whole

  /// See `InstanceSupervisor.suspending`.
  func suspending<Result>(
    _ names: [String], _ body: () throws(StoreError) -> Result
  ) throws(StoreError) -> Result {
    guard let current else { return try body() }
    return try current.suspending(names, body)
  }
}

/// A mount as supervision sees it.
private struct DoorMount: InstanceMount {
  private let door: any MountDoor

  init(_ door: any MountDoor) { self.door = door }

  var directory: String { door.mount.directory }

  func show(
    entry: UInt64, storedUserID: UInt32, storedGroupID: UInt32, asUserID userID: UInt32
  ) {
    door.show(
      entry: entry, storedUserID: storedUserID, storedGroupID: storedGroupID, asUserID: userID)
  }

  func showAsStored(entry: UInt64) { door.showAsStored(entry: entry) }
}
