import CoppicePostgreSQL
import Glibc
import TestSupport
import Testing

/// Real servers with configurations of ours.
@Suite(.enabled(if: InstalledServer.isThere), .serialized)
struct FencedServerTests {
  private static func usualAccess() throws -> AccessFiles {
    try AccessFiles(administrator: "postgres", systemUsers: ["root", TestCluster.ownUser])
  }

  private static let paths: Set = ["config_file", "data_directory", "hba_file", "ident_file"]

  /// What an origin could have set by ALTER SYSTEM, for every fence that can stand in its file.
  /// What a build does not have (SSL, Bonjour) no server of it takes, whatever the command line
  /// says.
  private static let hostile: [String: String] = [
    "shared_preload_libraries": "no_such_library", "session_preload_libraries": "no_such_library",
    "local_preload_libraries": "no_such_library", "dynamic_library_path": "/tmp",
    "extension_control_path": "/tmp", "jit_provider": "no_such_provider",
    "oauth_validator_libraries": "no_such_library", "archive_library": "",
    "archive_command": "touch /tmp/archived", "archive_cleanup_command": "touch /tmp/cleaned",
    "restore_command": "touch /tmp/restored", "recovery_end_command": "touch /tmp/ended",
    "ssl_passphrase_command": "touch /tmp/asked", "archive_mode": "always",
    "primary_conninfo": "host=production", "primary_slot_name": "fork",
    "promote_trigger_file": "/tmp/promote", "synchronous_standby_names": "*",
    "synchronized_standby_slots": "fork", "sync_replication_slots": "on",
    "max_logical_replication_workers": "4", "wal_level": "logical", "max_wal_senders": "10",
    "summarize_wal": "on", "bonjour": "off", "listen_addresses": "*",
    "unix_socket_directories": "/tmp", "unix_socket_group": "root",
    "unix_socket_permissions": "0000", "port": "5433", "ssl": "off", "db_user_namespace": "on",
    "cluster_name": "production", "hba_file": "/nowhere", "ident_file": "/nowhere",
    "external_pid_file": "/tmp/coppice-test-external.pid", "stats_temp_directory": "/tmp",
    "logging_collector": "on", "log_destination": "csvlog", "allow_alter_system": "on",
    "fsync": "off", "full_page_writes": "off", "recovery_init_sync_method": "fsync",
    "temp_file_limit": "1", "shared_buffers": "64GB", "huge_pages": "on",
    "io_method": "sync",
  ]

  @Test(arguments: InstalledServer.all)
  func `whatever ALTER SYSTEM set, the fences hold, also after a restart`(
    _ server: InstalledServer
  ) throws {
    let cluster = try TestCluster(server)
    var configuration = try cluster.configuration()
    configuration.temporaryFileByteCountMax = 1 << 30
    configuration.preloads = try PreloadedLibraries(origin: "")
    let settings = configuration.fences + configuration.bounds
    var lines = ""
    for setting in settings where !["config_file", "data_directory"].contains(setting.name) {
      let value = try #require(Self.hostile[setting.name], "\(setting.name)")
      lines += "\(setting.name) = '\(value)'\n"
    }
    let auto = try TemporaryFolder.bytes(of: "\(cluster.data)/\(SettingsFile.autoName)")
    try cluster.folder.write("data/\(SettingsFile.autoName)", auto + Array(lines.utf8))
    // Nor does the origin's own file say anything.
    try cluster.folder.write("data/\(SettingsFile.name)", Array("port = 'none'\n".utf8))
    try cluster.folder.write("data/pg_hba.conf", Array("local all all trust\n".utf8))

    for round in 0..<2 {
      try cluster.start(configuration, try Self.usualAccess())
      let answer = try cluster.administer(
        "SELECT name, setting, source, unit FROM pg_settings")
      var told: [String: [String]] = [:]
      for line in answer.split(separator: "\n") {
        let fields = line.split(separator: "|", omittingEmptySubsequences: false).map(String.init)
        told[fields[0]] = fields
      }
      for setting in settings {
        let fields = try #require(told[setting.name], "\(setting.name)")
        // Paths are made absolute once they are known.
        let source = Self.paths.contains(setting.name) ? "override" : "command line"
        #expect(fields[2] == source, "\(setting.name)")
        switch setting.name {
        case "archive_command": #expect(fields[1] == "(disabled)")
        case "shared_buffers": #expect(fields[1] == "\((64 << 20) / 8192)")
        default: #expect(fields[1] == setting.value, "\(setting.name)")
        }
      }
      #expect(access(cluster.folder("sockets/.s.PGSQL.5432"), F_OK) == 0)
      #expect(access("/tmp/coppice-test-external.pid", F_OK) != 0)
      if round == 0, server.major < MajorVersion(17) {
        _ = try cluster.administer("ALTER SYSTEM SET archive_command = 'touch /tmp/again'")
      }
      try cluster.stop()
    }
    if server.major >= MajorVersion(17) {
      try cluster.start(configuration, try Self.usualAccess())
      let result = try cluster.ask(
        "ALTER SYSTEM SET work_mem = '8MB'", as: "postgres", in: "template1")
      #expect(result.errors.contains("ALTER SYSTEM is not allowed"))
    }
  }

