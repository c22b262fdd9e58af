import CoppicePlatform
import Glibc
import TestSupport
import Testing

@Suite(.enabled(if: ServedClusters.isPossible, "needs root, /dev/fuse and PostgreSQL 15"))
struct InstanceCommandTests {
  @Test func `a branch and its server are made by one command, and reached by one address`()
    throws
  {
    let clusters = try ServedClusters()
    let coppice = clusters.coppice
    let (url, answer) = try clusters.start("pr-42", "--from", "main", "--ttl", "3d")
    #expect(answer["isNew"] as? Bool == true && answer["state"] as? String == "running")
    #expect(answer["expiresAt"] as? String != nil)
    #expect(try clusters.sql("SHOW archive_mode", url) == "off\n")
    try clusters.sql("CREATE TABLE t AS SELECT 1 AS n", url)
    // The same once more changes nothing, and says the same.
    let again = try clusters.start("pr-42", "--from", "main", "--ttl", "3d")
    #expect(again.url == url && again.answer["isNew"] as? Bool == false)
    // Another branch has another address and password, and none of the table.
    let other = try clusters.start("pr-43", "--from", "main")
    #expect(try clusters.sql("SELECT to_regclass('t') IS NULL", other.url) == "t\n")
    // No other user of the machine reads its files.
    let status = try HostDirectory(path: clusters.mount).status(of: Array("pr-42".utf8))
    #expect(status.user >= 700_000 && status.permissions & 0o077 == 0)
    let list = try coppice.json("pg", "list")
    #expect((list["instances"] as? [Any])?.count == 2)
    try coppice.check("pg", "stop", "pr-42")
    let refused = try Program("/usr/bin/psql").run(["-X", url, "-c", "SELECT 1"])
    #expect(refused.status == 2 && refused.errors.contains("coppice pg start pr-42"))
    #expect(try clusters.start("pr-42").url == url)
    #expect(try clusters.sql("SELECT n FROM t", url) == "1\n")
  }

  @Test func `instances that shall run come back with the server, whatever ended it`() throws {
    let clusters = try ServedClusters()
    let (url, _) = try clusters.start("a", "--from", "main")
    let stopped = try clusters.start("b", "--from", "main")
    try clusters.coppice.check("pg", "stop", "b")
    try clusters.sql("CREATE TABLE t AS SELECT generate_series(1, 1000) AS n", url)
    for isKilled in [false, true] {
      if isKilled { try clusters.kill() } else { clusters.stop() }
      try clusters.start()
      try waitUntil { try clusters.state(of: "a") == "running" }
      #expect(try clusters.sql("SELECT count(*) FROM t", url) == "1000\n")
      #expect(try clusters.state(of: "b") == "stopped")
      #expect(try Program("/usr/bin/psql").run(["-X", stopped.url, "-c", ""]).status == 2)
    }
  }

  @Test func `a reset, a rename and a deletion take the instance along`() throws {
    let clusters = try ServedClusters()
    let coppice = clusters.coppice
    let (url, _) = try clusters.start("a", "--from", "main")
    try clusters.sql("CREATE TABLE t AS SELECT 1 AS n", url)
    try coppice.check("branch", "reset", "a", "--to", "main")
    #expect(try clusters.sql("SELECT to_regclass('t') IS NULL", url) == "t\n")
    try coppice.check("branch", "rename", "a", "b")
    #expect(try clusters.sql("SELECT 1", url) == "1\n")
    #expect(try coppice("pg", "url", "a").status == 3)
    try coppice.check("branch", "delete", "b")
    #expect(try Program("/usr/bin/psql").run(["-X", url, "-c", ""]).status == 2)
    #expect(try coppice.json("pg", "list")["instances"] as? [String] == [])
  }

  @Test func `a server that is killed is started again, three times at most`() throws {
    let clusters = try ServedClusters()
    let (url, _) = try clusters.start("a", "--from", "main")
    for _ in 0..<3 {
      try clusters.killServer(of: "a")
      try waitUntil { try clusters.state(of: "a") == "running" }
      #expect(try clusters.sql("SELECT 1", url) == "1\n")
    }
    try clusters.killServer(of: "a")
    try waitUntil { try clusters.state(of: "a") == "failed" }
    #expect(try clusters.start("a").url == url)
  }

  @Test func `settings are given, kept and refused`() throws {
    let clusters = try ServedClusters()
    let coppice = clusters.coppice
    let (url, _) = try clusters.start("a", "--from", "main", "--set", "work_mem=7MB")
    #expect(try clusters.sql("SHOW work_mem", url) == "7MB\n")
    try coppice.check("pg", "set", "a", "application_name=x'y\\z", "--unset", "work_mem")
    #expect(try clusters.sql("SHOW work_mem", url) == "4MB\n")
    let fence = try coppice.failure("pg", "set", "a", "archive_mode=on")
    #expect(fence.status == 6)
    for bad in ["no_such_setting=1", "max_connections=many", "work_mem=1\n2", "=1", "work_mem"] {
      #expect(try coppice.failure("pg", "set", "a", bad).status == 64, "\(bad)")
    }
    // None of it touched the server.
    #expect(try clusters.sql("SELECT 1", url) == "1\n")
    let much = try coppice.failure("pg", "set", "a", "work_mem=much")
    #expect(much.status == 64 && much.message.contains("work_mem"))
    #expect(try clusters.sql("SHOW work_mem", url) == "4MB\n")
  }

