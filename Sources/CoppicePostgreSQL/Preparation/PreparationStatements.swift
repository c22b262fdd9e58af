/// The statements that make a cluster fit to be branched: nothing that its origin began with others
/// is open, none of its origin's passwords is known, and its pages need no change by whoever reads
/// them first.
///
/// They are a superuser's, and change rows of catalogues where the statements made for that would
/// load an extension's code or speak to others.
public enum PreparationStatements {
  // MARK: What was begun with others

  /// Transactions that wait for their second word: the identifier and the database.
  public static let preparedTransactions = """
    SELECT gid, database FROM pg_catalog.pg_prepared_xacts ORDER BY prepared, gid
    """

  /// In the transaction's database.
  public static func rollBack(prepared identifier: String) -> String {
    "ROLLBACK PREPARED \(SQLText.text(identifier))"
  }

  /// Subscriptions of all databases, without a slot, a publisher and workers. Returns their names.
  public static let disableSubscriptions = """
    UPDATE pg_catalog.pg_subscription SET subenabled = false, subslotname = NULL, subconninfo = '' \
    WHERE subenabled OR subslotname IS NOT NULL OR subconninfo <> '' RETURNING subname
    """

  /// Databases whose dropping broke off: nobody can connect to them, and nothing else can be done
  /// than to drop them.
  public static let brokenDatabases =
    "SELECT datname FROM pg_catalog.pg_database WHERE datconnlimit = -2 ORDER BY oid"

  public static func drop(database: String) -> String { "DROP DATABASE \(SQLText.name(database))" }

  // MARK: Secrets

  /// Databases that take no connections, but for the one that is as it was made.
  public static let closedDatabases = """
    SELECT datname FROM pg_catalog.pg_database \
    WHERE NOT datallowconn AND datname <> 'template0' ORDER BY oid
    """

  /// Has a database take connections, or none.
  public static func allowConnections(_ isAllowed: Bool, to database: String) -> String {
    "UPDATE pg_catalog.pg_database SET datallowconn = \(isAllowed) "
      + "WHERE datname = \(SQLText.text(database))"
  }

  /// Roles of all databases. Returns their names.
  public static let removePasswords = """
    UPDATE pg_catalog.pg_authid SET rolpassword = NULL WHERE rolpassword IS NOT NULL \
    RETURNING rolname
    """

  /// What roles show to foreign servers, in one database. Returns the servers' numbers.
  public static let removeUserMappings = """
    UPDATE pg_catalog.pg_user_mapping SET umoptions = NULL WHERE umoptions IS NOT NULL \
    RETURNING umserver
    """

  /// What a database's statistics tell of values in the catalogues that have secrets. Returns their
  /// numbers.
  public static let removeStatistics: String = {
    let catalogues = SecretCatalogue.allCases.filter { $0 != .statistics }
      .map { "'pg_catalog.\($0.rawValue)'::regclass" }
    return "DELETE FROM pg_catalog.pg_statistic "
      + "WHERE starelid IN (\(catalogues.joined(separator: ", "))) RETURNING starelid"
  }()

  /// A row where a catalogue has, or had, anything: rows that are gone may be in its pages.
  public static func isUsed(_ catalogue: SecretCatalogue) -> String {
    "SELECT 1 WHERE pg_catalog.pg_relation_size('pg_catalog.\(catalogue.rawValue)') > 0"
  }

  /// The catalogue whose old rows have secrets, written anew without them: the old file is empty at
  /// once, and goes at the next checkpoint.
  public static func rewrite(_ catalogue: SecretCatalogue) -> String {
    "VACUUM (FULL) pg_catalog.\(catalogue.rawValue)"
  }

  /// Tables of a server's own that have what is nobody else's business.
  public enum SecretCatalogue: String, Hashable, Sendable, CaseIterable {
    case roles = "pg_authid"
    case subscriptions = "pg_subscription"
    case userMappings = "pg_user_mapping"
    case statistics = "pg_statistic"
  }

  // MARK: Pages

  /// What of a database is vacuumed.
  public enum Freezing: String, Hashable, Sendable, CaseIterable {
    /// Tables of whose pages less than nine tenths were known to be seen by all.
    case auto
    case all
    case none
  }

  /// The tables of a database to freeze, each as it is written in a statement, the largest last.
  public static func tables(toFreeze freezing: Freezing) -> String {
    let choice =
      switch freezing {
      case .auto: "c.relallvisible < 0.9 * (pg_catalog.pg_relation_size(c.oid) / b.size)"
      case .all: "true"
      case .none: "false"
      }
    return """
      SELECT pg_catalog.format('%I.%I', n.nspname, c.relname) FROM pg_catalog.pg_class c \
      JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace, \
      (SELECT pg_catalog.current_setting('block_size')::int AS size) b \
      WHERE c.relkind IN ('r', 'm') AND c.relpersistence <> 't' \
      AND pg_catalog.pg_relation_size(c.oid) > 0 AND \(choice) \
      ORDER BY pg_catalog.pg_relation_size(c.oid), c.oid
      """
  }

  /// - Parameter table: a row of `tables(toFreeze:)`.
  public static func freeze(_ table: String) -> String { "VACUUM (FREEZE, ANALYZE) \(table)" }

  // MARK: Its end

  /// One behind the other: after them the log has nothing of what was before.
  public static let end = ["CHECKPOINT", "SELECT pg_catalog.pg_switch_wal()", "CHECKPOINT"]

  // MARK: What does not fit here

  /// Extensions of a database whose files are not installed.
  public static let missingExtensions = """
    SELECT e.extname FROM pg_catalog.pg_extension e WHERE NOT EXISTS \
    (SELECT FROM pg_catalog.pg_available_extensions a WHERE a.name = e.extname) ORDER BY 1
    """

  /// Collations by which indexes of a database are ordered, and that order otherwise here: what,
  /// the version that it was made with, and the one that is here.
  public static func otherCollations(_ major: MajorVersion) -> String {
    let ofDatabase = """
      SELECT 'the database''s own' AS name, d.datcollversion AS made, \
      pg_catalog.pg_database_collation_actual_version(d.oid) AS here \
      FROM pg_catalog.pg_database d WHERE d.datname = pg_catalog.current_database() \
      UNION ALL
      """
    return """
      SELECT name, made, here FROM (\(major.number >= 15 ? ofDatabase : "") \
      SELECT c.collname, c.collversion, pg_catalog.pg_collation_actual_version(c.oid) \
      FROM pg_catalog.pg_collation c WHERE c.oid IN \
      (SELECT pg_catalog.unnest(i.indcollation) FROM pg_catalog.pg_index i)) v \
      (name, made, here) WHERE made <> here ORDER BY 1
      """
  }
}
