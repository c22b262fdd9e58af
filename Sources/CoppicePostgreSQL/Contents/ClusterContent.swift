/// What a file of a data directory holds.
public enum ClusterContent: String, Hashable, Sendable, Codable, CaseIterable {
  /// Rows of tables, sequences among them.
  case heap
  /// Pieces of long values, where the first page shows that.
  case toast
  case index
  /// Where relations have room, and which of their pages everybody sees.
  case maps
  /// The write-ahead log.
  case wal
  /// Which transactions were committed, and who locked together.
  case transactionStatus
  /// What statements and sessions leave behind, and statistics.
  case temporary
  /// All else: configuration, control file, files of a server.
  case server

  /// By the names that lead to a file from the data directory, and its first page.
  public init(path: [String], head: [UInt8]) {
    let name = path.last ?? ""
    switch (path.first ?? "", path.count) {
    case _ where path.contains("pgsql_tmp"): self = .temporary
    case ("base", 3), ("global", 2), ("pg_tblspc", 5):
      self = Self.ofRelation(name, head)
    case ("pg_wal", _): self = .wal
    case ("pg_xact", _), ("pg_subtrans", _), ("pg_multixact", _), ("pg_commit_ts", _),
      ("pg_twophase", _):
      self = .transactionStatus
    case ("pg_stat", _), ("pg_stat_tmp", _), ("pg_notify", _), ("pg_serial", _),
      ("pg_snapshots", _), ("pg_dynshmem", _):
      self = .temporary
    default: self = .server
    }
  }

  private static func ofRelation(_ name: String, _ head: [UInt8]) -> ClusterContent {
    guard RelationFiles.number(ofFile: name) != nil else {
      return isTemporaryRelation(name) ? .temporary : .server
    }
    if name.contains("_fsm") || name.contains("_vm") { return .maps }
    // A page that is not yet written does not tell; most relations are tables.
    return RelationPage(head)?.content ?? .heap
  }

  /// A session's own tables have its number in front: `t3_16390`.
  private static func isTemporaryRelation(_ name: String) -> Bool {
    let words = name.split(separator: "_", maxSplits: 1)
    guard words.count == 2, words[0].first == "t" else { return false }
    return RelationFiles.number(words[0].dropFirst()) != nil
      && RelationFiles.number(ofFile: String(words[1])) != nil
  }
}
