import Foundation
import Glibc
import TestSupport
import Testing

/// Logical dumps as sources of baselines, and of what becomes of them.
@Suite(.enabled(if: ServedClusters.isPossible, "needs root, /dev/fuse and PostgreSQL 15"))
struct DumpTests {
  /// With dumps of a database and its cluster in the test's folder.
  private static func made(_ users: String) throws -> ServedClusters {
    try ServedClusters(serving: [], users: users) { server in
      try server.start("cluster")
      defer { server.stopAll() }
      for text in [DumpSchema.roles, DumpSchema.database] { try server.sql(text) }
      let words = server.connection
      try server.run(
        "psql", words + ["-qX", "-v", "ON_ERROR_STOP=1", "-d", "shop", "-c", DumpSchema.content])
      try server.run("pg_dump", words + ["-Fp", "shop"], output: "plain.sql")
      try server.run("pg_dump", words + ["-Fp", "--create", "shop"], output: "created.sql")
      try server.run("pg_dump", words + ["-Fc", "shop"], output: "custom.dump")
      try server.run("pg_dump", words + ["-Ft", "shop"], output: "archive.tar")
      try server.run("pg_dump", words + ["-Fd", "-f", "directory", "shop"])
      try server.run("pg_dumpall", words, output: "all.sql")
      try server.run("pg_dump", words + ["-Fc", "--create", "postgres"], output: "usual.dump")
    }
  }

  /// Without what two dumps of the same differ in.
  private func lines(_ text: String) -> [Substring] {
    text.split(separator: "\n").filter { line in
      !["\\restrict ", "\\unrestrict ", "-- Dumped "].contains { line.hasPrefix($0) }
    }
  }

  /// Neither a branch nor a process, nor what was made for one, is there that was not before.
  private func checkNothing(
    _ clusters: ServedClusters, _ first: Int, at place: String? = nil
  ) throws {
    let coppice = clusters.coppice
    let branches = try coppice.json("branch", "list")["branches"] as? [[String: Any]]
    #expect(branches?.map { $0["name"] as? String } == ["main"])
    let baselines = try coppice.json("baseline", "list")["baselines"] as? [[String: Any]]
    #expect(baselines?.isEmpty == true)
    let ours = "$1 >= \(first) && $1 < \(first + 100) && !/coppice launcher/"
    #expect(try coppice.script("ps -eo uid=,args= | awk '\(ours)'").text == "")
    let place = try place ?? self.place(of: clusters)
    #expect(try coppice.script("mkdir -p '\(place)'; ls '\(place)'").text == "")
  }

  /// The directory of what is made for instances, once there was one.
  private func place(of clusters: ServedClusters) throws -> String {
    let words = "ps -eo args= | grep '[l]auncher .*\(clusters.mount) '"
    let launcher = try clusters.coppice.script(words).text
    return String(try #require(launcher.firstMatch(of: #/ --run ([^ ]+) /#)?.1))
  }

  private static let files = [
    "plain.sql", "created.sql", "custom.dump", "archive.tar", "directory", "all.sql",
  ]

  @Test(arguments: files)
  func `a dump becomes a baseline whose branches are dumped as the origin was`(
    _ file: String
  ) throws {
    let first = 760_000 + 1000 * (Self.files.firstIndex(of: file) ?? 0)
    let clusters = try Self.made("\(first)-\(first + 99)")
    let coppice = clusters.coppice
    try coppice.check("baseline", "add", "shop", "--from", "dump:\(file)", "--dry-run")
    try checkNothing(clusters, first)
    try coppice.check("baseline", "add", "shop", "--from", "dump:\(file)")
    let (url, answer) = try clusters.start("b", "--from", "shop@newest")
    #expect(answer["database"] as? String == "shop")
    #expect(answer["login"] as? String == "shop_owner")
    #expect(
      try clusters.sql("SELECT count(*), sum(total) FROM sales.totals", url).hasPrefix("2000|"))
    try coppice.check("pg", "start", "c", "--from", "shop@newest", "--superuser")
    let dumped = try coppice.check("pg", "dump", "c", "-", "--", "-Fp")
    let origin = try String(contentsOfFile: coppice.folder("plain.sql"), encoding: .utf8)
    #expect(lines(origin).count > 5000)
    #expect(lines(dumped.text) == lines(origin))
    let roles = try clusters.sql(
      "SELECT rolname, rolcanlogin, rolsuper FROM pg_roles WHERE oid >= 16384 ORDER BY 1", url)
    let reader = file == "all.sql" ? "f" : "t"
    #expect(roles == "Odd \"one\"|t|f\npostgres|t|t\nreader|\(reader)|f\nshop_owner|t|f\n")
    let names = try coppice.json("branch", "list")["branches"] as? [[String: Any]]
    #expect(Set(names?.compactMap { $0["name"] as? String } ?? []) == ["main", "shop", "b", "c"])
    try coppice.script("touch -d '1 hour ago' \(file)")
    try coppice.check("baseline", "refresh", "shop")
    let shown = try coppice.json("baseline", "show", "shop")
    #expect(shown["snapshotCount"] as? Int == 2)
    try coppice.check("check")
  }

