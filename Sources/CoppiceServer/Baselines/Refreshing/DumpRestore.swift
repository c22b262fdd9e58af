internal import Coppice
internal import CoppiceEngine
internal import CoppiceInstances
internal import CoppiceLifecycle
internal import CoppicePlatform
internal import CoppicePostgreSQL
internal import Logging

/// A logical dump, restored into a fresh cluster.
///
/// A dump of one database names roles that it does not bring. Which they are is known when
/// statements fail: then the roles are made, and all begins again on a fork of the cluster as it
/// was before.
struct DumpRestore {
  let path: String
  let intake: BaselineIntake

  private static let roleCountMax = 1000
  /// How long a program may take to end that has nothing more to do.
  private static let endMilliseconds: Int32 = 500
  private static let startSeconds: UInt64 = 600
  private static let usualDatabase = "postgres"

  /// What a round begins with, besides an empty cluster.
  private struct Beginning {
    /// The first superuser, whom the dump must not make.
    var superuser = "coppice"
    var roles: [String] = []
    /// Whether the dump makes the database that every cluster has.
    var isWithoutUsualDatabase = false
  }

  private enum Outcome {
    /// All of it.
    case restored
    /// Of definitions alone, whatever else failed.
    case lacking(roles: [String])
    case failed(ScriptFailure)
  }

  /// Looks at the dump before anything is made for it.
  func check() throws(StoreError) {
    _ = try intake.refresh.refresher.dump(
      at: path, intake.refresh.supervisor, while: intake.refresh.isWanted)
  }

  /// Throws `invalid` for a statement that fails, with its place and the server's words.
  func restore() throws(StoreError) -> BaselineIntake.Brought {
    let refresher = intake.refresh.refresher
    let file = try refresher.dump(
      at: path, intake.refresh.supervisor, while: intake.refresh.isWanted)
    let empty = refresher.newPartName(intake.baseline.name, "empty")
    defer { refresher.deletePart(empty) }
    var beginning = Beginning()
    try makeEmpty(empty, beginning.superuser, file)
    // Roles are found without the rows, which take the longest.
    var part = file.bringsRoles ? DumpFile.Part.all : .definitions
    while true {
      switch try attempt(file, part, beginning) {
      case .restored:
        try intake.settle(intake.part)
        let usage = try intake.store.usage([intake.part]).first
        return BaselineIntake.Brought(byteCount: usage?.logicalByteCount ?? 0)
      case .lacking(let roles):
        // What else fails is told with its line of the dump.
        if try !add(roles, to: &beginning) { part = .all }
      case .failed(let failure):
        let superuser = beginning.superuser
        guard try adapt(&beginning, to: failure) else { throw error(failure, file) }
        if beginning.superuser != superuser {
          for name in [empty, intake.part] { refresher.deletePart(name) }
          try makeEmpty(empty, beginning.superuser, file)
          continue
        }
      }
      try intake.store.reset(intake.part, to: empty, force: true)
    }
  }

  /// Makes the part a cluster without anything, and a fork of it that stays so.
  private func makeEmpty(
    _ empty: String, _ superuser: String, _ file: DumpFile
  ) throws(StoreError) {
    try intake.makeEmptyPart()
    try intake.refresh.supervisor.makeCluster(
      in: intake.part, file.reader.programs.major, superuser: superuser,
      while: intake.refresh.isWanted)
    try intake.settle(intake.part)
    try intake.store.createBranch(empty, from: intake.part, annotations: intake.mark)
  }

  /// Has the next round make these roles first. Says whether there are any that it can.
  private func add(_ roles: [String], to beginning: inout Beginning) throws(StoreError) -> Bool {
    let new = roles.filter { role in
      !RestoreStatements.isReserved(role: role)
        && !beginning.roles.contains { $0.hasBytes(of: role) }
    }
    beginning.roles += new
    guard beginning.roles.count <= Self.roleCountMax else {
      throw StoreError(
        .invalid,
        "names more than \(Self.roleCountMax) roles that it does not bring, such as "
          + "'\(new.last ?? "")'", object: path,
        remedy: "put what pg_dumpall --roles-only writes before a plain dump, or dump with "
          + "--no-owner --no-acl")
    }
    for role in new {
      let name = intake.baseline.name
      intake.refresh.refresher.logger.info("refresh of \(name): makes the role \(role)")
    }
    return !new.isEmpty
  }

