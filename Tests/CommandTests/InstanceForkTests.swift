import Glibc
import TestSupport
import Testing

/// Forks of a database whose pages are being written.
@Suite(.enabled(if: ServedClusters.isPossible, "needs root, /dev/fuse and PostgreSQL 15"))
struct InstanceForkTests {
  private static let rowCount = 150_000
  private static let roundCount = 3
  private static let forkCount = 5

  /// The kernel hands pages on in parts that the checkpointer has not looked at before: after a
  /// restart that is all of them.
  @Test func `a fork in the middle of a checkpoint has each row once`() throws {
    // With checksums PostgreSQL writes a copy of the page, of its own memory.
    let clusters = try ServedClusters { server in
      try server.run("pg_checksums", ["--disable", "-D", "\(server.connection[1])/cluster"])
    }
    let coppice = clusters.coppice
    let (url, _) = try clusters.start(
      "a", "--from", "main", "--superuser", "--set", "shared_buffers=256MB", "--set",
      "autovacuum=off", "--set", "bgwriter_lru_maxpages=0", "--set", "max_wal_size=4GB")
    try clusters.sql(
      """
      CREATE TABLE t WITH (fillfactor = 45) AS
      SELECT n AS id, 0 AS v, repeat('x', 200) AS pad FROM generate_series(1, \(Self.rowCount)) n
      """, url)
    for round in 1...Self.roundCount {
      try coppice.check("pg", "restart", "a")
      try clusters.sql("UPDATE t SET v = v + 1", url)
      let checkpoint = try Program("/usr/bin/psql").start(["-Xq", url, "-c", "CHECKPOINT"])
      for fork in 0..<Self.forkCount {
        usleep(40_000)
        try coppice.check("snapshot", "create", "a@\(round)-\(fork)")
      }
      _ = try checkpoint.wait()
      for fork in 0..<Self.forkCount {
        let (other, _) = try clusters.start("f", "--from", "a@\(round)-\(fork)")
        let rows = "SELECT count(*), count(DISTINCT id), min(v), max(v) FROM t"
        #expect(
          try clusters.sql(rows, other)
            == "\(Self.rowCount)|\(Self.rowCount)|\(round)|\(round)\n")
        try coppice.check("branch", "delete", "f")
      }
    }
  }
}
