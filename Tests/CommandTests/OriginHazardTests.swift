import CoppicePlatform
import Foundation
import Glibc
import TestSupport
import Testing

/// Forks of a cluster that archives, replicates, subscribes and runs jobs: none of it acts in a
/// fork, and the origin is as it was.
@Suite(
  .enabled(
    if: ServedClusters.isPossible
      && access("/usr/share/postgresql/15/extension/pg_cron.control", F_OK) == 0,
    "needs root, /dev/fuse, PostgreSQL 15 and its pg_cron"))
struct OriginHazardTests {
  /// A port of this machine, and who came to it.
  private final class Listener {
    private let descriptor: Int32
    let port: UInt16

    init() throws {
      descriptor = socket(
        AF_INET,
        Int32(SOCK_STREAM.rawValue) | Int32(SOCK_NONBLOCK.rawValue)
          | Int32(SOCK_CLOEXEC.rawValue), 0)
      var address = sockaddr_in()
      address.sin_family = sa_family_t(AF_INET)
      address.sin_addr.s_addr = inet_addr("127.0.0.1")
      var size = socklen_t(MemoryLayout<sockaddr_in>.size)
      let file = descriptor
      let isBound = withUnsafeMutablePointer(to: &address) { address in
        address.withMemoryRebound(to: sockaddr.self, capacity: 1) {
          bind(file, $0, size) == 0 && listen(file, 64) == 0 && getsockname(file, $0, &size) == 0
        }
      }
      guard isBound else { throw Program.Failure(description: "no port: \(errno)") }
      port = UInt16(bigEndian: address.sin_port)
    }

    deinit { close(descriptor) }

    /// How many came since the last time.
    func takeCount() -> Int {
      var count = 0
      while case let connection = accept(descriptor, nil, nil), connection >= 0 {
        close(connection)
        count += 1
      }
      return count
    }
  }

  @Test(arguments: ["full", "user"])
  func `nothing that the origin does is done by a fork`(_ isolation: String) throws {
    let listener = try Listener()
    var archive = ""
    let clusters = try ServedClusters("--pg-isolation", isolation) { server in
      archive = try prepare(server, listener)
    }
    let coppice = clusters.coppice
    #expect(listener.takeCount() > 0, "the origin's subscription never came")
    try coppice.script("rm -f '\(archive)'/*")
    let slot = try coppice.check("cat", "main:pg_replslot/hot/state").output
    let (url, _) = try clusters.start("a", "--from", "main", "--superuser")
    #expect(try clusters.sql("SHOW shared_preload_libraries", url) == "pg_stat_statements\n")
    for _ in 0..<3 {
      try clusters.sql("CREATE TABLE t AS SELECT generate_series(1, 1000) AS n", url)
      try clusters.sql("SELECT pg_switch_wal()", url)
      try clusters.sql("DROP TABLE t; CHECKPOINT", url)
    }
    let workers = "SELECT DISTINCT backend_type FROM pg_stat_activity ORDER BY 1"
    let running = try clusters.sql(workers, url)
    #expect(!running.contains("pg_cron") && !running.contains("logical"), "\(running)")
    for worker in ["archiver", "walsender", "walreceiver"] {
      #expect(!running.contains(worker), "\(running)")
    }
    #expect(try clusters.sql("SELECT count(*) FROM pg_replication_slots", url) == "0\n")
    // More than the time after which a worker would try again.
    sleep(6)
    #expect(listener.takeCount() == 0)
    #expect(try HostDirectory(path: archive).names().isEmpty)
    #expect(try clusters.sql("SELECT count(*) FROM cron.job_run_details", url) == "0\n")
    if isolation == "full" {
      let reached = try Program("/usr/bin/psql").run([
        "-Xq", url, "-c", "SELECT dblink_connect('host=127.0.0.1 port=\(listener.port)')",
      ])
      #expect(reached.status != 0)
      #expect(listener.takeCount() == 0)
    }
    #expect(try coppice.check("cat", "main:pg_replslot/hot/state").output == slot)
  }

  /// Returns where it archives.
  private func prepare(_ server: PostgreSQL, _ listener: Listener) throws -> String {
    let folder = server.connection[1]
    let archive = "\(folder)/archive"
    guard mkdir(archive, 0o777) == 0, chmod(archive, 0o777) == 0 else {
      throw Program.Failure(description: "no archive: \(errno)")
    }
    try Program("/bin/sh").check([
      "-c",
      """
      cat >> '\(folder)/cluster/postgresql.conf' <<'E'
      wal_level = logical
      archive_mode = on
      archive_command = 'cp %p \(archive)/%f'
      shared_preload_libraries = 'pg_stat_statements,pg_cron'
      E
      """,
    ])
    try server.start("cluster")
    defer { server.stopAll() }
    try server.sql("CREATE EXTENSION pg_cron; CREATE EXTENSION dblink")
    try server.sql("SELECT cron.schedule('* * * * *', 'SELECT 1')")
    try server.sql("SELECT pg_create_logical_replication_slot('hot', 'test_decoding')")
    let address = "host=127.0.0.1 port=\(listener.port) dbname=x"
    try server.sql(
      "CREATE SUBSCRIPTION s CONNECTION '\(address)' PUBLICATION p WITH (connect = false)")
    try server.sql("ALTER SUBSCRIPTION s ENABLE")
    try server.sql("SELECT pg_switch_wal()")
    let clock = SystemClock()
    let deadline = clock.monotonicNanoseconds() + 10_000_000_000
    // The subscription comes, and a segment is archived.
    while try HostDirectory(path: archive).names().isEmpty,
      clock.monotonicNanoseconds() < deadline
    {
      usleep(50_000)
    }
    #expect(try !HostDirectory(path: archive).names().isEmpty)
    sleep(1)
    return archive
  }
}