  /// Has the next round begin otherwise. Says whether that can help.
  private func adapt(
    _ beginning: inout Beginning, to failure: ScriptFailure
  ) throws(StoreError) -> Bool {
    if let role = failure.missingRole { return try add([role], to: &beginning) }
    if let role = failure.existingRole, role.hasBytes(of: beginning.superuser) {
      beginning.superuser += "_"
      return true
    }
    if let database = failure.existingDatabase, database.hasBytes(of: Self.usualDatabase),
      !beginning.isWithoutUsualDatabase
    {
      beginning.isWithoutUsualDatabase = true
      return true
    }
    return false
  }

  /// Ends a server of which nothing stays.
  private static let over = StoreError(.unavailable, "the round is over")

  /// One round, by a server of its own.
  private func attempt(
    _ file: DumpFile, _ part: DumpFile.Part, _ beginning: Beginning
  ) throws(StoreError) -> Outcome {
    var outcome = Outcome.restored
    do throws(StoreError) {
      try intake.refresh.supervisor.work(
        on: intake.part, waitSeconds: Self.startSeconds, while: intake.refresh.isWanted
      ) { server throws(StoreError) in
        for role in beginning.roles { try server.makeRole(role) }
        if beginning.isWithoutUsualDatabase { try server.removeDatabase(Self.usualDatabase) }
        var database =
          beginning.isWithoutUsualDatabase
          ? AccessFiles.administrativeDatabase : Self.usualDatabase
        if !file.namesDatabase {
          database = RestoreStatements.databaseName(of: intake.baseline.name)
          try server.makeDatabase(database)
        }
        outcome = try send(file, part, to: server, database)
        guard part == .all, case .restored = outcome else { throw Self.over }
        if !file.namesDatabase { try server.giveDatabaseToMainOwner(database) }
      }
    } catch {
      guard error == Self.over else { throw error }
    }
    return outcome
  }

  /// Sends what a program prints to psql.
  private func send(
    _ file: DumpFile, _ part: DumpFile.Part, to server: WorkingServer, _ database: String
  ) throws(StoreError) -> Outcome {
    let mark = "end-\(String(UInt64.random(in: .min ... .max), radix: 16))"
    let source = try file.start(part, mark: mark)
    defer { source.end() }
    let client = try server.startClient(
      in: database, reading: source.output, isStopping: part == .all)
    defer { client.end() }
    let end: ProcessEnd
    let sourceEnd: ProcessEnd?
    do throws(SystemError) {
      try client.passOver(while: intake.refresh.isWanted)
      end = try client.wait()
      // It runs on where nobody reads any more.
      sourceEnd = try source.end(within: Self.endMilliseconds)
    } catch {
      throw StoreError(error, while: "restoring \(path)")
    }
    // A script that breaks off leaves psql with half a statement.
    guard sourceEnd ?? .exited(0) == .exited(0) else {
      throw StoreError(
        .invalid, "cannot be read to its end: \(source.lastWords)", object: path,
        remedy: "dump it again, and see how pg_dump ends")
    }
    guard part == .all else {
      return .lacking(roles: ScriptFailure.missingRoles(in: client.errors))
    }
    guard end == .exited(0) else { return .failed(ScriptFailure(client.errors)) }
    return ScriptFailure(of: client.errors, until: mark).map { .failed($0) } ?? .restored
  }

  private func error(_ failure: ScriptFailure, _ file: DumpFile) -> StoreError {
    let newest = file.reader.programs.major
    var remedy: Remedy = "dump it again without what fails, or correct the script"
    // The directory of one that the script makes.
    if failure.message.contains("tablespace") || failure.message.hasPrefix("directory \"") {
      remedy = "dump it with --no-tablespaces"
    } else if failure.message.contains("locale") {
      remedy = "install that locale on the server's machine"
    } else if failure.message.contains("extension") {
      remedy = "install that extension for PostgreSQL \(newest)"
    } else if let writer = file.writer, writer > newest {
      remedy = "it was written by pg_dump \(writer): install the package postgresql-\(writer)"
    }
    return StoreError(.invalid, failure.text, object: path, remedy: remedy)
  }
}

extension BaselineRefresher {
  /// Looks at a dump. Throws what is wrong with it, and `unavailable` where none can be restored.
  func dump(
    at path: String, _ supervisor: InstanceSupervisor,
    while isWanted: @escaping @Sendable () -> Bool
  ) throws(StoreError) -> DumpFile {
    guard supervisor.isolation != .user else {
      throw StoreError(
        .unavailable,
        "a dump's statements are carried out with full isolation, and instances have 'user' here",
        object: path,
        remedy: "run the server where it can make namespaces, or restore the dump into a server "
          + "elsewhere and take that: --from postgres:SERVICE")
    }
    return try DumpFile(
      at: HostPath.absolute(path),
      DumpReader(
        owner: owner, programs: try supervisor.newestPrograms(), isWanted: isWanted))
  }
}
