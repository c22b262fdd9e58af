import Foundation
import Glibc
import TestSupport
import Testing

/// Baselines of a standby, and of servers on which nothing happens.
@Suite(.enabled(if: ServedClusters.isPossible, "needs root, /dev/fuse and PostgreSQL 15"))
struct RefreshStandbyTests {
  @Test func `a baseline of a standby is one, busy, idle, and when it is no standby any more`()
    throws
  {
    let primary = try Origin("wal_level = replica")
    try primary.fillForLoad()
    let standby = try Origin(standbyOf: primary)
    let clusters = try primary.servedStore()
    let load = try primary.load(seconds: 60)
    try add("busy", standby, clusters)
    load.send(signal: SIGINT)
    _ = try load.wait()
    try catchUp(standby, primary)
    // Its last restart point is a while ago, and nothing is written.
    try add("idle", standby, clusters)
    try verify(clusters, "idle", isLike: standby)
    try clusters.coppice.check("baseline", "refresh", "idle")
    // On a primary as well.
    try primary.sql("CHECKPOINT")
    try primary.sql("SELECT pg_switch_wal()")
    try add("quiet", primary, clusters)
    try verify(clusters, "quiet", isLike: primary)
    try clusters.coppice.check("baseline", "refresh", "quiet")

    try standby.sql("SELECT pg_promote()")
    try standby.sql("DELETE FROM pgbench_history WHERE tid % 2 = 0; CREATE TABLE own (n int)")
    // Its files are of both timelines.
    try clusters.coppice.check("baseline", "refresh", "idle")
    try verify(clusters, "idle", isLike: standby)
    try standby.sql("CHECKPOINT")
    try clusters.coppice.check("baseline", "refresh", "idle")
    #expect(try clusters.leftovers(besides: ["busy", "idle", "quiet"]) == [])
    let timelines = try (clusters.baseline("idle")?["snapshots"] as? [[String: Any]] ?? [])
      .compactMap { ($0["preparation"] as? [String: Any])?["timeline"] as? Int }
    #expect(timelines == [1, 1, 2, 2])
    try verify(clusters, "busy", isLike: nil)
  }

  private func add(_ name: String, _ origin: Origin, _ clusters: ServedClusters) throws {
    try clusters.coppice.check(
      "baseline", "add", name, "--from", "postgres:\(origin.service)", "--fast-checkpoint")
  }

  private func catchUp(_ standby: Origin, _ primary: Origin) throws {
    let position = try primary.sql("SELECT pg_current_wal_lsn()").dropLast()
    try waitUntil {
      try standby.sql("SELECT pg_last_wal_replay_lsn() >= '\(position)'") == "t\n"
    }
  }

  private func verify(
    _ clusters: ServedClusters, _ baseline: String, isLike origin: Origin?
  ) throws {
    let (url, answer) = try clusters.start("a", "--from", "\(baseline)@newest", "--superuser")
    #expect(answer["isRecovered"] as? Bool == false, "\(baseline)")
    let rows = "SELECT count(*), sum(delta) FROM pgbench_history"
    if let origin {
      #expect(try clusters.sql(rows, url) == origin.sql(rows), "\(baseline)")
    } else {
      #expect(try clusters.sql(pgbenchSums, url) == "t\n", "\(baseline)")
    }
    try Program("\(PostgreSQL.programs)/pg_amcheck").check(["--install-missing", url])
    try clusters.coppice.check("branch", "delete", "a")
  }
}
