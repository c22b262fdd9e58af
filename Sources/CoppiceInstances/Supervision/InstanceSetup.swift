internal import Coppice
internal import CoppicePlatform
internal import CoppicePostgreSQL

/// What an instance starts with, all of it verified: nothing is changed for it yet.
struct InstanceSetup {
  let branch: Branch
  let cluster: Cluster
  let programs: ServerPrograms
  let given: GivenSettings
  private let settingNames: Set<String>
  var record: InstanceRecord
  /// Whether the branch had none before.
  let isNew: Bool
  /// Whether it is for Coppice alone.
  var isWorking = false

  /// - Parameters:
  ///   - known: of the branch's entry, if it has had an instance.
  ///   - settingNames: those that the programs know.
  ///   - users: numbers that instances may have; `nil` where they work as this process's user.
  ///   - taken: those of other branches' instances.
  init(
    _ branch: Branch, known: InstanceRecord?, wishes: InstanceWishes,
    programs directories: ProgramDirectories,
    settingNames: (ServerPrograms) throws(StoreError) -> Set<String>, users: UserRange?,
    taken: Set<UInt32>
  ) throws(StoreError) {
    self.branch = branch
    cluster = try Cluster(of: branch, at: known?.dataDirectory)
    programs = try directories.programs(of: cluster.major)
    self.settingNames = try settingNames(programs)
    var settings = known?.settings ?? [:]
    for name in wishes.unset { settings[name] = nil }
    settings.merge(wishes.settings) { $1 }
    given = try GivenSettings(
      settings.sorted { $0.key < $1.key }.map { (name: $0.key, value: $0.value) },
      of: cluster.major, names: self.settingNames)
    isNew = known == nil
    if let known {
      record = known
    } else {
      record = InstanceRecord(
        shallRun: true, major: cluster.major, port: 0, generation: 1,
        userID: try Self.number(in: users, besides: taken),
        dataDirectory: cluster.directory.description, login: "", database: "", settings: [:])
    }
    record.shallRun = true
    record.settings = settings
    if let users, !users.contains(record.userID) || taken.contains(record.userID) {
      record.userID = try Self.number(in: users, besides: taken)
    }
  }

  static func number(
    in users: UserRange?, besides taken: Set<UInt32>
  ) throws(StoreError) -> UInt32 {
    guard let users else { return HostProcess.user }
    if let free = (users.first...users.last).first(where: { !taken.contains($0) }) { return free }
    throw StoreError(
      .unavailable, "no user number from \(users) is free", object: "instances",
      remedy: "delete branches that nobody needs, or start the server with other --pg-users")
  }

  /// Has the server's own program look at what was given. Throws `invalid`.
  func verifyGiven(in directory: InstanceDirectory) throws(StoreError) {
    let name = "verified.conf"
    let lines = given.settings.map(\.line).joined()
    try directory.write(lines, to: name, for: record.userID)
    do throws(StoreError) {
      try programs.verify(
        configuration: "\(directory.settingsDirectory)/\(name)", in: directory.settingsDirectory)
    } catch {
      var named = error
      named.object = branch.name
      throw named
    }
  }

  /// Writes the files that the server reads, and says how it is launched.
  func launch(
    in directory: InstanceDirectory, at data: String, isolation: Isolation, isShortLived: Bool
  ) throws(StoreError) -> Launch {
    let place = directory.settingsDirectory
    let files = InstanceConfiguration.Files(
      data: data, sockets: directory.runDirectory, configuration: "\(place)/postgresql.conf",
      hba: "\(place)/pg_hba.conf", ident: "\(place)/pg_ident.conf")
    var configuration = InstanceConfiguration(
      major: cluster.major, control: cluster.control, files: files, port: record.port,
      clusterName: branch.name)
    configuration.isShortLived = isShortLived
    configuration.given = given
    configuration.origin = OriginSettings(
      cluster.settingsFiles, names: settingNames)
    configuration.preloads = try PreloadedLibraries(origin: configuration.origin.preloads)
    let access = try AccessFiles(
      administrator: cluster.administrators[0], systemUsers: systemUsers(isolation),
      isClosed: isWorking)
    let group = record.userID
    try directory.write(configuration.file, to: "postgresql.conf", for: group)
    try directory.write(access.hba, to: "pg_hba.conf", for: group)
    try directory.write(access.ident, to: "pg_ident.conf", for: group)
    return Launch(
      program: programs.path(of: "postgres"), arguments: configuration.arguments,
      environment: ["PATH": "/usr/bin:/bin", "LANG": "C.UTF-8", "HOME": "/tmp"],
      isolation: isolation, userID: record.userID, groupID: group, data: data,
      runDirectory: directory.runDirectory, readOnlyPaths: [place])
  }

  /// Those of the machine's users as whom Coppice asks the server. To one of its own it also sends
  /// others' statements, by clients that are no more than the server is.
  private func systemUsers(_ isolation: Isolation) -> [String] {
    guard HostProcess.user == 0 else { return ["root", HostUser.name(of: HostProcess.user)] }
    return isWorking && isolation == .full ? ["root", InstanceRoot.name] : ["root"]
  }

  /// The socket on which the server will take connections.
  func socketPath(in directory: InstanceDirectory) -> String {
    "\(directory.runDirectory)/.s.PGSQL.\(record.port)"
  }
}
