import CoppiceErrors
import CoppicePostgreSQL
import TestSupport
import Testing

struct InstanceConfigurationTests {
  private static func configuration(
    _ major: Int = 15, _ change: (inout SampleControlFile) -> Void = { _ in }
  ) throws -> InstanceConfiguration {
    let version: UInt32 = major < 17 ? 1300 : major == 17 ? 1700 : 1800
    var sample = SampleControlFile(version: version)
    change(&sample)
    sample.seal()
    return InstanceConfiguration(
      major: MajorVersion(major),
      control: try ControlFile(sample.bytes, of: MajorVersion(major)),
      files: InstanceConfiguration.Files(
        data: "/mnt/pr-42", sockets: "/run/coppice/1/socket",
        configuration: "/run/coppice/1/postgresql.conf", hba: "/run/coppice/1/pg_hba.conf",
        ident: "/run/coppice/1/pg_ident.conf"),
      port: 6001, clusterName: "pr-42")
  }

  private static func arguments(_ configuration: InstanceConfiguration) -> Set<String> {
    Set(configuration.arguments)
  }

  private static let names: Set = ["work_mem", "max_connections", "shared_buffers", "DateStyle"]

  @Test func `the command line has the fences, each behind -c`() throws {
    let configuration = try Self.configuration()
    let words = configuration.arguments
    #expect(words.count.isMultiple(of: 2))
    for index in stride(from: 0, to: words.count, by: 2) {
      #expect(words[index] == "-c")
      #expect(words[index + 1].contains("="))
    }
    let expected: Set = [
      "config_file=/run/coppice/1/postgresql.conf", "data_directory=/mnt/pr-42",
      "hba_file=/run/coppice/1/pg_hba.conf", "ident_file=/run/coppice/1/pg_ident.conf",
      "external_pid_file=/run/coppice/1/socket/postgres.pid",
      "unix_socket_directories=/run/coppice/1/socket", "port=6001",
      "listen_addresses=", "cluster_name=pr-42", "archive_mode=off", "archive_command=",
      "archive_library=", "restore_command=", "primary_conninfo=", "primary_slot_name=",
      "max_wal_senders=0", "wal_level=minimal", "max_logical_replication_workers=0",
      "shared_preload_libraries=", "fsync=on", "full_page_writes=on", "temp_file_limit=-1",
      "recovery_init_sync_method=syncfs", "shared_buffers=64MB", "ssl=off",
      "log_destination=stderr", "logging_collector=off",
    ]
    #expect(Self.arguments(configuration).isSuperset(of: expected))
    #expect(!configuration.arguments.contains("allow_alter_system=off"))
  }

  @Test func `what a version lacks is left out`() throws {
    let oldest = Self.arguments(try Self.configuration(14))
    #expect(oldest.contains("stats_temp_directory=pg_stat_tmp"))
    #expect(!oldest.contains("archive_library="))
    #expect(oldest.contains("db_user_namespace=off"))
    let newer = Self.arguments(try Self.configuration(17))
    #expect(newer.isSuperset(of: ["allow_alter_system=off", "summarize_wal=off"]))
    #expect(!newer.contains("db_user_namespace=off"))
    #expect(!newer.contains("io_method=worker"))
    let newest = Self.arguments(try Self.configuration(18))
    #expect(newest.isSuperset(of: ["io_method=worker", "oauth_validator_libraries="]))
  }

  @Test func `fences follow what the instance is for`() throws {
    var configuration = try Self.configuration { $0.set(188, UInt32(20)) }
    configuration.wantsReplication = true
    configuration.temporaryFileByteCountMax = 5 << 30
    configuration.preloads = try PreloadedLibraries(origin: "timescaledb,pg_cron")
    let expected: Set = [
      "wal_level=logical", "max_wal_senders=20", "full_page_writes=on",
      "temp_file_limit=5242880", "shared_preload_libraries=timescaledb",
      "timescaledb.max_background_workers=0", "timescaledb.telemetry_level=off",
    ]
    #expect(Self.arguments(configuration).isSuperset(of: expected))
  }

  @Test func `the file has our settings, with at least the limits of the control file`() throws {
    var configuration = try Self.configuration {
      $0.set(180, UInt32(20))
      $0.set(192, UInt32(7))
      $0.set(228, UInt32(256 << 20))
    }
    let lines = configuration.file.split(separator: "\n").map(String.init)
    #expect(lines.prefix(2).allSatisfy { $0.hasPrefix("#") })
    #expect(lines.contains("max_connections = '50'"))
    #expect(lines.contains("max_prepared_transactions = '7'"))
    #expect(lines.contains("min_wal_size = '512MB'"))
    #expect(lines.contains("max_wal_size = '512MB'"))
    #expect(lines.contains("wal_recycle = 'off'"))
    #expect(!lines.contains("autovacuum = 'off'"))
    configuration.isShortLived = true
    #expect(configuration.file.contains("autovacuum = 'off'\n"))
    configuration.control.limits.connectionCountMax = 400
    #expect(configuration.file.contains("max_connections = '400'\n"))
  }

