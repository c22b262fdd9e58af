/// Looks at a cluster by asking its server, wherever that is: nothing is changed.
public struct ClusterCheck {
  /// What there is here to work on it.
  public struct Machine: Hashable, Sendable {
    /// The version of the programs of a major version, as `15.18`; `nil`: none are installed.
    public var version: String?
    /// The names of the extensions that are installed for it; `nil`: not known.
    public var extensions: Set<String>?
    /// The version of the library that orders texts; `nil`: not known.
    public var collationVersion: String?

    public init(version: String?, extensions: Set<String>?, collationVersion: String?) {
      self.version = version
      self.extensions = extensions
      self.collationVersion = collationVersion
    }
  }

  /// Carries out a statement in a database, or in the usual one, and returns its rows.
  public typealias Ask<Failure: Error> =
    (_ statement: String, _ database: String?) throws(Failure) -> [[String?]]

  private static let blockByteCount = "8192"
  /// Extensions that run what somebody scheduled.
  private static let schedulers = ["pg_cron", "pg_timetable", "pgagent", "pg_partman", "pg_task"]

  /// The cluster's major version, and the whole as PostgreSQL numbers it: `150018`.
  public static func version<Failure>(
    _ ask: Ask<Failure>
  ) throws(Failure) -> (major: MajorVersion, number: Int)? {
    let rows = try ask("SELECT pg_catalog.current_setting('server_version_num')", nil)
    guard let text = rows.first?.first.flatMap({ $0 }), let number = Int(text) else { return nil }
    return (MajorVersion(number / 10_000), number)
  }

  /// All that is found.
  ///
  /// - Parameter isServed: whether the server is the origin's own: then its tablespaces are looked
  ///   at, and the versions that its libraries have.
  public static func findings<Failure>(
    of version: (major: MajorVersion, number: Int), on machine: Machine, isServed: Bool,
    _ ask: Ask<Failure>
  ) throws(Failure) -> [ClusterFinding] {
    var findings: [ClusterFinding] = []
    func add(_ code: ClusterFinding.Code, in database: String? = nil, _ objects: [String]) {
      if !objects.isEmpty { findings.append(ClusterFinding(code, in: database, objects)) }
    }
    if let installed = machine.version {
      if let minor = installed.split(separator: ".").last.flatMap({ Int($0) }),
        minor < version.number % 10_000
      {
        add(.minorOlder, ["\(installed) here, \(version.major).\(version.number % 10_000) there"])
      }
    } else {
      add(.majorMissing, ["PostgreSQL \(version.major)"])
    }
    for (code, statement) in clusterStatements where isServed || code != .tablespaces {
      add(code, try names(statement, nil, ask))
    }
    let libraries =
      try names(
        "SELECT setting FROM pg_catalog.pg_settings WHERE name = 'shared_preload_libraries'", nil,
        ask
      ).first ?? ""
    if let loaded = try? PreloadedLibraries(origin: libraries) {
      add(.workersLeftOut, loaded.left)
    }
    let databases = try names(
      """
      SELECT datname FROM pg_catalog.pg_database WHERE datallowconn AND datconnlimit <> -2 \
      ORDER BY oid
      """, nil, ask)
    for database in databases {
      for (code, statement) in databaseStatements {
        add(code, in: database, try names(statement, database, ask))
      }
      let extensions = try names(
        "SELECT extname FROM pg_catalog.pg_extension ORDER BY 1", database, ask)
      if let installed = machine.extensions {
        add(.extensionMissing, in: database, extensions.filter { !installed.contains($0) })
      }
      guard isServed, let here = machine.collationVersion else { continue }
      let there = try names(collationStatement(version.major), database, ask)
      add(
        .collationVersion, in: database,
        there.filter { $0 != here }.map { "version \($0) there, \(here) here" })
    }
    return findings
  }

  private static func names<Failure>(
    _ statement: String, _ database: String?, _ ask: Ask<Failure>
  ) throws(Failure) -> [String] {
    try ask(statement, database).compactMap { $0.first.flatMap { $0 } }
  }

  private static let clusterStatements: [(ClusterFinding.Code, String)] = [
    (
      .blockSize,
      """
      SELECT setting FROM pg_catalog.pg_settings WHERE name = 'block_size' \
      AND setting <> '\(blockByteCount)'
      """
    ),
    (
      .tablespaces,
      """
      SELECT spcname FROM pg_catalog.pg_tablespace \
      WHERE spcname NOT IN ('pg_default', 'pg_global') ORDER BY 1
      """
    ),
    (
      .superuserShutOut,
      "SELECT rolname FROM pg_catalog.pg_roles WHERE oid = 10 AND NOT rolcanlogin"
    ),
    (
      .templateClosed,
      """
      SELECT 'template1' WHERE NOT EXISTS (SELECT FROM pg_catalog.pg_database \
      WHERE datname = 'template1' AND datallowconn AND datconnlimit <> -2)
      """
    ),
    (
      .checksumsOff,
      """
      SELECT name FROM pg_catalog.pg_settings WHERE name = 'data_checksums' AND setting = 'off'
      """
    ),
    (.preparedTransactions, "SELECT gid FROM pg_catalog.pg_prepared_xacts ORDER BY prepared, gid"),
    (.slots, "SELECT slot_name FROM pg_catalog.pg_replication_slots ORDER BY 1"),
    (
      .subscriptions,
      "SELECT subname FROM pg_catalog.pg_subscription WHERE subenabled ORDER BY 1"
    ),
    (
      .superuserLogins,
      "SELECT rolname FROM pg_catalog.pg_roles WHERE rolsuper AND rolcanlogin ORDER BY 1"
    ),
  ]

  private static let databaseStatements: [(ClusterFinding.Code, String)] = [
    (
      .unloggedTables,
      """
      SELECT pg_catalog.format('%I.%I', n.nspname, c.relname) FROM pg_catalog.pg_class c \
      JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace \
      WHERE c.relkind = 'r' AND c.relpersistence = 'u' ORDER BY 1
      """
    ),
    (.foreignServers, "SELECT srvname FROM pg_catalog.pg_foreign_server ORDER BY 1"),
    (
      .scheduledJobs,
      """
      SELECT extname FROM pg_catalog.pg_extension \
      WHERE extname IN (\(schedulers.map(SQLText.text).joined(separator: ", "))) ORDER BY 1
      """
    ),
  ]

  /// The version of the system's library by which a database orders texts; no row for one that
  /// orders them by their bytes, or by another library.
  private static func collationStatement(_ major: MajorVersion) -> String {
    let provider = major.number >= 15 ? "d.datlocprovider = 'c' AND " : ""
    return """
      SELECT DISTINCT pg_catalog.pg_collation_actual_version(c.oid) \
      FROM pg_catalog.pg_database d JOIN pg_catalog.pg_collation c ON c.collprovider = 'c' \
      AND c.collversion IS NOT NULL WHERE \(provider)d.datname = pg_catalog.current_database() \
      AND d.datcollate NOT IN ('C', 'POSIX', 'C.UTF-8', 'C.utf8')
      """
  }
}
