import Coppice
import Foundation
import Glibc
import TestSupport
import Testing

/// What a baseline is prepared with, by whom it is refreshed, and what refuses it.
@Suite(.enabled(if: ServedClusters.isPossible, "needs root, /dev/fuse and PostgreSQL 15"))
struct RefreshOptionsTests {
  private func add(_ origin: Origin, _ name: String, _ more: String...) -> [String] {
    ["baseline", "add", name, "--from", "postgres:\(origin.service)", "--fast-checkpoint"] + more
  }

  @Test func `statements, freezing and findings that are accepted`() throws {
    let origin = try Origin()
    for name in ["shop", "blog"] { try origin.sql("CREATE DATABASE \(name)") }
    let clusters = try origin.servedStore()
    let coppice = clusters.coppice
    try coppice.script(
      """
      echo 'CREATE TABLE done AS SELECT 1; CREATE TABLE then_that ();' > each.sql
      echo 'CREATE TABLE before (); SELECT 1/0' > bad.sql; printf 'a\\0b' > zero.sql
      echo "SELECT 'only here' AS v INTO shop" > shop.sql
      echo 'CREATE TABLE back (); ROLLBACK' > back.sql
      echo 'BEGIN; CREATE TABLE half (); ABORT; BEGIN' > half.sql
      """)
    let cases: [(words: [String], status: Int32, said: String)] = [
      (["--neutralise", "bad.sql"], 64, "division by zero"),
      (["--neutralise", "back.sql"], 64, "end their transaction"),
      (["--neutralise", "half.sql"], 64, "end their transaction"),
      (["--neutralise", "nowhere=each.sql"], 3, "no such database"),
      (["--neutralise", "nowhere.sql"], 3, "no such file"),
      (["--neutralise", "zero.sql"], 64, "UTF-8"),
      (["--freeze", "some"], 64, "auto, all or none"),
      (["--accept", "checksums-off"], 64, "no finding that can be accepted"),
      (["--accept", "TABLESPACES"], 64, "no finding that can be accepted"),
      (["--refresh", "3:00"], 64, "no time to refresh"), (["--refresh", "59s"], 64, "no time"),
      (["--max-rate", "31k"], 64, "no rate"), (["--max-rate", "1G"], 64, "from 32k to 1024M"),
    ]
    for (words, status, said) in cases {
      let refused = try coppice.failure(all: add(origin, "prod") + words)
      #expect(refused.status == status, "\(words): \(refused)")
      let text = "\(refused.message); \(refused.remedy)"
      #expect(text.contains(said), "\(words): \(refused)")
      #expect(try clusters.baseline() == nil && clusters.leftovers(besides: []) == [], "\(words)")
    }
    try coppice.program.check(
      add(origin, "prod", "--neutralise", "each.sql", "--neutralise", "shop=shop.sql"),
      in: coppice.folder.path)
    let (url, _) = try clusters.start("a", "--from", "prod@newest", "--superuser")
    for (database, tables) in [("shop", "3"), ("blog", "2"), ("postgres", "2")] {
      let other = url.replacing("/shop?", with: "/\(database)?").replacing(
        "/postgres?", with: "/\(database)?")
      let count = try clusters.sql(
        "SELECT count(*) FROM pg_tables WHERE schemaname = 'public'",
        try coppice.json("pg", "url", "a", "--database", database)["url"] as? String ?? other)
      #expect(count == "\(tables)\n", "\(database)")
    }
    try coppice.check("branch", "delete", "a")

    // Rows that only a superuser makes by hand.
    try origin.sql(
      """
      INSERT INTO pg_extension SELECT 99999, 'nowhere', 10, 2200, false, '1';
      CREATE COLLATION other (provider = icu, locale = 'de');
      CREATE TABLE texts (v text COLLATE other); CREATE INDEX ON texts (v);
      UPDATE pg_collation SET collversion = '1' WHERE collname = 'other'
      """)
    for (accepted, code) in [
      ([], "EXTENSION-MISSING"), (["--accept", "EXTENSION-MISSING"], "COLLATION-VERSION"),
    ] {
      let refused = try coppice.failure(all: add(origin, "more") + accepted)
      #expect(refused.status == 4 && refused.message.hasPrefix("\(code): "), "\(refused)")
      #expect(refused.object == "postgres" && refused.remedy.contains("--accept \(code)"))
      let kept = try coppice.failure("baseline", "refresh", "prod")
      #expect(kept.status == 4)
    }
    let both = ["--accept", "EXTENSION-MISSING", "--accept", "COLLATION-VERSION"]
    try coppice.program.check(add(origin, "more") + both, in: coppice.folder.path)
    let snapshots = try clusters.baseline("more")?["snapshots"] as? [[String: Any]]
    let preparation = snapshots?.first?["preparation"] as? [String: Any]
    #expect(preparation?["accepted"] as? [String] == ["EXTENSION-MISSING", "COLLATION-VERSION"])
    #expect(preparation?["isVerified"] as? Bool == true)
    // Nothing is transferred, and nothing made.
    let tried = try coppice.json(all: add(origin, "tried", "--dry-run"))
    let notes = tried["notes"] as? [String] ?? []
    #expect(notes.contains { $0.hasPrefix("EXTENSION-MISSING: ") }, "\(notes)")
    #expect(try clusters.baseline("tried") == nil)
    #expect(try clusters.leftovers(besides: ["prod", "more"]) == [])
  }