  @Test func `what is given beats the origin's, each setting stands once`() throws {
    var configuration = try Self.configuration()
    configuration.origin = OriginSettings(
      [
        SettingsFile(Array("work_mem = 1MB\nmax_connections = 900\ndatestyle=iso\n".utf8)),
        SettingsFile(Array("work_mem = 2MB\nport = 7\n".utf8)),
      ], names: Self.names)
    #expect(configuration.file.contains("work_mem = '2MB'\n"))
    configuration.given = try GivenSettings(
      [("work_mem", "3MB"), ("max_connections", "70"), ("shared_buffers", "1GB")],
      of: MajorVersion(15), names: Self.names)
    let lines = configuration.file.split(separator: "\n").map(String.init)
    #expect(lines.filter { $0.hasPrefix("work_mem") } == ["work_mem = '3MB'"])
    #expect(lines.filter { $0.hasPrefix("max_connections") } == ["max_connections = '70'"])
    #expect(lines.contains("datestyle = 'iso'"))
    #expect(!lines.contains { $0.hasPrefix("port") || $0.hasPrefix("shared_buffers") })
    #expect(Self.arguments(configuration).contains("shared_buffers=1GB"))
    #expect(!Self.arguments(configuration).contains("shared_buffers=64MB"))
  }

  @Test func `paths and names with any characters are what they are to a server`() throws {
    var configuration = try Self.configuration()
    configuration.files.sockets = "/run/a b,c\"d"
    configuration.clusterName = "prüfung" + String(repeating: "x", count: 80)
    let arguments = Self.arguments(configuration)
    #expect(arguments.contains("unix_socket_directories=\"/run/a b,c\"\"d\""))
    #expect(
      arguments.contains("cluster_name=pr??fung" + String(repeating: "x", count: 63 - 8)))
  }
}

struct GivenSettingsTests {
  private static let names: Set = ["work_mem", "DateStyle", "search_path", "archive_command"]

  private static func error(_ name: String, _ value: String = "x") -> StoreError? {
    #expect(throws: StoreError.self) {
      try GivenSettings([(name, value)], of: MajorVersion(15), names: names)
    }
  }

  @Test func `names are taken in any case, and the later value holds`() throws {
    let given = try GivenSettings(
      [("Work_Mem", "1MB"), ("datestyle", "iso"), ("WORK_MEM", "2MB"), ("pg_x.Y", "1")],
      of: MajorVersion(15), names: Self.names)
    #expect(given.settings.map(\.description) == ["datestyle=iso", "pg_x.y=1", "work_mem=2MB"])
  }

  @Test(arguments: [
    "archive_command", "ARCHIVE_MODE", "port", "fsync", "config_file", "hba_file",
    "shared_preload_libraries", "session_preload_libraries", "jit_provider", "wal_level",
    "synchronous_standby_names", "timescaledb.max_background_workers", "allow_alter_system",
  ])
  func `fences are denied, whatever the version`(name: String) {
    let error = Self.error(name)
    #expect(error?.kind == .denied)
    #expect(error?.reason == .policy)
    #expect(error?.object == name.lowercased())
    #expect(error?.message.hasPrefix("this setting is a fence: ") == true)
  }

  @Test(arguments: [
    "", " work_mem", "work-mem", "work_mem ", "work_mem\n", "a.b.c", ".a", "a.", "1a", "a.1",
    "wörk", "a'b", "a=b", "a\0",
  ])
  func `what is no name is refused`(name: String) {
    let error = Self.error(name)
    #expect(error?.kind == .invalid)
    #expect(error?.message == "that is no name of a setting")
  }

  @Test(arguments: ["no_such", "include", "include_dir", "include_if_exists", "debug_io_direct"])
  func `names that the version has not are refused`(name: String) {
    let error = Self.error(name)
    #expect(error?.kind == .invalid)
    #expect(error?.message == "PostgreSQL 15 has no such setting")
  }

  @Test(arguments: ["a\nfsync = off", "a\r", "\0", "a\0b"])
  func `values of more than a line are refused`(value: String) {
    let error = Self.error("work_mem", value)
    #expect(error?.kind == .invalid)
    #expect(error?.object == "work_mem")
    #expect(error?.message.contains("an end of line or a zero byte") == true)
  }
}

struct PreloadedLibrariesTests {
  @Test func `what starts nothing by itself is kept, the rest is told`() throws {
    let libraries = try PreloadedLibraries(
      origin: " pg_cron, $libdir/pg_stat_statements ,\"auto_explain.so\",pg_net, pg_cron,,"
        + "$libdir/plugins/auto_explain, \"a, \"\"b\"")
    #expect(libraries.kept == ["pg_stat_statements", "auto_explain"])
    #expect(libraries.left == ["pg_cron", "pg_net", "a, \"b"])
  }

  @Test func `what is asked for is loaded, and what is missing is not`() throws {
    let libraries = try PreloadedLibraries(
      origin: "pg_hint_plan, auto_explain, pgaudit", asked: ["pgaudit", "pg-x"],
      installed: ["auto_explain"])
    #expect(libraries.kept == ["auto_explain", "pgaudit", "pg-x"])
    #expect(libraries.left == ["pg_hint_plan"])
  }

  @Test(arguments: ["", "a/b", "../x", "a.so", "a,b", "$libdir", "a b", "é"])
  func `only names can be asked for`(name: String) {
    let error = #expect(throws: StoreError.self) {
      try PreloadedLibraries(origin: "", asked: [name])
    }
    #expect(error?.kind == .invalid)
  }

  @Test func `an origin's settings are those of meaning and planning that the version has`() {
    let text = """
      timezone = 'UTC'
      enable_seqscan = off
      enable_future = on
      lc_messages = 'de_DE.UTF-8'
      archive_command = 'cp %p /x'
      search_path = 'a\\nb'
      shared_preload_libraries = 'pg_cron'
      work_mem = 1GB
      """
    let origin = OriginSettings(
      [SettingsFile(Array(text.utf8))],
      names: ["TimeZone", "enable_seqscan", "lc_messages", "archive_command", "search_path"])
    #expect(origin.settings.map(\.description) == ["enable_seqscan=off", "timezone=UTC"])
    #expect(origin.preloads == "pg_cron")
  }
}
