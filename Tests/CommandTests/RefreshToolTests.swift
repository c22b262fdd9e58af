import Foundation
import Glibc
import TestSupport
import Testing

/// Baselines that backup tools restore, without any load on the origin.
@Suite(
  .enabled(
    if: ServedClusters.isPossible && Program("pgbackrest").isInstalled
      && Program("barman").isInstalled,
    "needs root, /dev/fuse, PostgreSQL 15, pgbackrest and barman"))
struct RefreshToolTests {
  private static let asPostgres =
    "setpriv --reuid=postgres --regid=postgres --clear-groups env HOME=/tmp "

  @Test func `pgbackrest restores a baseline, and only what changed the next time`() throws {
    let origin = try Origin("archive_mode = on")
    let (folder, file) = (origin.folder.path, origin.folder("pgbackrest.conf"))
    // Without the log in the backup a server would have to fetch it.
    try write(
      """
      [global]
      repo1-path=\(folder)/repo
      repo1-retention-full=9
      log-level-file=off
      lock-path=\(folder)/lock
      archive-copy=y
      start-fast=y
      [s]
      pg1-path=\(origin.data)
      pg1-socket-path=\(folder)
      pg1-port=\(origin.server.port)

      """, to: file)
    let tool = "pgbackrest --config=\(file) --stanza=s"
    try origin.sql("ALTER SYSTEM SET archive_command = '\(tool) archive-push %p'")
    try origin.sql("SELECT pg_reload_conf()")
    try origin.sql("CREATE TABLE t AS SELECT generate_series(1, 1000) AS n")
    try shell("\(Self.asPostgres) \(tool) stanza-create", origin)
    try shell("\(Self.asPostgres) \(tool) backup", origin)
    let clusters = try origin.servedStore()
    let command = "\(tool) --lock-path=\(folder)/other --pg1-path=%d --delta restore"
    try clusters.coppice.check("baseline", "add", "prod", "--from", "command:\(command)")
    try verify(clusters, "1000")
    try origin.sql("INSERT INTO t VALUES (0)")
    try shell("\(Self.asPostgres) \(tool) --type=incr backup", origin)
    let report = try clusters.coppice.json("baseline", "refresh", "prod")
    #expect(report["outcome"] as? String == "approved")
    try verify(clusters, "1001")
    #expect(try clusters.leftovers(besides: ["prod"]) == [])
    // A tool that fails says why.
    let newest = try clusters.newest()
    try shell("mv '\(folder)/repo' '\(folder)/away'", origin)
    let failed = try clusters.coppice.failure("baseline", "refresh", "prod")
    #expect(failed.status == 75 && failed.message.contains("ERROR"), "\(failed)")
    #expect(try clusters.newest() == newest)
  }

  @Test func `barman restores a baseline`() throws {
    let origin = try Origin()
    let (folder, file) = (origin.folder.path, origin.folder("barman.conf"))
    let place = "host=\(folder) port=\(origin.server.port) user=postgres dbname=postgres"
    try write(
      """
      [barman]
      barman_user=root
      barman_home=\(folder)/barman
      log_file=\(folder)/barman.log
      [s]
      description=s
      conninfo=\(place)
      streaming_conninfo=\(place)
      backup_method=postgres
      streaming_archiver=on
      slot_name=barman
      create_slot=auto
      path_prefix=\(PostgreSQL.programs)

      """, to: file)
    try origin.sql("CREATE TABLE t AS SELECT generate_series(1, 1000) AS n")
    try shell("mkdir -p barman/s; barman -c '\(file)' receive-wal --create-slot s", origin)
    let receiver = try Program("barman").start(["-c", file, "receive-wal", "s"])
    defer {
      _ = try? Program("barman").run(["-c", file, "receive-wal", "--stop", "s"])
      _ = try? receiver.wait()
    }
    try waitUntil {
      try origin.sql("SELECT active FROM pg_replication_slots WHERE slot_name = 'barman'") == "t\n"
    }
    try shell(
      """
      barman -c '\(file)' switch-wal --force --archive --archive-timeout 30 s
      barman -c '\(file)' backup --wait --immediate-checkpoint s
      """, origin)
    let clusters = try origin.servedStore()
    let command = "barman -c '\(file)' recover s latest %d"
    try clusters.coppice.check("baseline", "add", "prod", "--from", "command:\(command)")
    try verify(clusters, "1000")
    #expect(try clusters.leftovers(besides: ["prod"]) == [])
  }

  private func write(_ text: String, to file: String) throws {
    try Data(text.utf8).write(to: URL(fileURLWithPath: file))
    guard chmod(file, 0o644) == 0 else { throw Program.Failure(description: "chmod: \(errno)") }
  }

  private func shell(_ text: String, _ origin: Origin) throws {
    try Program("bash").check(["-euc", text], in: origin.folder.path)
  }

  private func verify(_ clusters: ServedClusters, _ count: String) throws {
    let (url, answer) = try clusters.start("a", "--from", "prod@newest", "--superuser")
    #expect(answer["isRecovered"] as? Bool == false)
    #expect(try clusters.sql("SELECT count(*) FROM t", url) == "\(count)\n")
    try clusters.coppice.check("branch", "delete", "a")
  }
}