  @Test(arguments: InstalledServer.all)
  func `nobody but a session that may set it by itself changes a fence while the server runs`(
    _ server: InstalledServer
  ) throws {
    let cluster = try TestCluster(server)
    let configuration = try cluster.configuration()
    try cluster.start(configuration, try Self.usualAccess())
    let answer = try cluster.administer(
      "SELECT name FROM pg_settings WHERE context IN ('user', 'superuser', 'backend', "
        + "'superuser-backend')")
    let settable = Set(answer.split(separator: "\n").map(String.init))
    let fences = Set(configuration.fences.map(\.name)).intersection(settable)
    var expected: Set = [
      "dynamic_library_path", "local_preload_libraries", "session_preload_libraries",
      "temp_file_limit",
    ]
    if server.major >= MajorVersion(18) { expected.insert("extension_control_path") }
    #expect(fences == expected)
  }

  @Test func `what was given and what the origin had is in force`() throws {
    let server = try #require(InstalledServer.usual)
    let cluster = try TestCluster(server)
    var configuration = try cluster.configuration()
    let value = "it's \\ \"so\", é# = x"
    let names = try server.settingNames()
    configuration.given = try GivenSettings(
      [
        ("log_line_prefix", value), ("shared_buffers", "32MB"), ("My_App.Note", value),
        ("jit_expressions", "off"), ("max_connections", "30"),
      ], of: server.major, names: names)
    configuration.origin = OriginSettings(
      [SettingsFile(Array("random_page_cost = 1.25\nTimeZone = 'Europe/Rome'\n".utf8))],
      names: names)
    configuration.isShortLived = true
    configuration.preloads = try PreloadedLibraries(origin: "pg_cron, pg_stat_statements")
    try cluster.start(configuration, try Self.usualAccess())
    func show(_ name: String) throws -> String {
      String(try cluster.administer("SHOW \(name)").dropLast())
    }
    #expect(try show("log_line_prefix") == value)
    #expect(try show("my_app.note") == value)
    #expect(try show("shared_buffers") == "32MB")
    #expect(try show("jit_expressions") == "off")
    #expect(try show("max_connections") == "30")
    #expect(try show("random_page_cost") == "1.25")
    #expect(try show("timezone") == "Europe/Rome")
    #expect(try show("autovacuum") == "off")
    #expect(try show("full_page_writes") == "on")
    #expect(try show("min_wal_size") == "32MB")
    #expect(try show("shared_preload_libraries") == "pg_stat_statements")
    #expect(configuration.preloads.left == ["pg_cron"])
  }

