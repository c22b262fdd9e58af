import Foundation
import Glibc
import TestSupport
import Testing

/// Baselines that are brought up to date from files, branches and commands.
@Suite(.enabled(if: ServedClusters.isPossible, "needs root, /dev/fuse and PostgreSQL 15"))
struct RefreshSourceTests {
  @Test func `directories, archives and branches are sources that are read anew`() throws {
    let origin = try Origin()
    try origin.sql("CREATE TABLE t AS SELECT generate_series(1, 1000) AS n")
    origin.server.stopAll()
    let clusters = try origin.servedStore()
    let coppice = clusters.coppice
    func archive() throws { try Program("tar").check(["-C", origin.data, "-cf", tar, "."]) }
    let tar = coppice.folder("cluster.tar")
    try archive()
    try coppice.check("import", origin.data, "main")
    try coppice.check("baseline", "add", "files", "--from", "directory:\(origin.data)")
    try coppice.check("baseline", "add", "archive", "--from", "tar:\(tar)")
    try coppice.check("baseline", "add", "fork", "--from", "branch:main")
    try coppice.check("baseline", "add", "main", "--from", "branch:main")
    try coppice.check(
      "baseline", "add", "copy", "--from", "branch:main", "--class", "none")
    let names = ["files", "archive", "fork", "main", "copy"]
    for name in names { try refresh(clusters, name, "1000") }
    // What somebody wrote into a branch that is its own source stays.
    try coppice.check("put", "main:note", input: "/etc/hostname")
    try origin.server.start(origin.name)
    try origin.sql("INSERT INTO t VALUES (0)")
    let refused = try coppice.failure("baseline", "refresh", "files")
    #expect(refused.status == 5 && refused.message.contains("server works on it"))
    #expect(refused.object == origin.data && refused.remedy.contains("postgres:SERVICE"))
    let run = try clusters.lastRun("files")
    #expect(run?["step"] as? String == "check" && run?["outcome"] as? String == "failed")
    #expect(run?["message"] as? String == refused.message)
    origin.server.stopAll()
    try archive()
    try coppice.check("import", "--replace", origin.data, "main")
    try coppice.check("put", "main:note", input: "/etc/hostname")
    for name in names { try refresh(clusters, name, "1001") }
    #expect(try coppice("ls", "main:note").status == 0)
    #expect(try coppice.failure("ls", "main@newest:note").status == 3)
    #expect(try clusters.leftovers(besides: names) == [])
    #expect(try clusters.baseline("copy")?["class"] as? String == "none")
  }

  private func refresh(_ clusters: ServedClusters, _ name: String, _ count: String) throws {
    let report = try clusters.coppice.json("baseline", "refresh", name)
    // Of a class that is lower than its source's somebody must say that it is.
    let snapshot = try #require(report["snapshot"] as? String)
    if name == "copy" {
      #expect(report["outcome"] as? String == "made")
      #expect(try clusters.newest(name) != snapshot)
      try clusters.coppice.check("baseline", "approve", snapshot, "--attest", "/etc/hostname")
    }
    #expect(try clusters.newest(name) == snapshot, "\(name)")
    let (url, answer) = try clusters.start("a", "--from", "\(name)@newest", "--superuser")
    #expect(answer["isRecovered"] as? Bool == false, "\(name)")
    #expect(try clusters.sql("SELECT count(*) FROM t", url) == "\(count)\n", "\(name)")
    try clusters.coppice.check("branch", "delete", "a")
  }

  @Test func `what is no cluster for this machine is refused, and nothing is kept of it`() throws {
    let origin = try Origin()
    origin.server.stopAll()
    let clusters = try origin.servedStore()
    let coppice = clusters.coppice
    func add(_ name: String) throws {
      try coppice.script("rm -rf source; mkdir source; cp -a '\(origin.data)' source/a")
      try coppice.check("baseline", "add", name, "--from", "directory:source")
    }
    try add("prod")
    try coppice.check("baseline", "refresh", "prod")
    let newest = try clusters.newest()
    let cases: [(change: String, status: Int32, said: String)] = [
      ("cp -a source/a source/b", 4, "2 data directories"),
      ("rm -r source/a/global", 3, "no data directory"),
      ("rm -r source/a", 3, "no data directory"),
      ("printf 13 > source/a/PG_VERSION", 9, "13"),
      ("ln -s /etc source/a/pg_tblspc/1", 6, "leads to /etc"),
      ("mv source/a/pg_wal .; ln -s '\(coppice.folder.path)/pg_wal' source/a/pg_wal", 6, "pg_wal"),
      ("truncate -s 100 source/a/global/pg_control", 8, "too few"),
      ("rm source/a/base/1/1259", 75, "could not open"),
    ]
    for (change, status, said) in cases {
      try coppice.script("rm -rf source pg_wal; mkdir source; cp -a '\(origin.data)' source/a")
      try coppice.script(change)
      let refused = try coppice.failure("baseline", "refresh", "prod")
      #expect(refused.status == status, "\(change): \(refused)")
      #expect(refused.message.contains(said), "\(change): \(refused)")
      #expect(!refused.remedy.isEmpty, "\(change): \(refused)")
      #expect(try clusters.newest() == newest)
      #expect(try clusters.leftovers(besides: ["prod"]) == [], "\(change)")
    }
    let file = "source/a/global/pg_control"
    for (offset, value, said) in [
      (216, UInt32(16384), "blocks of 16384"), (8, UInt32(1300).byteSwapped, "byte order"),
      (204, UInt32(4), "another way"), (228, UInt32(3 << 20), "log files of"),
      (16, UInt32(99), "none"),
    ] {
      try coppice.script("rm -rf source; mkdir source; cp -a '\(origin.data)' source/a")
      var control = SampleControlFile(version: 1300)
      control.bytes = try TemporaryFolder.bytes(of: coppice.folder(file))
      control.set(offset, value)
      control.seal()
      try coppice.folder.write(file, control.bytes)
      let refused = try coppice.failure("baseline", "refresh", "prod")
      #expect([8, 9].contains(refused.status) && refused.message.contains(said), "\(refused)")
    }
    #expect(try clusters.newest() == newest)
  }

