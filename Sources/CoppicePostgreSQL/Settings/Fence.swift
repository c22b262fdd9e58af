/// A setting that an instance has whatever its files say, because it goes on the command line: it
/// keeps the instance from touching what is not its branch, and from harming it.
///
/// A fork's files are its origin's, and `postgresql.auto.conf` among them is read by every server:
/// what ALTER SYSTEM set there beats a configuration file, and is beaten by the command line only.
/// What ALTER ROLE and ALTER DATABASE set beats even that, for the few of these settings that a
/// session may have of its own: `temp_file_limit` and what a session loads. A superuser can set
/// them, and load code in other ways too: it is the launcher's isolation that holds him.
struct Fence: Sendable {
  /// Why a setting is not to be changed.
  enum Purpose: String, Sendable {
    case programs = "it runs programs or loads code at its origin's will"
    case others = "it acts on other servers, or waits for them"
    case reach = "Coppice decides where the instance is reached, and by whom"
    case files = "it leads out of the branch, or out of the instance's own files"
    case durability = "without it a crash could leave less than a server needs"
    case resources = "Coppice decides what an instance may take of the machine"
  }

  let name: String
  let purpose: Purpose
  /// `nil`: of no use in that instance.
  let value: @Sendable (InstanceConfiguration) -> String?

  private init(
    _ name: String, _ purpose: Purpose,
    _ value: @escaping @Sendable (InstanceConfiguration) -> String?
  ) {
    self.name = name
    self.purpose = purpose
    self.value = value
  }

  private init(_ name: String, _ purpose: Purpose, _ value: String) {
    self.init(name, purpose) { _ in value }
  }

  /// Why it is not to be changed; `nil` when it is none.
  static func purpose(of name: String) -> String? {
    all.first { $0.name == name }?.purpose.rawValue
  }

  static let all: [Fence] = programs + others + reach + files + durability + resources

  private static let programs = [
    Fence("shared_preload_libraries", .programs) { $0.preloads.list },
    Fence("session_preload_libraries", .programs, ""),
    Fence("local_preload_libraries", .programs, ""),
    Fence("oauth_validator_libraries", .programs, ""),
    Fence("dynamic_library_path", .programs, "$libdir"),
    Fence("extension_control_path", .programs, "$system"),
    Fence("jit_provider", .programs, "llvmjit"),
    Fence("archive_library", .programs, ""),
    Fence("archive_command", .programs, ""),
    Fence("archive_cleanup_command", .programs, ""),
    Fence("restore_command", .programs, ""),
    Fence("recovery_end_command", .programs, ""),
    Fence("ssl_passphrase_command", .programs, ""),
    Fence("timescaledb.max_background_workers", .programs) {
      $0.preloads.kept.contains("timescaledb") ? "0" : nil
    },
    Fence("timescaledb.telemetry_level", .others) {
      $0.preloads.kept.contains("timescaledb") ? "off" : nil
    },
  ]

  private static let others = [
    Fence("archive_mode", .others, "off"),
    Fence("primary_conninfo", .others, ""),
    Fence("primary_slot_name", .others, ""),
    Fence("promote_trigger_file", .others, ""),
    Fence("synchronous_standby_names", .others, ""),
    Fence("synchronized_standby_slots", .others, ""),
    Fence("sync_replication_slots", .others, "off"),
    Fence("max_logical_replication_workers", .others, "0"),
    // A log without what replicas need is shorter; with it there must be senders.
    Fence("wal_level", .others) { $0.wantsReplication ? "logical" : "minimal" },
    Fence("max_wal_senders", .others) {
      $0.wantsReplication ? "\(max(10, $0.control.limits.senderCountMax))" : "0"
    },
    // With wal_level=minimal a server that shall summarize its log does not start.
    Fence("summarize_wal", .others, "off"),
    Fence("bonjour", .others, "off"),
  ]

  private static let reach = [
    Fence("listen_addresses", .reach, ""),
    Fence("unix_socket_directories", .reach) { InstanceConfiguration.listed($0.files.sockets) },
    Fence("unix_socket_group", .reach, ""),
    // The directory's permissions say who gets as far as that.
    Fence("unix_socket_permissions", .reach, "0777"),
    Fence("port", .reach) { "\($0.port)" },
    Fence("ssl", .reach, "off"),
    // With it, a user `NAME@` would be the role NAME.
    Fence("db_user_namespace", .reach, "off"),
    Fence("cluster_name", .reach) { InstanceConfiguration.printable($0.clusterName) },
  ]

  private static let files = [
    Fence("config_file", .files) { $0.files.configuration },
    Fence("data_directory", .files) { $0.files.data },
    Fence("hba_file", .files) { $0.files.hba },
    Fence("ident_file", .files) { $0.files.ident },
    // An empty name is one that the server complains of; what is made there goes before each start.
    Fence("external_pid_file", .files) { "\($0.files.sockets)/postgres.pid" },
    Fence("stats_temp_directory", .files, "pg_stat_tmp"),
    Fence("logging_collector", .files, "off"),
    Fence("log_destination", .files, "stderr"),
    Fence("allow_alter_system", .files, "off"),
  ]

  private static let durability = [
    Fence("fsync", .durability, "on"),
    // The kernel hands a write of a page on in parts where not all of it is in the writer's memory.
    Fence("full_page_writes", .durability, "on"),
    Fence("recovery_init_sync_method", .durability, "syncfs"),
  ]

  private static let resources = [
    Fence("temp_file_limit", .resources) { configuration in
      guard let limit = configuration.temporaryFileByteCountMax else { return "-1" }
      return "\(min(limit / 1024, UInt64(Int32.max)))"
    }
  ]
}
