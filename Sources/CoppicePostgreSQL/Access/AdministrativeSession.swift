/// How Coppice speaks to a server of its own: what it says when it connects, as the administrator
/// in `AccessFiles.administrativeDatabase`, and its statements.
///
/// Nothing that the origin or somebody in the branch set for that role or database changes who
/// speaks or what statements mean, waits for others, loads code, or has the statements logged: what
/// a client says when it connects beats it. Names are read and written in UTF-8.
public enum AdministrativeSession {
  /// What the startup message has besides role and database.
  public static func parameters(for major: MajorVersion) -> [(name: String, value: String)] {
    let parameters: [(name: String, value: String)] = [
      ("application_name", "coppice"), ("client_encoding", "UTF8"), ("role", "none"),
      ("search_path", "pg_catalog"),
      ("default_transaction_read_only", "off"), ("default_transaction_isolation", "read committed"),
      ("session_preload_libraries", ""), ("local_preload_libraries", ""),
      ("event_triggers", "off"), ("synchronous_commit", "local"), ("statement_timeout", "60s"),
      ("lock_timeout", "0"), ("log_statement", "none"), ("log_min_duration_statement", "-1"),
      ("log_min_error_statement", "panic"),
    ]
    return parameters.filter { SettingTable.has($0.name, major) }
  }

  /// The roles of a cluster, as `ClusterRole.init(row:)` takes them, by name.
  public static let roles =
    "SELECT rolname, rolcanlogin, rolsuper FROM pg_catalog.pg_roles ORDER BY rolname COLLATE \"C\""

  /// Its databases, as `ClusterDatabase.init(row:)` takes them, the oldest first. One whose
  /// dropping broke off takes no connections.
  public static let databases = """
    SELECT d.datname, r.rolname, d.datistemplate, d.datallowconn AND d.datconnlimit <> -2 \
    FROM pg_catalog.pg_database d \
    JOIN pg_catalog.pg_roles r ON r.oid = d.datdba ORDER BY d.oid
    """

  /// What a server keeps of a role's password that does not end; no row where there is none.
  public static func verifier(of role: String) -> String {
    "SELECT rolpassword FROM pg_catalog.pg_authid WHERE rolname = \(SQLText.text(role)) "
      + "AND rolvaliduntil = 'infinity'"
  }

  /// Gives a role a password that does not end. Only the verifier is sent and kept: neither a log
  /// nor the catalogue has the password. Memberships and rights stay as they are.
  ///
  /// - Parameter verifier: as a server keeps it, `SCRAM-SHA-256$...`.
  public static func setPassword(of role: String, verifier: String) -> String {
    precondition(verifier.hasPrefix("SCRAM-SHA-256$"), "a password would be in logs")
    return "ALTER ROLE \(SQLText.name(role)) PASSWORD \(SQLText.text(verifier)) "
      + "VALID UNTIL 'infinity'"
  }
}