  @Test func `a command fills a directory, with the tablespaces in it`() throws {
    let origin = try Origin()
    try Program("sh").check([
      "-c", "mkdir '\(origin.folder.path)/space'; chown postgres: '\(origin.folder.path)/space'",
    ])
    try origin.sql("CREATE TABLESPACE apart LOCATION '\(origin.folder.path)/space'")
    try origin.sql("CREATE TABLE t TABLESPACE apart AS SELECT generate_series(1, 1000) AS n")
    let clusters = try origin.servedStore()
    let coppice = clusters.coppice
    let refused = try coppice.failure(
      "baseline", "add", "prod", "--from", "postgres:\(origin.service)")
    #expect(refused.status == 4 && refused.message.hasPrefix("TABLESPACES: "), "\(refused)")
    #expect(refused.message.contains("apart") && refused.remedy.contains("%d"), "\(refused)")
    #expect(try clusters.baseline() == nil)
    #expect(try clusters.branchNames() == [])
    origin.server.stopAll()
    let (data, space) = (origin.data, "\(origin.folder.path)/space")
    // Twice into the same place, so that what is gone goes.
    let command = """
      rsync -a --delete --exclude pg_tblspc/* '\(data)/' %d/data/ && \
      rsync -a --delete '\(space)/' %d/space/ && for l in '\(data)'/pg_tblspc/*; do \
      ln -sfn ../../space %d/data/pg_tblspc/$(basename $l); done; \
      echo %d >> '\(origin.folder.path)/places'
      """
    let unreadable = try coppice.failure(
      "baseline", "add", "prod", "--from", "command:echo no such luck >&2; exit 3; : %d")
    #expect(unreadable.status == 75 && unreadable.message.contains("no such luck"))
    #expect(try clusters.leftovers(besides: []) == [])
    try coppice.check("baseline", "add", "prod", "--from", "command:\(command)")
    try verify(clusters, "1000")
    try origin.server.start(origin.name)
    try origin.sql("INSERT INTO t VALUES (0)")
    origin.server.stopAll()
    try coppice.check("baseline", "refresh", "prod")
    try verify(clusters, "1001")
    // Links that name the directory's own place follow to branches.
    let absolute = command.replacing("ln -sfn ../../space", with: "ln -sfn %d/space")
    try coppice.check("baseline", "add", "other", "--from", "command:\(absolute)")
    try verify(clusters, "1001", "other")
    try coppice.check("baseline", "refresh", "other")
    try verify(clusters, "1001", "other")
    // What a command leaves running never reaches what a later one fills.
    let places = try String(contentsOfFile: origin.folder("places"), encoding: .utf8)
      .split(separator: "\n")
    #expect(places.count == 4 && Set(places).count == 4, "\(places)")
  }

  private func verify(
    _ clusters: ServedClusters, _ count: String, _ name: String = "prod"
  ) throws {
    for branch in ["a", "b"] {
      let (url, answer) = try clusters.start(branch, "--from", "\(name)@newest", "--superuser")
      #expect(answer["isRecovered"] as? Bool == false, "\(name)")
      #expect(try clusters.sql("SELECT count(*) FROM t", url) == "\(count)\n", "\(name)")
      try clusters.sql("INSERT INTO t SELECT generate_series(1, 10)", url)
      let path = try clusters.sql("SELECT pg_relation_filepath('t')", url)
      #expect(path.hasPrefix("pg_tblspc/"))
    }
    for branch in ["a", "b"] { try clusters.coppice.check("branch", "delete", branch) }
  }
}
