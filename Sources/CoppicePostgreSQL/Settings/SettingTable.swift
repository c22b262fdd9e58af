/// Which major versions have a setting.
///
/// What is not in the table all known versions have. A test holds the names that are used here, and
/// the table, to what the programs of each installed version say.
public enum SettingTable {
  /// Settings of ours that some of the known versions lack.
  public static let majors: [String: ClosedRange<Int>] = [
    "allow_alter_system": 17...18,
    "archive_library": 15...18,
    "db_user_namespace": 14...16,
    "event_triggers": 17...18,
    "extension_control_path": 18...18,
    "io_method": 18...18,
    "oauth_validator_libraries": 18...18,
    "promote_trigger_file": 14...15,
    "stats_temp_directory": 14...14,
    "summarize_wal": 17...18,
    "sync_replication_slots": 17...18,
    "synchronized_standby_slots": 17...18,
  ]

  /// Settings for developers, which servers know and `postgres --describe-config` does not tell,
  /// but for those that came with a minor version.
  public static let unlisted: [String: ClosedRange<Int>] = [
    "allow_in_place_tablespaces": 14...18,
    "allow_system_table_mods": 14...18,
    "application_name": 14...18,
    "backtrace_functions": 14...18,
    "debug_discard_caches": 14...18,
    "debug_io_direct": 16...18,
    "debug_logical_replication_streaming": 16...18,
    "debug_parallel_query": 16...18,
    "force_parallel_mode": 14...15,
    "ignore_checksum_failure": 14...18,
    "ignore_invalid_pages": 14...18,
    "ignore_system_indexes": 14...18,
    "jit_debugging_support": 14...18,
    "jit_dump_bitcode": 14...18,
    "jit_expressions": 14...18,
    "jit_profiling_support": 14...18,
    "jit_tuple_deforming": 14...18,
    "post_auth_delay": 14...18,
    "pre_auth_delay": 14...18,
    "remove_temp_files_after_crash": 14...18,
    "send_abort_for_crash": 16...18,
    "send_abort_for_kill": 16...18,
    "trace_notify": 14...18,
    "trace_sort": 14...18,
    "wal_consistency_checking": 14...18,
    "zero_damaged_pages": 14...18,
  ]

  /// Whether that version has a setting that is used here.
  public static func has(_ name: String, _ major: MajorVersion) -> Bool {
    majors[name]?.contains(major.number) ?? true
  }
}
