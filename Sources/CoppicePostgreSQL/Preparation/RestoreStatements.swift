/// The statements by which a cluster is made ready for a dump of another one.
public enum RestoreStatements {
  /// A server cuts longer names off.
  private static let nameByteCountMax = 63

  /// A role that a dump names, and does not bring: by it clients can log in to what it owns. What
  /// belongs to `postgres` often has to be a superuser's.
  public static func create(role: String) -> String {
    let isSuperuser = role.utf8.elementsEqual("postgres".utf8)
    return "CREATE ROLE \(SQLText.name(role)) LOGIN\(isSuperuser ? " SUPERUSER" : "")"
  }

  /// Whether a server keeps the name for roles of its own.
  public static func isReserved(role: String) -> Bool { role.utf8.starts(with: "pg_".utf8) }

  /// As the origin's would be, before anything was in it.
  public static func create(database: String) -> String {
    "CREATE DATABASE \(SQLText.name(database)) TEMPLATE template0"
  }

  public static func drop(database: String) -> String {
    "DROP DATABASE \(SQLText.name(database))"
  }

  /// A database's name for what has another one; a database that every cluster begins with has
  /// none to itself.
  public static func databaseName(of name: String) -> String {
    var cut = ""
    for scalar in name.unicodeScalars {
      guard cut.utf8.count + String(scalar).utf8.count <= nameByteCountMax else { break }
      cut.unicodeScalars.append(scalar)
    }
    return ["template0", "template1"].contains { cut.utf8.elementsEqual($0.utf8) }
      ? "\(cut)_restored" : cut
  }

  /// Who owns most of what was made in a database, but for the administrator.
  public static func mainOwner(besides administrator: String) -> String {
    """
    SELECT r.rolname FROM pg_catalog.pg_class c \
    JOIN pg_catalog.pg_roles r ON r.oid = c.relowner \
    WHERE c.oid >= 16384 AND c.relkind IN ('r', 'p', 'v', 'm', 'S', 'f') \
    AND r.rolname <> \(SQLText.text(administrator)) \
    GROUP BY r.rolname ORDER BY pg_catalog.count(*) DESC, r.rolname LIMIT 1
    """
  }

  public static func give(database: String, to role: String) -> String {
    "ALTER DATABASE \(SQLText.name(database)) OWNER TO \(SQLText.name(role))"
  }
}
