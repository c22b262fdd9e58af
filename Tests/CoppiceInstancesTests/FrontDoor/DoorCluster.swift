import CoppiceInstances
import Glibc
import TestSupport
import Testing

/// A PostgreSQL 15 on a Unix socket, and a front door before it. The role `app` has a password, and
/// the superuser `postgres` none, as an instance has it.
final class DoorCluster: Sendable {
  static let programs = "/usr/lib/postgresql/15/bin"
  static let comment: Comment = "needs PostgreSQL 15, root or another user that may start it"
  static var isPossible: Bool {
    getenv("CI") != nil
      || Program("\(programs)/initdb").isInstalled && Program("setpriv").isInstalled
  }
  static let password = "pswmn8mdeh5agdebs8gtu58j"

  let folder: TemporaryFolder
  let log = TestLog()
  let frontDoor: FrontDoor
  let port: Int
  private var data: String { folder("data") }

  init(tls: TLSFiles? = nil, connectionCount: Int = 50) throws {
    folder = try TemporaryFolder()
    var options = FrontDoor.Options(logger: log.logger)
    options.tls = tls
    frontDoor = try FrontDoor(options)
    let socketPath = folder(".s.PGSQL.5432")
    port = try frontDoor.open(1, port: 0, in: 1...1, avoiding: []) {
      .server(socketPath: socketPath, login: "app", allowsReplication: false)
    }
    if geteuid() == 0 {
      try Program("chown").check(["postgres:", folder.path])
      chmod(folder.path, 0o755)
    }
    try run(
      "initdb",
      ["-A", "trust", "-U", "postgres", "-E", "UTF8", "--locale=C.UTF-8", "-N", "-D", data])
    try Program("sh").check([
      "-c", "printf 'local all postgres trust\nlocal all all scram-sha-256\n' >\"$0/pg_hba.conf\"",
      data,
    ])
    try run(
      "pg_ctl",
      [
        "-s", "-w", "-t", "120", "-D", data, "-l", folder("log"), "-o",
        "-c listen_addresses= -c fsync=off -c max_connections=\(connectionCount) "
          + "-c max_wal_size=4GB -k \(folder.path)", "start",
      ])
    try sql("CREATE ROLE app LOGIN PASSWORD '\(Self.password)'")
    try sql("CREATE DATABASE shop OWNER app")
  }

  deinit {
    frontDoor.shutDown()
    _ = try? run("pg_ctl", ["-s", "-w", "-D", data, "-m", "immediate", "stop"])
  }

  @discardableResult
  private func run(
    _ program: String, _ arguments: [String], output: String? = nil
  ) throws -> Program.Result {
    let path = "\(Self.programs)/\(program)"
    guard geteuid() == 0 else { return try Program(path).check(arguments, output: output) }
    return try Program("setpriv").check(
      [
        "--reuid=postgres", "--regid=postgres", "--clear-groups", "env", "-C", "/", "HOME=/tmp",
        path,
      ] + arguments, output: output)
  }

  /// As the superuser, on the Unix socket.
  @discardableResult
  func sql(_ text: String, in database: String = "postgres", output: String? = nil) throws -> String
  {
    try run(
      "psql",
      ["-h", folder.path, "-q", "-X", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-d", database]
        + ["-c", text], output: output
    ).text
  }

  func url(
    user: String = "app", password: String? = password, database: String = "shop",
    host: String = "127.0.0.1", tls: ConnectionURL.TLSMode = .disable, root: String? = nil
  ) -> ConnectionURL {
    ConnectionURL(
      host: host, port: port, user: user, password: password, database: database, tls: tls,
      rootCertificateFile: root)
  }

  /// psql by the door, as whoever runs the tests. It never asks for a password.
  func psql(
    _ url: String, _ arguments: [String], environment: [String: String] = [:]
  ) throws -> Program.Result {
    try start(url, arguments, environment: environment).wait()
  }

  func start(
    _ url: String, _ arguments: [String], environment: [String: String] = [:]
  ) throws -> Program.Running {
    let fixed = ["HOME": folder.path, "PGCONNECT_TIMEOUT": "20"]
    return try Program("psql", environment: fixed.merging(environment) { $1 }).start(
      ["-q", "-X", "-A", "-t", "-w", "-v", "ON_ERROR_STOP=1", "-d", url] + arguments)
  }

  /// Waits until the superuser's question is answered so; false after twenty seconds.
  func reaches(_ answer: String, _ question: String) throws -> Bool {
    for _ in 0..<400 {
      if try sql(question) == answer + "\n" { return true }
      poll(nil, 0, 20)
    }
    return false
  }
}
