package import Coppice
internal import CoppiceEngine
internal import CoppicePlatform
internal import CoppicePostgreSQL
package import Logging
internal import Synchronization

/// Starts, watches and ends the PostgreSQL servers on branches.
///
/// All of it may be called from any thread that may block. What is to be after a restart is an
/// annotation of the branch, written before the server that it speaks of is told to clients.
package final class InstanceSupervisor: Sendable {
  package struct Options: Sendable {
    /// Ports of instances that ask for none.
    package var ports = 6000...6999
    /// Numbers under which instances work; `nil` where that is this process's user.
    package var users: UserRange?
    /// The address that clients on this machine are told.
    package var host = "127.0.0.1"

    package init() {}
  }

  let store: Store
  let mount: any InstanceMount
  let launcher: Launcher
  let door: FrontDoor
  let programs: ProgramDirectories
  let options: Options
  let logger: Logger
  let clock = SystemClock()
  /// Held by whoever chooses a user number.
  let numbering = Monitor()
  private let key: LoginPasswordKey
  private let knownNames = Mutex<[ServerPrograms: Set<String>]>([:])
  private let instances = Mutex<[UInt64: RunningInstance]>([:])

  /// Makes the store's key for passwords if there is none.
  package init(
    _ store: Store, on mount: any InstanceMount, launcher: Launcher, door: FrontDoor,
    programs: ProgramDirectories, options: Options, logger: Logger
  ) throws(StoreError) {
    self.store = store
    self.mount = mount
    self.launcher = launcher
    self.door = door
    self.programs = programs
    self.options = options
    self.logger = logger
    key = try LoginPasswordKey(ofStore: store.directory)
    // Branches end without a server too.
    let there = Set(try store.entries(in: .named).map(\.id))
    InstanceDirectory.removeAll(ofStore: store.identifier) { !there.contains($0) }
  }

  /// Takes away what instances of branches printed, and what else was made for them, as far as this
  /// user may: for branches that are gone, and when nothing runs on them.
  package static func removeTraces(ofStore identifier: String, entries: Set<UInt64>) {
    InstanceDirectory.removeAll(ofStore: identifier, where: entries.contains)
  }

  /// What instances are given here.
  package var isolation: Isolation { launcher.isolation }

  /// Whether a process is the launcher, or was started by it.
  package func isLaunched(_ process: Int32) -> Bool {
    HostUsers.isProcess(process, of: launcher.identifier)
  }

  /// Of a branch, known or not.
  func instance(_ id: UInt64) -> RunningInstance {
    instances.withLock { instances in
      if let known = instances[id] { return known }
      let instance = RunningInstance(id)
      instances[id] = instance
      return instance
    }
  }

  func forget(_ id: UInt64) { instances.withLock { $0[id] = nil } }

  /// Carries out what starts or ends the instance of a branch, one such thing at a time: on the
  /// branch that has the name by then. Throws `notFound` when none has.
  func operate<Result>(
    on name: String, _ body: (Branch, RunningInstance) throws(StoreError) -> Result
  ) throws(StoreError) -> Result {
    while true {
      let instance = instance(try store.branch(name).id)
      instance.hold()
      defer { instance.release() }
      let branch = try store.branch(name)
      if branch.id == instance.id, isKnown(instance) { return try body(branch, instance) }
    }
  }

  /// Whether it was not forgotten meanwhile: then another object speaks for the branch.
  func isKnown(_ instance: RunningInstance) -> Bool {
    instances.withLock { $0[instance.id] === instance }
  }

  /// Those that were started or looked at since the server began.
  var known: [RunningInstance] { instances.withLock { Array($0.values) } }

  /// Of the settings that a version knows; asked of its programs once.
  func settingNames(_ programs: ServerPrograms) throws(StoreError) -> Set<String> {
    if let names = knownNames.withLock({ $0[programs] }) { return names }
    let names = try programs.settingNames()
    knownNames.withLock { $0[programs] = names }
    return names
  }

  // MARK: Records

  /// `nil` where the branch has had no instance, or what is kept of it cannot be read.
  func record(of branch: String) throws(StoreError) -> InstanceRecord? {
    try store.annotations(of: branch)[.instance].flatMap(InstanceRecord.init)
  }

  func keep(_ record: InstanceRecord?, of branch: String) throws(StoreError) {
    let value = try record.map { record throws(StoreError) in try record.bytes(of: branch) }
    try store.annotate(branch, [AnnotationChange(.instance, value)])
  }

  /// Numbers that other branches' instances have.
  func userIDs(besides id: UInt64) throws(StoreError) -> Set<UInt32> {
    var taken: Set<UInt32> = []
    for (entry, value) in try store.entries(carrying: .instance, in: .all) where entry.id != id {
      if let record = InstanceRecord(value) { taken.insert(record.userID) }
    }
    // Of those that start, it is not stored yet.
    for instance in known where instance.id != id {
      if let number = instance.snapshot.userID { taken.insert(number) }
    }
    return taken
  }

  /// Numbers under which processes run, but for the number of an instance whose own run: they may
  /// be another store's databases, and are nobody's to end.
  func foreignUserIDs(besides known: InstanceRecord?, of instance: RunningInstance) -> Set<UInt32> {
    guard let number = known?.userID else { return HostUsers.withProcesses() }
    if instance.snapshot.process == nil {
      // What an earlier server left is about to end.
      _ = HostUsers.waitUntilGone(number, milliseconds: 2000)
      return HostUsers.withProcesses()
    }
    return HostUsers.withProcesses().subtracting([number])
  }

  /// Ports likewise.
  func ports(besides id: UInt64) throws(StoreError) -> Set<Int> {
    var taken: Set<Int> = []
    for (entry, value) in try store.entries(carrying: .instance, in: .named) where entry.id != id {
      if let record = InstanceRecord(value) { taken.insert(Int(record.port)) }
    }
    return taken
  }

  func password(of id: UInt64, _ record: InstanceRecord, role: String) -> String {
    LoginPassword.text(
      key: key, branch: id, generation: UInt64(record.generation), role: role)
  }

  // MARK: Telling

  /// All instances that branches have, running or not, in the order of the branches' making.
  package func list() throws(StoreError) -> [InstanceReport] {
    var reports: [InstanceReport] = []
    for (entry, value) in try store.entries(carrying: .instance, in: .named) {
      guard let record = InstanceRecord(value) else { continue }
      reports.append(report(entry.name, entry.id, record, withPassword: false))
    }
    return reports
  }

  /// Of one branch, with its password. Throws `notFound` when it has none.
  package func show(_ name: String, database: String? = nil) throws(StoreError) -> InstanceReport {
    var (entry, record) = try known(name)
    if let database { record.database = database }
    return report(entry.name, entry.id, record, withPassword: true)
  }

  /// Throws `notFound` for a branch without an instance.
  func known(_ name: String) throws(StoreError) -> (entry: EntryInfo, record: InstanceRecord) {
    let entry = try store.entry(name)
    guard let record = try record(of: name) else {
      throw StoreError(
        .notFound, "the branch has no instance", object: name,
        remedy: "start one with `coppice pg start \(name)`")
    }
    return (entry, record)
  }

  func report(
    _ name: String, _ id: UInt64, _ record: InstanceRecord, withPassword: Bool
  ) -> InstanceReport {
    let status = instance(id).snapshot
    var report = InstanceReport(
      name: name, id: id, state: status.state, shallRun: record.shallRun, major: record.major,
      host: options.host, port: Int(record.port), database: record.database,
      login: record.login, password: nil, url: nil,
      sslMode: door.offersTLS ? .require : .disable, isolation: launcher.isolation,
      userID: record.userID, process: status.process.map { Int($0.identifier) },
      startedAt: status.startedAt, startMilliseconds: status.startMilliseconds,
      isRecovered: status.isRecovered, connectionCount: door.connectionCount(of: id),
      settings: record.settings, message: status.message)
    if withPassword {
      report.password = password(of: id, record, role: record.login)
      report.url = report.connection.text
    }
    return report
  }

  /// Where all that is made for instances of a store lies.
  package static func directory(ofStore identifier: String) -> String {
    InstanceDirectory.place(ofStore: identifier)
  }

  /// The newest that a branch's instance printed. Throws `notFound`.
  package func log(of name: String, byteCount: Int) throws(StoreError) -> [UInt8] {
    let (entry, record) = try known(name)
    let directory = try InstanceDirectory(
      store: store.identifier, entry: entry.id, user: record.userID)
    let log = try directory.log()
    do throws(SystemError) { return try log.newest(byteCount) } catch {
      throw StoreError(error, while: "reading what the instance printed")
    }
  }
}