  @Test func `a dump of what every cluster has replaces that, and one of ours is taken too`()
    throws
  {
    let clusters = try Self.made("771000-771099")
    let coppice = clusters.coppice
    try coppice.check("baseline", "add", "usual", "--from", "dump:usual.dump")
    // A cluster that has the role of ours: as dumped of a branch.
    try coppice.script(
      "sed 's/^CREATE ROLE reader;/CREATE ROLE coppice;\\n&/' all.sql > ours.sql")
    try coppice.check("baseline", "add", "ours", "--from", "dump:ours.sql")
    let (url, _) = try clusters.start("b", "--from", "ours@newest")
    let statement = "SELECT rolname FROM pg_roles WHERE rolname LIKE 'coppice%' ORDER BY 1"
    #expect(try clusters.sql(statement, url) == "coppice\ncoppice_\n")
    #expect(
      try clusters.start("u", "--from", "usual@newest").answer["database"] as? String == "postgres")
  }

  @Test func `what is no whole dump is refused, and leaves nothing`() throws {
    let clusters = try Self.made("772000-772099")
    let coppice = clusters.coppice
    try coppice.script(
      """
      : > empty; echo hello > text; head -c 100K /dev/urandom > noise; gzip -k plain.sql
      mkdir void; mkfifo pipe
      sed 's/^-- Dumped from database version .*/-- Dumped from database version 99.1/' plain.sql \
        > newer.sql
      sed 's/^-- Dumped by pg_dump version .*/-- Dumped by pg_dump version 99.1/' plain.sql \
        | sed 's/^CREATE SCHEMA sales;/SET from_the_future = 0;\\n&/' > writer.sql
      cp custom.dump newer.dump; printf '\\143' | dd of=newer.dump bs=1 seek=6 conv=notrunc
      head -c 200K plain.sql > half.sql; head -n -3 all.sql > most.sql
      head -c 60K custom.dump > half.dump; head -c 30 custom.dump > little.dump
      cp -r directory part; rm $(ls part/*.dat.gz | head -1)
      sed 's/^COPY sales.customer /SELECT 1 \\/ 0;\\n&/' plain.sql > failing.sql
      (grep -v restrict plain.sql; echo '\\q') > left.sql
      (echo '\\set ON_ERROR_STOP 0'; grep -v restrict failing.sql) > going.sql
      (echo '\\set AUTOCOMMIT off'; cat plain.sql) > open.sql
      sed "s/^CREATE SCHEMA sales;/CREATE TABLESPACE fast LOCATION '\\/nowhere';\\n&/" plain.sql \
        > space.sql
      sed 's/^CREATE EXTENSION.*hstore.*/CREATE EXTENSION nowhere;/' plain.sql > extension.sql
      sed 's/ TO reader/ TO pg_unknown/' plain.sql > reserved.sql
      sed "s/LOCALE = 'C.UTF-8'/LOCALE = 'xx_XX.UTF-8'/" created.sql > locale.sql
      """)
    let line = try coppice.script("grep -n '^SELECT 1 / 0' failing.sql").text.prefix { $0 != ":" }
    for (file, status, words) in [
      ("nowhere", 3, "no such file"), ("empty", 64, "is empty"), ("text", 64, "is no dump"),
      ("noise", 64, "is no dump"), ("plain.sql.gz", 64, "is compressed"),
      ("void", 64, "without toc.dat"), ("pipe", 64, "neither a file"),
      ("newer.sql", 9, "PostgreSQL 99"), ("newer.dump", 9, "unsupported version (1.99)"),
      ("writer.sql", 64, "from_the_future"), ("half.sql", 64, "breaks off"),
      ("most.sql", 64, "breaks off"), ("half.dump", 64, "to its end"),
      ("little.dump", 64, "no whole archive"), ("part", 64, "to its end"),
      ("failing.sql", 64, "line \(line) failed: division by zero"),
      ("left.sql", 64, "ends psql"), ("going.sql", 64, "division by zero"),
      ("open.sql", 64, "does not commit"),
      ("space.sql", 64, "directory \"/nowhere\" does not exist"),
      ("extension.sql", 64, "nowhere"), ("locale.sql", 64, "locale"),
      ("reserved.sql", 64, "\"pg_unknown\" does not exist"),
    ] {
      let failure = try coppice.failure("baseline", "add", "shop", "--from", "dump:\(file)")
      #expect(failure.status == status, "\(file): \(failure)")
      #expect(failure.message.contains(words), "\(file): \(failure)")
      #expect(
        failure.object.hasSuffix("/\(file)") && !failure.remedy.isEmpty, "\(file): \(failure)")
    }
    // What the store's owner may not read.
    try coppice.script("chmod 600 plain.sql; chmod 700 directory; chown root: plain.sql directory")
    try coppice.script("chown postgres store")
    for file in ["plain.sql", "directory"] {
      let refused = try coppice("baseline", "add", "shop", "--from", "dump:\(file)")
      #expect(refused.status == 6 && refused.errors.contains("Permission denied"), "\(file)")
      #expect(refused.errors.contains("let postgres, who owns the store, read it"))
    }
    try coppice.script("chown root store")
    try checkNothing(clusters, 772_000)
  }

  @Test func `a script that starts programs reaches neither network, files nor store`() throws {
    let clusters = try Self.made("773000-773099")
    let coppice = clusters.coppice
    try coppice.script(
      """
      mkdir -m 777 found
      { printf '%s\\n' 'CREATE TABLE public.report (line text);' \
        "\\\\copy public.report from program 'id -u; id -G; ls /; touch $PWD/found/x 2>&1; true'" \
          '\\! setsid sleep 987654 > /dev/null 2>&1 &'
        cat plain.sql; } > script.sql
      """)
    try coppice.check("baseline", "add", "shop", "--from", "dump:script.sql")
    let (url, _) = try clusters.start("b", "--from", "shop@newest", "--superuser")
    let lines = try clusters.sql("TABLE public.report", url).split(separator: "\n")
    let user = Int(lines.first ?? "") ?? 0
    #expect((773_000..<773_100).contains(user), "\(lines)")
    #expect(lines.dropFirst().first == lines.first)
    #expect(lines.contains("usr"))
    #expect(Set(lines).isDisjoint(with: ["etc", "home", "proc", "root", "tmp", "var"]), "\(lines)")
    #expect(lines.last?.contains("No such file") == true, "\(lines)")
    #expect(try coppice.script("ls found").text == "")
    #expect(try coppice.script("ps -eo args= | grep -c '[s]leep 987654' || true").text == "0\n")
  }

  @Test func `roles that a dump names are made, up to a number`() throws {
    let clusters = try Self.made("776000-776099")
    let coppice = clusters.coppice
    func make(_ file: String, _ count: Int) throws {
      try coppice.script(
        """
        { grep -B 99999 '^-- Data for Name: a' plain.sql
          seq 1 \(count) | sed 's/.*/GRANT SELECT ON sales.customer TO "role \\"\\" &";/'
          grep '^-- PostgreSQL database dump complete' plain.sql
          grep '^.unrestrict' plain.sql; } > \(file)
        """)
    }
    try make("some.sql", 400)
    try coppice.check("baseline", "add", "some", "--from", "dump:some.sql")
    let (url, _) = try clusters.start("b", "--from", "some@newest")
    let statement = "SELECT count(*) FROM pg_roles WHERE rolname ~ '^role \" [0-9]+$'"
    #expect(try clusters.sql(statement, url) == "400\n")
    try make("many.sql", 1200)
    let refused = try coppice.failure("baseline", "add", "many", "--from", "dump:many.sql")
    #expect(refused.status == 64 && refused.message.contains("more than 1000 roles"))
    #expect(refused.remedy.contains("--roles-only"))
  }

  @Test func `a dump is not restored where its statements would reach more`() throws {
    let clusters = try ServedClusters("--pg-isolation", "user", users: "774000-774099")
    try clusters.coppice.script("touch some.sql")
    let refused = try clusters.coppice.failure("baseline", "add", "a", "--from", "dump:some.sql")
    #expect(refused.status == 75 && refused.message.contains("full isolation"))
    try checkNothing(clusters, 774_000)
  }

  @Test func `a branch is dumped while its server runs, into what is not there`() throws {
    let clusters = try ServedClusters(users: "777000-777099")
    let coppice = clusters.coppice
    try coppice.check("snapshot", "create", "main@one")
    let snapshot = try coppice.failure("pg", "dump", "main@one", "a.dump")
    #expect(snapshot.status == 64 && snapshot.remedy.contains("--from main@one"))
    let none = try coppice.failure("pg", "dump", "main", "a.dump")
    #expect(none.status == 3 && none.remedy.contains("coppice pg start main"))
    let (url, _) = try clusters.start("a", "--from", "main")
    try clusters.sql("CREATE TABLE t AS SELECT 4711 AS n", url)
    let answer = try coppice.json("pg", "dump", "a", "a.dump")
    #expect(answer["name"] as? String == "a" && answer["target"] as? String == "a.dump")
    #expect(answer.count == 2)
    let list = try coppice.script("stat -c %a a.dump; head -c 5 a.dump; pg_restore -f - a.dump")
    #expect(list.text.hasPrefix("600\nPGDMP--\n") && list.text.contains("4711"))
    let again = try coppice.failure("pg", "dump", "a", "a.dump")
    #expect(again.status == 4 && again.error["reason"] as? String == "exists")
    try coppice.check("pg", "dump", "a", "a.dir", "--", "-Fd", "-j", "2")
    #expect(try coppice.script("stat -c %a a.dir; pg_restore -f - a.dir").text.contains("4711"))
    let plain = try coppice.check("pg", "dump", "a", "-", "--", "-Fp", "--schema-only").text
    #expect(plain.contains("CREATE TABLE public.t") && !plain.contains("4711"))
    for target in ["b.dump", "-"] {
      let failed = try coppice("pg", "dump", "a", target, "--", "-t", "nothing")
      #expect(failed.status == 1 && failed.errors.contains("no matching tables"))
    }
    let nowhere = try coppice.failure("pg", "dump", "a", "nowhere/b.dump")
    #expect(nowhere.status == 3 && nowhere.remedy == "make it first")
    #expect(try coppice("pg", "dump", "a", "").status == 64)
    // A signal ends pg_dump, and nothing stays of what it wrote.
    let holder = try Program("/usr/bin/psql").start(
      ["-Xq", url, "-c", "BEGIN; LOCK TABLE t; SELECT pg_sleep(600)"])
    let waiting = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'"
    try waitUntil {
      try clusters.sql("SELECT count(*) FROM pg_locks WHERE mode ~ '^AccessExcl'", url) != "0\n"
    }
    let dumping = try coppice.program.start(["pg", "dump", "a", "c.dump"], in: coppice.folder.path)
    try waitUntil { try clusters.sql(waiting, url) == "1\n" }
    #expect(try coppice.script("ls").text.contains("c.dump.incomplete-"))
    dumping.send(signal: SIGTERM)
    let ended = try dumping.wait()
    #expect(ended.status == 1 && ended.errors.contains("terminated"))
    holder.send(signal: SIGTERM)
    _ = try holder.wait()
    try coppice.check("pg", "stop", "a")
    let stopped = try coppice.failure("pg", "dump", "a", "b.dump")
    #expect(stopped.status == 75 && stopped.remedy.contains("`coppice pg start a`"))
    let names = try coppice.script("ls | grep dump").text
    #expect(names == "a.dump\n")
  }

  @Test func `a server that is killed in the middle leaves nothing after the next start`() throws {
    let clusters = try Self.made("775000-775099")
    let coppice = clusters.coppice
    try coppice.script(
      "sed 's/^COPY sales.customer /SELECT pg_catalog.pg_sleep(600);\\n&/' plain.sql > slow.sql")
    let words = ["baseline", "add", "shop", "--from", "dump:slow.sql"]
    let adding = try coppice.program.start(words, in: coppice.folder.path)
    func count(_ words: String) throws -> Int? {
      Int(
        try coppice.script(
          "ps -eo uid=,args= | awk '$1 >= 775000 && $1 < 775100 && /\(words)/' | wc -l"
        ).text
          .filter(\.isNumber))
    }
    try waitUntil { try count("SELECT") ?? 0 > 0 && count("psql") ?? 0 > 0 }
    let place = try place(of: clusters)
    try clusters.kill()
    #expect(try adding.wait().status != 0)
    try waitUntil { try count("") == 0 }
    try clusters.start()
    try checkNothing(clusters, 775_000, at: place)
  }
}