  @Test func `one at a time, by whom it is allowed, and only what is to be kept`() throws {
    let origin = try Origin()
    let clusters = try origin.servedStore()
    let coppice = clusters.coppice
    try coppice.script("echo 'SELECT pg_sleep(1)' > slow.sql")
    let slow = ["--neutralise", "postgres=slow.sql", "--keep-last", "2", "--class", "masked"]
    try coppice.program.check(add(origin, "prod") + slow, in: coppice.folder.path)
    // Its class is lower than the source's: that it is so somebody must say.
    #expect(try clusters.newest() == nil)
    let first = try #require(try clusters.lastRun()?["snapshot"] as? String)
    #expect(try clusters.lastRun()?["outcome"] as? String == "made")
    try coppice.check("baseline", "approve", first, "--attest", "slow.sql")
    #expect(try clusters.newest() == first)
    let running = try coppice.program.start(
      ["baseline", "refresh", "prod"], in: coppice.folder.path)
    try waitUntil { try clusters.lastRun()?["outcome"] as? String == "running" }
    #expect(try clusters.baseline()?["isRefreshing"] as? Bool == true)
    let second = try coppice.failure("baseline", "refresh", "prod")
    #expect(second.status == 5 && second.message.contains("running"), "\(second)")
    #expect(try running.wait().status == 0)
    for _ in 0..<2 {
      let made = try #require(
        try coppice.json("baseline", "refresh", "prod")["snapshot"] as? String)
      try coppice.check("baseline", "approve", made, "--attest", "slow.sql")
    }
    #expect(try clusters.baseline()?["snapshotCount"] as? Int == 2)
    #expect((try clusters.baseline()?["runs"] as? [Any])?.count == 4)
    // The work branch is somebody's at the moment.
    let (url, _) = try clusters.start("prod", "--superuser")
    #expect(try clusters.sql("SELECT 1", url) == "1\n")
    #expect(try coppice.failure("baseline", "refresh", "prod").status == 5)
    try coppice.check("pg", "stop", "prod")
    // What it was retired in the middle of is no snapshot of it.
    let late = try coppice.program.start(
      ["baseline", "refresh", "prod"], in: coppice.folder.path)
    try waitUntil { try clusters.lastRun()?["step"] as? String == "prepare: neutralise" }
    try coppice.check("baseline", "retire", "prod")
    let deletion = try coppice.failure("branch", "delete", "prod", "--snapshots", "--now")
    #expect(deletion.status == 5 && deletion.message.contains("refresh"), "\(deletion)")
    let ended = try late.wait()
    #expect(ended.status == 6 && ended.errors.contains("retired"), "\(ended.errors)")
    let retired = try coppice.failure("baseline", "refresh", "prod")
    #expect(retired.status == 6 && retired.message.contains("retired"), "\(retired)")
    #expect(try clusters.branchNames() == ["prod"])
    try coppice.check("check")
  }

  @Test func `a baseline that is due is refreshed by the server itself`() throws {
    let origin = try Origin()
    let clusters = try origin.servedStore()
    let coppice = clusters.coppice
    try coppice.program.check(add(origin, "prod", "--refresh", "6h"), in: coppice.folder.path)
    let newest = try clusters.newest()
    clusters.stop()
    // Seven hours later.
    let store = try Store.open(at: coppice.folder("store"))
    let key = "baseline/prod"
    let bytes = try #require(try store.setting(key))
    var setting = try #require(
      try JSONSerialization.jsonObject(with: Data(bytes)) as? [String: Any])
    var runs = try #require(setting["runs"] as? [[String: Any]])
    for index in runs.indices {
      let begun = try #require(runs[index]["startedNanoseconds"] as? Int)
      runs[index]["startedNanoseconds"] = begun - 7 * 3_600_000_000_000
    }
    setting["runs"] = runs
    try store.set(key, to: Array(try JSONSerialization.data(withJSONObject: setting)))
    try store.close()
    try clusters.start()
    try waitUntil { try clusters.newest() != newest }
    #expect(try clusters.lastRun()?["outcome"] as? String == "approved")
    #expect((try clusters.baseline()?["runs"] as? [Any])?.count == 2)
    #expect(clusters.server?.log.contains("failed") == false, "\(clusters.server?.log ?? "")")
  }
}
