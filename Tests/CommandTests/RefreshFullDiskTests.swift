import Foundation
import Glibc
import TestSupport
import Testing

/// A refresh for which there is no room.
@Suite(.enabled(if: ServedClusters.isPossible, "needs root, /dev/fuse and PostgreSQL 15"))
struct RefreshFullDiskTests {
  @Test func `a disk that is full in the middle costs the refresh, and nothing else`() throws {
    let origin = try Origin()
    try origin.sql("CREATE TABLE t (n int, v text)")
    try fill(origin)
    var coppice = try CoppiceCommand(makesStore: false)
    try coppice.script(
      """
      mkdir disk; truncate -s 400M image
      mkfs.ext4 -q -m 0 -O ^has_journal image; mount -o loop image disk
      """)
    defer { _ = try? Program("umount").run(["--lazy", coppice.folder("disk")]) }
    coppice.program.environment = origin.environment.merging(
      ["COPPICE_STORE": coppice.folder("disk/store")]) { $1 }
    try coppice.check("init")
    let clusters = try ServedClusters(of: coppice)
    defer { clusters.stop() }
    try coppice.check(
      "baseline", "add", "prod", "--from", "postgres:\(origin.service)", "--fast-checkpoint")
    let newest = try clusters.newest()
    try fill(origin)
    // Somebody else takes all but a little, and nothing is left to be reclaimed.
    try coppice.check("gc")
    try coppice.script(
      """
      free=$(df --output=avail -B1M disk | tail -1)
      head -c $((free - 4))M /dev/zero > disk/other
      """)
    let failed = try coppice.failure("baseline", "refresh", "prod")
    #expect(failed.status == 7, "\(failed)")
    #expect(try clusters.newest() == newest)
    let run = try clusters.lastRun()
    #expect(["failed", "running"].contains(run?["outcome"] as? String), "\(run ?? [:])")
    #expect(try clusters.leftovers(besides: ["prod"]) == [])
    #expect(
      try clusters.start("a", "--from", "prod@newest").answer["isRecovered"] as? Bool == false)
    try coppice.check("branch", "delete", "a")
    try coppice.script("rm disk/other")
    try coppice.check("gc")
    #expect(try coppice.json("baseline", "refresh", "prod")["outcome"] as? String == "approved")
    #expect(try clusters.newest() != newest)
    clusters.stop()
    #expect(try coppice("check").status == 0)
  }

  /// What does not get smaller.
  private func fill(_ origin: Origin) throws {
    try origin.sql(
      """
      TRUNCATE t; INSERT INTO t SELECT n, (SELECT string_agg(gen_random_uuid()::text, '') \
      FROM generate_series(1, 45 + n % 2)) FROM generate_series(1, 24000) n
      """)
  }
}