  @Test func `with replication the log has what others need, and senders are there`() throws {
    let server = try #require(InstalledServer.usual)
    let cluster = try TestCluster(server)
    var configuration = try cluster.configuration()
    configuration.wantsReplication = true
    try cluster.start(
      configuration,
      try AccessFiles(
        administrator: "postgres", systemUsers: [TestCluster.ownUser], wantsReplication: true))
    #expect(try cluster.administer("SHOW wal_level; SHOW max_wal_senders") == "logical\n10\n")
    let rules = try cluster.administer(
      "SELECT count(*) FROM pg_hba_file_rules WHERE error IS NOT NULL")
    #expect(rules == "0\n")
  }

  @Test func `roles log in by passwords, and administration by who connects`() throws {
    let server = try #require(InstalledServer.usual)
    let cluster = try TestCluster(server)
    try cluster.start(try cluster.configuration(), try Self.usualAccess())
    let login = "a\"b\\c'd é"
    // A verifier does not depend on the role that it is for.
    let verifier = try cluster.administer(
      """
      CREATE ROLE other LOGIN PASSWORD 'secret';
      CREATE ROLE \(SQLText.name(login)) LOGIN VALID UNTIL '2001-01-01';
      CREATE DATABASE shop OWNER \(SQLText.name(login));
      SELECT rolpassword FROM pg_authid WHERE rolname = 'other';
      """)
    let statement = AdministrativeSession.setPassword(
      of: login, verifier: String(verifier.dropLast()))
    _ = try cluster.administer(statement)
    #expect(!statement.contains("secret"))

    let right = try cluster.ask("SELECT 1", as: login, in: "shop", password: "secret")
    #expect(right.text == "1\n")
    let wrong = try cluster.ask("SELECT 1", as: login, in: "shop", password: "secreT")
    #expect(wrong.errors.contains("password authentication failed"))
    // The administrator too, but for one database.
    let elsewhere = try cluster.ask("SELECT 1", as: "postgres", in: "shop")
    #expect(elsewhere.errors.contains("password authentication failed"))
    // Other roles are not let into that one without a password.
    let inside = try cluster.ask("SELECT 1", as: login, in: "template1", password: "secret")
    #expect(inside.text == "1\n")
    guard getuid() == 0 else { return }
    // Another user of the machine is not the administrator anywhere.
    let stranger = try cluster.ask("SELECT 1", as: "postgres", in: "template1", by: "nobody")
    #expect(stranger.errors.contains("Peer authentication failed"))
    let client = try cluster.ask(
      "SELECT 1", as: login, in: "shop", password: "secret", by: "nobody")
    #expect(client.text == "1\n")
  }

  @Test func `the roles and databases of a cluster are read, and a login is chosen`() throws {
    let server = try #require(InstalledServer.usual)
    let cluster = try TestCluster(server)
    try cluster.start(try cluster.configuration(), try Self.usualAccess())
    _ = try cluster.administer(
      """
      CREATE ROLE app LOGIN; CREATE ROLE staff;
      CREATE DATABASE shop OWNER app; CREATE DATABASE blog OWNER staff;
      """)
    func rows(_ statement: String) throws -> [[String?]] {
      try cluster.administer(statement).split(separator: "\n").map { line in
        line.split(separator: "|", omittingEmptySubsequences: false).map(String.init)
      }
    }
    let roles = try rows(AdministrativeSession.roles).compactMap(ClusterRole.init)
    let databases = try rows(AdministrativeSession.databases).compactMap(ClusterDatabase.init)
    #expect(roles.contains(ClusterRole(name: "app", mayLogIn: true, isSuperuser: false)))
    #expect(roles.contains(ClusterRole(name: "staff", mayLogIn: false, isSuperuser: false)))
    #expect(roles.contains(ClusterRole(name: "postgres", mayLogIn: true, isSuperuser: true)))
    let plan = try LoginPlan(
      login: nil, database: nil, roles: roles, databases: databases, allowsSuperuser: false)
    #expect(plan.login == "app")
    #expect(plan.database == "shop")
    #expect(plan.otherDatabases == ["blog"])
  }

