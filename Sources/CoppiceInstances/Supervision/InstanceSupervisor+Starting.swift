package import Coppice
internal import CoppiceEngine
internal import CoppicePlatform
internal import CoppicePostgreSQL
internal import Logging

extension InstanceSupervisor {
  private static let dayNanoseconds: Int64 = 86_400_000_000_000
  private static let readinessPauseNanoseconds: UInt64 = 2_000_000

  /// Starts the instance of a branch, makes it if there is none, and returns once it takes
  /// connections; of one that runs, and is as it is wished for, only what it is.
  ///
  /// Throws `notFound` without a data directory or programs of its version, `inUse` while another
  /// server works on the branch, `denied` and `invalid` for settings, `unavailable` when it does
  /// not take connections in time: the message has what it printed last. What was made for it is
  /// taken back then.
  ///
  /// - Parameter isWanted: asked now and then while it starts.
  package func start(
    _ name: String, _ wishes: InstanceWishes = InstanceWishes(),
    while isWanted: () -> Bool = { true }
  ) throws(StoreError) -> InstanceReport {
    try wishes.verifyPort(in: options.ports)
    return try operate(on: name) { branch, instance throws(StoreError) in
      guard try store.entry(name).state == .live else {
        throw StoreError(
          .notFound, "the branch has expired", object: name,
          remedy: "bring it back with `coppice branch renew \(name)`")
      }
      instance.withStatus { $0.isEndWanted = false }
      let record = try record(of: name)
      if let record, instance.snapshot.state == .running {
        try wishes.verifyIsMet(by: record, on: branch)
        return report(name, branch.id, record, withPassword: true)
      }
      instance.withStatus { $0.brake = RestartBrake() }
      return try start(branch, instance, record, wishes, while: isWanted)
    }
  }

  /// Looks at what is wished for without changing anything. Throws as `start`.
  package func verify(_ name: String, _ wishes: InstanceWishes) throws(StoreError) {
    try wishes.verifyPort(in: options.ports)
    _ = try setUp(try store.branch(name), try record(of: name), wishes)
  }

  /// Called while nothing else starts or ends it.
  func start(
    _ branch: Branch, _ instance: RunningInstance, _ known: InstanceRecord?,
    _ wishes: InstanceWishes, while isWanted: () -> Bool = { true }
  ) throws(StoreError) -> InstanceReport {
    instance.withStatus { status in
      status.state = .starting
      status.message = nil
    }
    do throws(StoreError) {
      try refuseOtherServers(branch)
      var setup = try setUp(branch, known, wishes)
      do throws(StoreError) {
        return try launch(&setup, instance, wishes, while: isWanted)
      } catch {
        end(instance, by: .kill, waitSeconds: 10)
        // What did not work is not what the next start begins with.
        if setup.record != known { try? keep(known, of: branch.name) }
        if setup.record.port != known?.port { door.close(branch.id) }
        throw error
      }
    } catch {
      if known == nil {
        leave(branch.id)
        InstanceDirectory.remove(store: store.identifier, entry: branch.id)
      }
      instance.withStatus { status in
        status.state = known == nil ? .stopped : .failed
        status.message = error.message
      }
      throw error
    }
  }

  /// Verifies what is wished for. The user number is nobody else's from here on.
  func setUp(
    _ branch: Branch, _ known: InstanceRecord?, _ wishes: InstanceWishes
  ) throws(StoreError) -> InstanceSetup {
    let users = launcher.isolation == .none ? nil : options.users
    let foreign = users == nil ? [] : foreignUserIDs(besides: known, of: instance(branch.id))
    numbering.lock()
    defer { numbering.unlock() }
    let setup = try InstanceSetup(
      branch, known: known, wishes: wishes, programs: programs, settingNames: settingNames,
      users: users, taken: try userIDs(besides: branch.id).union(foreign))
    if !wishes.settings.isEmpty {
      let directory = try InstanceDirectory(
        store: store.identifier, entry: branch.id, user: setup.record.userID)
      try setup.verifyGiven(in: directory)
    }
    instance(branch.id).withStatus { $0.userID = setup.record.userID }
    return setup
  }

  /// Nobody but its own server writes to a data directory.
  private func refuseOtherServers(_ branch: Branch) throws(StoreError) {
    guard branch.openFileCount > 0 else { return }
    // A closed file is one for the kernel's caller before it is one for the mount.
    let deadline = clock.monotonicNanoseconds() + 1_000_000_000
    while branch.openFileCount > 0, clock.monotonicNanoseconds() < deadline {
      Pause().wait(nanoseconds: 20_000_000)
    }
    guard branch.openFileCount > 0 else { return }
    throw StoreError(
      .inUse, "\(branch.openFileCount) of its files are open: another server may work on it",
      object: branch.name, remedy: "end whoever has them open, or fork the branch")
  }

