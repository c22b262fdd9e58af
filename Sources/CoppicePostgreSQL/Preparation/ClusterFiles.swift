/// The files of a data directory that a copy of it works with, by their names in it. Whatever else
/// lies there is its origin's: configuration with addresses and passwords, keys, logs, files of
/// processes, traces of backups.
public enum ClusterFiles {
  /// What a server itself makes and needs.
  private static let kept: Set<String> = [
    "PG_VERSION", "base", "global", "pg_commit_ts", "pg_dynshmem", "pg_logical", "pg_multixact",
    "pg_notify", "pg_replslot", "pg_serial", "pg_snapshots", "pg_stat", "pg_stat_tmp",
    "pg_subtrans", "pg_tblspc", "pg_twophase", "pg_wal", "pg_xact",
  ]
  /// What tells a server where to begin with the log of a backup.
  private static let labels: Set<String> = ["backup_label", "tablespace_map"]
  /// Directories whose content is no more than a running server's, or others' hold on it.
  public static let emptied = [
    "pg_dynshmem", "pg_notify", "pg_replslot", "pg_serial", "pg_snapshots", "pg_stat",
    "pg_stat_tmp",
  ]

  /// Whether a file of the data directory stays.
  ///
  /// - Parameter isRecovered: whether a server has worked on the copy: then labels of backups go.
  public static func isKept(_ name: String, isRecovered: Bool) -> Bool {
    kept.contains(name) || !isRecovered && labels.contains(name)
  }
}
