/// The settings of the server that last worked on a cluster, as its control file keeps them: what
/// its log may hold, and how much a server that replays it must have room for.
public struct RecoveryLimits: Hashable, Sendable {
  /// How much the log tells (`wal_level`).
  public enum LogLevel: UInt32, Hashable, Sendable, CaseIterable {
    case minimal, replica, logical
  }

  public var logLevel: LogLevel
  /// Whether changes of hint bits are logged (`wal_log_hints`).
  public var logsHints: Bool
  /// `max_connections`
  public var connectionCountMax: Int
  /// `max_worker_processes`
  public var workerCountMax: Int
  /// `max_wal_senders`
  public var senderCountMax: Int
  /// `max_prepared_transactions`
  public var preparedTransactionCountMax: Int
  /// `max_locks_per_transaction`
  public var lockCountMax: Int
  /// Whether the times of commits are kept (`track_commit_timestamp`).
  public var keepsCommitTimes: Bool

  /// Those of a server with the settings that PostgreSQL comes with.
  public static let usual = RecoveryLimits(
    logLevel: .replica, logsHints: false, connectionCountMax: 100, workerCountMax: 8,
    senderCountMax: 10, preparedTransactionCountMax: 0, lockCountMax: 64, keepsCommitTimes: false)

  public init(
    logLevel: LogLevel, logsHints: Bool, connectionCountMax: Int, workerCountMax: Int,
    senderCountMax: Int, preparedTransactionCountMax: Int, lockCountMax: Int,
    keepsCommitTimes: Bool
  ) {
    self.logLevel = logLevel
    self.logsHints = logsHints
    self.connectionCountMax = connectionCountMax
    self.workerCountMax = workerCountMax
    self.senderCountMax = senderCountMax
    self.preparedTransactionCountMax = preparedTransactionCountMax
    self.lockCountMax = lockCountMax
    self.keepsCommitTimes = keepsCommitTimes
  }
}