  @Test func `names and texts of any bytes come back from a server as they are`() throws {
    let server = try #require(InstalledServer.usual)
    let cluster = try TestCluster(server)
    try cluster.start(try cluster.configuration(), try Self.usualAccess())
    var random = SplitMix64(seed: 7)
    let scalars = Array("'\"\\`$:;%é\u{301}\u{1F332}\t ab/*--\u{7F}\u{1}".unicodeScalars)
    var statements = "SET standard_conforming_strings = off;\n"
    for round in 0..<400 {
      if round == 200 { statements += "SET standard_conforming_strings = on;\n" }
      var text = String.UnicodeScalarView()
      for _ in 0...random.below(12) { text.append(scalars[random.below(scalars.count)]) }
      let name = String(String.UnicodeScalarView(text.prefix(10)))
      let hex = Array(String(text).utf8).map { byte in
        let digits = String(byte, radix: 16)
        return digits.count < 2 ? "0\(digits)" : digits
      }.joined()
      statements += """
        SELECT 'bad \(round)' WHERE convert_to(\(SQLText.text(String(text))), 'UTF8') \
        <> decode('\(hex)', 'hex');
        SELECT 'bad name \(round)' FROM (SELECT 1 AS \(SQLText.name(name))) AS t \
        WHERE row_to_json(t)::text <> '{' || to_json(\(SQLText.text(name))::text)::text || ':1}';

        """
    }
    #expect(try cluster.administer(statements) == "")
  }

  @Test(arguments: InstalledServer.all)
  func `a session of ours says what the server takes`(_ server: InstalledServer) throws {
    let cluster = try TestCluster(server)
    try cluster.start(try cluster.configuration(), try Self.usualAccess())
    for (name, value) in AdministrativeSession.parameters(for: server.major) {
      let statement = "SELECT set_config(\(SQLText.text(name)), \(SQLText.text(value)), false)"
      // What a session loads it says when it connects, and cannot set later.
      if name == "local_preload_libraries" || name == "session_preload_libraries" { continue }
      _ = try cluster.administer(statement)
    }
  }

  @Test func `a file is read as a server reads it`() throws {
    let server = try #require(InstalledServer.usual)
    let cluster = try TestCluster(server)
    try cluster.start(try cluster.configuration(), try Self.usualAccess())
    let text = #"""
      # a comment
      work_mem=64MB
        maintenance_work_mem   '128MB'   # another
      log_line_prefix = 'it''s \'x\' \\ \101\n.'
      Search_Path 'a, "B"'
      random_page_cost = 1.5e0
      my.setting = on
      application_name=a-b:c/d
      work_mem = 32MB
      broken = 'open
      half = 1 2
      """#
    try cluster.folder.write("data/\(SettingsFile.name)", Array(text.utf8))
    // A view of the file that is in force: ours includes the other one.
    try cluster.write(
      "instance.conf", "include '\(cluster.data)/postgresql.conf'\n")
    let file = SettingsFile(Array(text.utf8))
    let usable = text.split(separator: "\n").filter {
      !$0.contains("broken") && !$0.contains("half")
    }.joined(separator: "\n")
    try cluster.folder.write("data/\(SettingsFile.name)", Array(usable.utf8))
    let answer = try cluster.administer(
      "SELECT lower(name) || '=' || replace(setting, E'\\n', '~') FROM pg_file_settings "
        + "WHERE sourcefile LIKE '%/postgresql.conf' ORDER BY seqno")
    var told: [String: String] = [:]
    for line in answer.split(separator: "\n") {
      let parts = line.split(separator: "=", maxSplits: 1).map(String.init)
      told[parts[0]] = parts[1]
    }
    #expect(told.count == 7)
    #expect(
      file.values.mapValues { $0.replacing("\n", with: "~") } == told)
  }
}
