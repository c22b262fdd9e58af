/// The files of a data directory that a copy of it works with, by their names. Whatever else lies
/// there is its origin's: configuration with addresses and passwords, keys, logs, files of
/// processes, traces of backups, tables that nobody knows any more.
public enum ClusterFiles {
  /// What becomes of a file in a copy.
  public enum Fate: Hashable, Sendable {
    case kept
    /// A server's own that means nothing in a copy: it goes, with all below it.
    case dropped
    /// Of no use to a server: likewise.
    case foreign
  }

  /// Directories whose content is no more than a running server's, or others' hold on it.
  public static let emptied: Set<String> = [
    "pg_dynshmem", "pg_notify", "pg_replslot", "pg_serial", "pg_snapshots", "pg_stat",
    "pg_stat_tmp", "pg_wal/archive_status", "pg_logical/mappings", "pg_logical/snapshots",
  ]
  /// Directories of which something is kept.
  private static let directories: Set<String> = [
    "base", "global", "pg_commit_ts", "pg_logical", "pg_multixact", "pg_multixact/members",
    "pg_multixact/offsets", "pg_subtrans", "pg_tblspc", "pg_twophase", "pg_wal", "pg_xact",
  ]
  /// What tells a server where to begin with the log of a backup.
  private static let labels: Set<String> = ["backup_label", "tablespace_map"]
  /// What else than relations a database has. A server writes the last anew when it starts: a
  /// branch has less to store of it where the snapshot has one.
  private static let databaseFiles: Set<String> = ["pg_filenode.map", "pg_internal.init"]

  /// What becomes of a file or directory.
  ///
  /// - Parameters:
  ///   - path: the names that lead to it from the data directory; those before the last are of
  ///     directories that are kept.
  ///   - relations: the numbers of the cluster's relations, once a server has worked on the copy:
  ///     files of others go then, and labels of backups.
  public static func fate(
    of path: [String], isDirectory: Bool, _ relations: RelationFiles?
  ) -> Fate {
    let joined = path.joined(separator: "/")
    if emptied.contains(path.dropLast().joined(separator: "/")) { return .dropped }
    if isDirectory {
      if directories.contains(joined) || emptied.contains(joined) { return .kept }
      guard path.count == 2, path[0] == "base", let number = RelationFiles.number(path[1]) else {
        return .foreign
      }
      return relations?.hasDatabase(number) ?? true ? .kept : .foreign
    }
    guard let name = path.last, let place = path.dropLast().first else {
      return joined == "PG_VERSION" || relations == nil && labels.contains(joined)
        ? .kept : .foreign
    }
    let isKept =
      switch (place, path.count) {
      case ("global", 2):
        name == "pg_control" || databaseFiles.contains(name)
          || RelationFiles.number(ofFile: name).map { relations?.isShared($0) ?? true } ?? false
      case ("base", 3):
        name == "PG_VERSION" || databaseFiles.contains(name)
          || RelationFiles.number(ofFile: name).map { number in
            relations?.has(number, inDatabase: RelationFiles.number(path[1]) ?? 0) ?? true
          } ?? false
      case ("pg_wal", 2): LogSegment.finishedName(name) == name
      case ("pg_tblspc", 2): RelationFiles.number(name) != nil
      case ("pg_logical", 2): name == "replorigin_checkpoint"
      case ("pg_xact", 2), ("pg_commit_ts", 2), ("pg_subtrans", 2), ("pg_twophase", 2),
        ("pg_multixact", 3):
        isPageNumber(name)
      default: false
      }
    return isKept ? .kept : .foreign
  }

  /// Whether servers name a file of consecutive pages so: in hexadecimal digits.
  private static func isPageNumber(_ name: String) -> Bool {
    4...16 ~= name.utf8.count && name.utf8.allSatisfy { 48...57 ~= $0 || 65...70 ~= $0 }
  }
}

/// Which numbers the files of a cluster's relations have: tables, indexes, sequences.
public struct RelationFiles: Hashable, Sendable {
  private var shared: Set<UInt32> = []
  /// By the database's own number; `nil` for one that nobody asked.
  private var own: [UInt32: Set<UInt32>?] = [:]

  /// All databases: their numbers and names.
  public static let databases =
    "SELECT oid, datname FROM pg_catalog.pg_database ORDER BY oid"

  /// Of the database that is asked: whether it is all databases', and its number.
  public static let statement = """
    SELECT c.relisshared, pg_catalog.pg_relation_filenode(c.oid) FROM pg_catalog.pg_class c \
    WHERE pg_catalog.pg_relation_filenode(c.oid) IS NOT NULL
    """

  public init() {}

  /// Notes a database.
  ///
  /// - Parameter rows: what the statement returns in it; `nil` for one that is not asked, whose
  ///   files all stay.
  public mutating func add(database: UInt32, _ rows: [[String?]]?) {
    guard let rows else { return own[database] = .some(nil) }
    var numbers: Set<UInt32> = []
    for row in rows where row.count == 2 {
      guard let number = row[1].flatMap({ UInt32($0) }) else { continue }
      if row[0] == "t" { shared.insert(number) } else { numbers.insert(number) }
    }
    own[database] = numbers
  }

  func hasDatabase(_ number: UInt32) -> Bool { own.keys.contains(number) }
  func isShared(_ number: UInt32) -> Bool { shared.contains(number) }
  func has(_ number: UInt32, inDatabase database: UInt32) -> Bool {
    guard let known = own[database] else { return false }
    return known?.contains(number) ?? true
  }

  /// `nil` for what is no number as servers write it.
  static func number(_ text: some StringProtocol) -> UInt32? {
    guard let number = UInt32(text), "\(number)" == text else { return nil }
    return number
  }

  /// The relation's number of `16384`, `16384_fsm` and `16384.1`; `nil` for other names.
  static func number(ofFile name: String) -> UInt32? {
    let parts = name.split(separator: ".", omittingEmptySubsequences: false)
    guard parts.count <= 2, let stem = parts.first,
      parts.count == 1 || number(parts[1]) ?? 0 > 0
    else { return nil }
    let words = stem.split(separator: "_", omittingEmptySubsequences: false)
    guard words.count <= 2, words.count == 1 || ["fsm", "vm", "init"].contains(words[1]) else {
      return nil
    }
    return number(words[0])
  }
}