  private func launch(
    _ setup: inout InstanceSetup, _ instance: RunningInstance, _ wishes: InstanceWishes,
    while isWanted: () -> Bool
  ) throws(StoreError) -> InstanceReport {
    let (branch, cluster) = (setup.branch, setup.cluster)
    show(cluster, of: branch, as: setup.record.userID)
    try cluster.clearTraces(of: branch)
    try openDoor(of: &setup, instance, wishes)
    let directory = try InstanceDirectory(
      store: store.identifier, entry: branch.id, user: setup.record.userID)
    try directory.clearRun()
    let launch = try setup.launch(
      in: directory, at: place(of: cluster, in: branch), isolation: launcher.isolation,
      isShortLived: try isShortLived(branch))
    try keep(setup.record, of: branch.name)

    let begun = clock.monotonicNanoseconds()
    let log = try directory.log()
    let process = try start(launch, instance, log)
    let deadline = begun + min(wishes.waitSeconds, 86_400) * 1_000_000_000
    try waitUntilReady(setup, instance, log, deadline, while: isWanted)
    let socketPath = setup.socketPath(in: directory)
    let record = setup.record
    let login = LoginSetup(
      socketPath: socketPath, userID: setup.record.userID, cluster: cluster,
      branch: branch.name
    ) { [clock] in
      let status = instance.snapshot
      return status.process != nil && !status.isEndWanted && clock.monotonicNanoseconds() < deadline
    }
    try login.prepare(wishes, &setup.record) { role in
      password(of: branch.id, record, role: role)
    }
    if setup.record != record { try keep(setup.record, of: branch.name) }
    cluster.removeAdministrativeCache(of: branch)
    let milliseconds = Int((clock.monotonicNanoseconds() - begun) / 1_000_000)
    let startedAt = Timestamp(nanoseconds: clock.wallNanoseconds())
    let isRunning = instance.withStatus { status in
      guard status.process != nil else { return false }
      status.state = .running
      status.record = setup.record
      status.socketPath = socketPath
      status.startedAt = startedAt
      status.startMilliseconds = milliseconds
      status.isRecovered = !cluster.isShutDown
      return true
    }
    guard isRunning else { throw failure(of: branch.name, log, "it ended as soon as it ran") }
    logger.info(
      "instance of \(branch.name): process \(process.identifier), port \(setup.record.port)")
    return report(branch.name, branch.id, setup.record, withPassword: true)
  }

  func show(_ cluster: Cluster, of branch: Branch, as user: UInt32) {
    mount.show(
      entry: branch.id, storedUserID: cluster.userID, storedGroupID: cluster.groupID,
      asUserID: user)
  }

  /// The data directory in the mount.
  func place(of cluster: Cluster, in branch: Branch) -> String {
    let place = "\(mount.directory)/\(branch.name)"
    return cluster.directory.components.isEmpty ? place : "\(place)/\(cluster.directory)"
  }

  private func isShortLived(_ branch: Branch) throws(StoreError) -> Bool {
    guard let end = try store.entry(branch.name).nextEnd else { return false }
    return end.nanoseconds - clock.wallNanoseconds() < Self.dayNanoseconds
  }

  private func openDoor(
    of setup: inout InstanceSetup, _ instance: RunningInstance, _ wishes: InstanceWishes
  ) throws(StoreError) {
    let id = setup.branch.id
    if let asked = wishes.port, Int(setup.record.port) != asked { door.close(id) }
    guard !door.isOpen(id) else { return }
    let name = setup.branch.name
    let others = try ports(besides: id)
    // A restored branch may find its port with another one.
    let known = Int(setup.record.port)
    let port = wishes.port ?? (known == 0 || others.contains(known) ? nil : known)
    let opened = try door.open(id, port: port, in: options.ports, avoiding: others) {
      let status = instance.snapshot
      guard status.state == .running, let path = status.socketPath, let record = status.record
      else {
        let state = status.state.rawValue
        return .unavailable(
          message: "the instance is \(state): start it with coppice pg start \(name)")
      }
      return .server(
        socketPath: path, login: record.login, allowsReplication: false, userID: record.userID)
    }
    setup.record.port = UInt16(clamping: opened)
  }

  /// The program runs from here on, and what it prints is kept.
  func start(
    _ launch: Launch, _ instance: RunningInstance, _ log: InstanceLog
  ) throws(StoreError) -> LaunchedProcess {
    log.begin()
    // It may end before it is known to have begun.
    let ends = EndOfProcess()
    let process = try launcher.start(launch) { [self] end in
      ends.note(end) { self.noteEnd(of: instance, $0) }
    }
    let top = try? HostDirectory(path: mount.directory)
    instance.withStatus { status in
      status.process = process
      status.mountTop = top
    }
    do throws(SystemError) {
      _ = try SystemThread(name: "instance log") { log.take(process.log) }
    } catch {
      throw StoreError(error, while: "starting a thread")
    }
    ends.tell()
    return process
  }

  func waitUntilReady(
    _ setup: InstanceSetup, _ instance: RunningInstance, _ log: InstanceLog, _ deadline: UInt64,
    while isWanted: () -> Bool
  ) throws(StoreError) {
    let name = setup.branch.name
    while !Cluster.isReady(setup.branch, setup.cluster.directory) {
      let status = instance.snapshot
      guard status.process != nil else { throw failure(of: name, log, "it did not start") }
      guard !status.isEndWanted, isWanted() else {
        let who = status.isEndWanted ? "somebody stopped it" : "whoever started it left"
        throw StoreError(
          .unavailable, "\(who) while it started", object: name, remedy: "start it again")
      }
      guard clock.monotonicNanoseconds() < deadline else {
        throw failure(of: name, log, "it does not take connections in time")
      }
      Pause().wait(nanoseconds: Self.readinessPauseNanoseconds)
    }
  }

  private func failure(_ name: String, _ log: InstanceLog, _ what: String) -> StoreError {
    // What it printed last may still be on its way.
    let lines = log.lastLines(5).joined(separator: "\n")
    return StoreError(
      .unavailable, lines.isEmpty ? what : "\(what): \(lines)", object: name,
      remedy: "see all of it with `coppice pg logs \(name)`")
  }

  func failure(of name: String, _ log: InstanceLog, _ what: String) -> StoreError {
    Pause().wait(nanoseconds: 20_000_000)
    return failure(name, log, what)
  }
}

extension InstanceWishes {
  /// Whether the server itself is to be another one, and not only who logs in.
  var changesServer: Bool { !settings.isEmpty || !unset.isEmpty || port != nil }
}
