import Foundation
import Glibc
import TestSupport
import Testing

/// A real server: imported while it runs and while it does not, and run on what comes back.
@Suite(
  .enabled(
    if: getuid() == 0 && Program("\(PostgreSQL.programs)/initdb").isInstalled,
    "needs root and PostgreSQL 15"))
struct PostgreSQLTests {
  @Test func `a running server is refused, its base backup is not`() throws {
    let coppice = try CoppiceCommand()
    let server = try PostgreSQL(in: coppice.folder)
    try server.make("cluster")
    try server.start("cluster")
    defer { server.stopAll() }
    try server.sql("CREATE TABLE t AS SELECT n, md5(n::text) AS h FROM generate_series(1, 20000) n")

    let refused = try coppice.failure("import", "cluster", "main")
    #expect(refused.status == 5)
    #expect(refused.remedy.contains("pg_basebackup"))
    #expect(try coppice("ls", "main").status == 3)

    try server.run(
      "pg_basebackup", server.connection + ["-Ft", "-X", "fetch", "-D", "-"], output: "b.tar")
    try coppice.check("import", "--tar", "-", "main", input: coppice.folder("b.tar"))
    server.stopAll()

    try coppice.check("export", "main", "backup")
    // pg_basebackup gives the manifest in its stream an owner of no meaning.
    try Program("\(PostgreSQL.programs)/pg_verifybackup").check(
      ["--quiet", coppice.folder("backup")])
    // The stream does not list its top directory; the server wants it to be its own.
    try server.start("backup")
    #expect(try server.sql("SELECT count(*), count(DISTINCT h) FROM t") == "20000|20000\n")
    try server.run("pg_amcheck", server.connection + ["--install-missing", "--all"])
  }

  @Test func `a fork that a server changed stores little and runs`() throws {
    let coppice = try CoppiceCommand()
    let server = try PostgreSQL(in: coppice.folder)
    try server.make("cluster")
    try server.start("cluster")
    defer { server.stopAll() }
    try server.sql("CREATE TABLE t AS SELECT n, md5(n::text) AS h FROM generate_series(1, 50000) n")
    try server.sql("VACUUM (FREEZE, ANALYZE)")
    server.stopAll()
    try coppice.check("import", "cluster", "main")
    try coppice.script("touch cluster/postmaster.pid; echo 4194304 > cluster/postmaster.pid")
    try coppice.check("import", "--replace", "cluster", "main")
    try coppice.script("rm cluster/postmaster.pid")
    try coppice.check("import", "--replace", "cluster", "main")
    try coppice.check("branch", "create", "fork", "--from", "main")
    try coppice.check("export", "fork", "fork")
    try coppice.script("diff -r --no-dereference cluster fork")

    try server.start("fork")
    try server.sql("UPDATE t SET h = 'x' WHERE n % 500 = 0")
    server.stopAll()
    let report = try coppice.json("import", "--replace", "fork", "fork")
    #expect((report["storedByteCount"] as? Int ?? .max) < 16 << 20)
    #expect(try coppice("diff", "main", "fork", "--exit-code").status == 2)
    try coppice.check("export", "fork", "again")
    try coppice.script("diff -r --no-dereference fork again")
    try server.start("again")
    #expect(try server.sql("SELECT count(*) FROM t WHERE h = 'x'") == "100\n")
  }
}

/// PostgreSQL's programs, run as the user that they want, on a port of the test's own folder.
final class PostgreSQL {
  static let programs = "/usr/lib/postgresql/15/bin"

  let port: String
  private let folder: TemporaryFolder
  private let programs: String
  private var running: [String] = []

  init(
    in folder: TemporaryFolder, port: String = "54331", programs: String = PostgreSQL.programs
  ) throws {
    self.folder = folder
    self.port = port
    self.programs = programs
    try Program("chown").check(["postgres:", folder.path])
    try Program("chmod").check(["755", folder.path])
  }

  var connection: [String] { ["-h", folder.path, "-p", port] }

  @discardableResult
  func run(_ program: String, _ arguments: [String], output: String? = nil) throws
    -> Program.Result
  {
    try Program("setpriv").check(
      [
        "--reuid=postgres", "--regid=postgres", "--clear-groups", "env", "HOME=/tmp",
        "\(programs)/\(program)",
      ] + arguments, in: folder.path, output: output.map { folder($0) })
  }

  func make(_ name: String) throws {
    try run(
      "initdb", ["-A", "trust", "-E", "UTF8", "--locale=C.UTF-8", "-k", "-N", "-D", folder(name)])
  }

  func start(_ name: String) throws {
    try run(
      "pg_ctl",
      [
        "-s", "-w", "-D", folder(name), "-l", folder("log"), "-o",
        "-p \(port) -c listen_addresses= -c unix_socket_directories=\(folder.path)", "start",
      ])
    running.append(name)
  }

  @discardableResult
  func sql(_ text: String) throws -> String {
    try run("psql", connection + ["-q", "-X", "-A", "-t", "-d", "postgres", "-c", text]).text
  }

  func stopAll() {
    for name in running {
      _ = try? run("pg_ctl", ["-s", "-w", "-D", folder(name), "-m", "fast", "stop"])
    }
    running = []
  }
}