  @Test func `a superuser leads nobody to another server by a link in place of his socket`()
    throws
  {
    let clusters = try ServedClusters()
    let (victim, _) = try clusters.start("victim", "--from", "main")
    try clusters.sql("CREATE TABLE secret AS SELECT 4711 AS n", victim)
    let (evil, _) = try clusters.start("evil", "--from", "main")
    let path =
      "current_setting('unix_socket_directories') || '/.s.PGSQL.' || current_setting('port')"
    let (own, other) = (
      try clusters.sql("SELECT \(path)", evil).dropLast(),
      try clusters.sql("SELECT \(path)", victim).dropLast()
    )
    try clusters.sql(
      "COPY (SELECT 1) TO PROGRAM 'mv \(own) \(own).real; ln -s \(other) \(own)'", evil)
    let led = try Program("/usr/bin/psql").run(["-XAt", evil, "-c", "TABLE secret"])
    #expect(led.status == 2 && !led.text.contains("4711"), "\(led.errors)")
    #expect(led.errors.contains("takes no connections"))
    _ = try clusters.coppice("pg", "restart", "evil")
    let again = try Program("/usr/bin/psql").run(["-XAt", evil, "-c", "SHOW cluster_name"])
    #expect(again.text != "victim\n")
    // Nobody gave the victim's role another password.
    #expect(try clusters.sql("TABLE secret", victim) == "4711\n")
  }

  @Test func `an end ends a branch whose own server runs, and takes what it printed along`() throws
  {
    let clusters = try ServedClusters()
    let coppice = clusters.coppice
    let (url, _) = try clusters.start("brief", "--from", "main", "--ttl", "1s")
    let place = try clusters.sql("SHOW unix_socket_directories", url).dropLast()
    try waitUntil {
      try coppice.check("policy", "run")
      return try coppice.json("branch", "show", "brief")["state"] as? String == "expired"
    }
    #expect(try Program("/usr/bin/psql").run(["-X", url, "-c", ""]).status == 2)
    try coppice.check("branch", "delete", "brief")
    #expect(access(String(place), F_OK) == -1)
  }

  @Test func `a reset with wishes that cannot be leaves the data`() throws {
    let clusters = try ServedClusters()
    let coppice = clusters.coppice
    let (url, _) = try clusters.start("a", "--from", "main")
    try clusters.sql("CREATE TABLE precious AS SELECT 1 AS n", url)
    let refused = try coppice.failure(
      "pg", "start", "a", "--from", "main", "--or-reset", "--set", "fsync=off")
    #expect(refused.status == 6)
    #expect(try clusters.sql("TABLE precious", url) == "1\n")
    let reset = try clusters.start("a", "--from", "main", "--or-reset", "--set", "work_mem=9MB")
    #expect(reset.url == url)
    #expect(try clusters.sql("SHOW work_mem", url) == "9MB\n")
    #expect(try clusters.sql("SELECT to_regclass('precious') IS NULL", url) == "t\n")
  }

  @Test func `what cannot be started leaves nothing`() throws {
    let clusters = try ServedClusters()
    let coppice = clusters.coppice
    try coppice.check("branch", "create", "empty")
    #expect(try coppice.failure("pg", "start", "empty").status == 3)
    #expect(try coppice.failure("pg", "start", "x", "--from", "empty").status == 3)
    #expect(try coppice.failure("pg", "start", "x", "--from", "nothing").status == 3)
    try coppice.script("mkdir mixed && cp -a cluster mixed/a && cp -a cluster mixed/b")
    try coppice.check("import", "mixed", "two")
    #expect(try coppice.failure("pg", "start", "two").status == 4)
    try coppice.script("echo 16 > cluster/PG_VERSION")
    try coppice.check("import", "cluster", "old")
    #expect(try coppice.failure("pg", "start", "old").status == 3)
    let login = try coppice.failure("pg", "start", "x", "--from", "main", "--login", "nobody")
    #expect(login.status == 3)
    #expect(try coppice("ls", "x").status == 3)
    // Its files are whose they were.
    #expect(try coppice.failure("pg", "start", "main", "--login", "nobody").status == 3)
    let owner = try HostDirectory(path: clusters.mount).status(of: Array("main".utf8)).user
    #expect(owner < 65_536)
    #expect(try coppice.json("pg", "list")["instances"] as? [String] == [])
  }
}
