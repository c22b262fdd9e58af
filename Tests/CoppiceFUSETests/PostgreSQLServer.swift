import CFileCalls
import Glibc
import TestSupport

/// One server of PostgreSQL on a data directory below a mount.
final class PostgreSQLServer {
  static let programs = "/usr/lib/postgresql/15/bin"
  static var isInstalled: Bool { Program("\(programs)/initdb").isInstalled }

  private let data: String
  private let sockets: String
  private let port: String
  private var postmaster: Int32?

  /// - Parameters:
  ///   - sockets: a directory that PostgreSQL's user may write to; also for the log.
  init(_ data: String, sockets: String, port: Int) {
    self.data = data
    self.sockets = sockets
    self.port = "\(port)"
  }

  deinit { kill() }

  private var connection: [String] { ["-h", sockets, "-p", port] }

  private static func words(_ program: String, _ arguments: [String]) -> [String] {
    [
      "--reuid=postgres", "--regid=postgres", "--clear-groups", "env", "-C", "/", "HOME=/tmp",
      "\(programs)/\(program)",
    ] + arguments
  }

  @discardableResult
  func run(_ program: String, _ arguments: [String]) throws -> Program.Result {
    try Program("setpriv").check(Self.words(program, arguments))
  }

  /// Makes the data directory, and its parents' owner PostgreSQL's user.
  func make() throws {
    guard mkdir(data, 0o700) == 0 else { throw Program.Failure(description: "mkdir \(data)") }
    try Program("chown").check(["postgres:", data])
    try run(
      "initdb",
      [
        "-A", "trust", "-E", "UTF8", "--locale=C.UTF-8", "-k", "-N", "--wal-segsize=1", "-D", data,
      ])
    let settings = """
      listen_addresses = ''
      unix_socket_directories = '\(sockets)'
      shared_buffers = 16MB
      max_connections = 20
      wal_recycle = off
      min_wal_size = 2MB
      max_wal_size = 32MB
      recovery_init_sync_method = syncfs

      """
    let file = open("\(data)/postgresql.conf", O_WRONLY | O_APPEND | O_CLOEXEC)
    defer { close(file) }
    guard write(file, settings, settings.utf8.count) == settings.utf8.count else {
      throw Program.Failure(description: "cannot write the settings")
    }
  }

  /// Starts and waits until it is recovered. What a fork's parent or a killed server left behind is
  /// removed first.
  func start() throws {
    let starting = try beginStarting()
    try finish(starting)
  }

  /// Starts without waiting.
  func beginStarting() throws -> Program.Running {
    unlink("\(data)/postmaster.pid")
    unlink("\(sockets)/.s.PGSQL.\(port).lock")
    return try Program("setpriv").start(
      Self.words(
        "pg_ctl",
        [
          "-s", "-w", "-t", "120", "-D", data, "-l", "\(sockets)/log\(port)", "-o", "-p \(port)",
          "start",
        ]))
  }

  /// Waits until it is recovered.
  func finish(_ starting: Program.Running) throws {
    let result = try starting.wait()
    guard result.status == 0 else {
      let log = try? TemporaryFolder.bytes(of: "\(sockets)/log\(port)")
      throw Program.Failure(
        description: "\(result.errors) \(String(decoding: log?.suffix(2000) ?? [], as: UTF8.self))")
    }
    let text = String(
      decoding: try TemporaryFolder.bytes(of: "\(data)/postmaster.pid"), as: UTF8.self)
    postmaster = text.split(separator: "\n").first.flatMap { Int32($0) }
  }

  func stop() throws {
    try run("pg_ctl", ["-s", "-w", "-t", "120", "-D", data, "-m", "fast", "stop"])
    postmaster = nil
  }

  /// SIGKILL to all of its processes.
  func kill() {
    guard let postmaster else { return }
    self.postmaster = nil
    let list = "/proc/\(postmaster)/task/\(postmaster)/children"
    let children = (try? TemporaryFolder.bytes(of: list)) ?? []
    let processes =
      [postmaster]
      + String(decoding: children, as: UTF8.self).split(separator: " ").compactMap { Int32($0) }
    for process in processes { Glibc.kill(process, SIGKILL) }
    for process in processes { _ = filecalls_wait_for_end(process) }
  }

  @discardableResult
  func sql(_ text: String, in database: String = "bank") throws -> String {
    try run(
      "psql",
      connection + ["-q", "-X", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-d", database, "-c", text]
    ).text
  }

  /// What a statement fails with, its SQLSTATE before the message; `nil` when it does not.
  func failure(of text: String) throws -> String? {
    let result = try Program("setpriv").run(
      Self.words(
        "psql",
        connection + [
          "-q", "-X", "-v", "VERBOSITY=verbose", "-v", "ON_ERROR_STOP=1", "-d", "bank", "-c", text,
        ]))
    return result.status == 0 ? nil : result.errors
  }

  /// A database `bank` with the tables of pgbench and what pg_amcheck needs.
  func makeBank() throws {
    try run("createdb", connection + ["bank"])
    try sql("CREATE EXTENSION amcheck")
    try run("pgbench", connection + ["-q", "-i", "-s", "1", "bank"])
  }

  /// Four clients that move money until they are stopped, or the server is.
  func startClients() throws -> Program.Running {
    try Program("setpriv").start(
      Self.words("pgbench", connection + ["-n", "-c", "4", "-j", "1", "-T", "600", "bank"]))
  }

  /// A checkpoint, as fast as it goes.
  func startCheckpoint() throws -> Program.Running {
    try Program("setpriv").start(
      Self.words("psql", connection + ["-q", "-X", "-d", "bank", "-c", "CHECKPOINT"]))
  }

  /// A fixed number of movements.
  func move(_ count: Int) throws {
    try run("pgbench", connection + ["-n", "-c", "4", "-j", "1", "-t", "\(count / 4)", "bank"])
  }

  /// Money is neither made nor lost: returns the sums of accounts, branches, tellers and history.
  func sums() throws -> Set<String> {
    let answer = try sql(
      """
      SELECT sum(abalance) FROM pgbench_accounts UNION ALL
      SELECT sum(bbalance) FROM pgbench_branches UNION ALL
      SELECT sum(tbalance) FROM pgbench_tellers UNION ALL
      SELECT coalesce(sum(delta), 0) FROM pgbench_history
      """)
    return Set(answer.split(separator: "\n").map(String.init))
  }

  func movementCount() throws -> Int {
    let answer = try sql("SELECT count(*) FROM pgbench_history")
    return Int(answer.split(separator: "\n").first ?? "") ?? -1
  }

  /// Every heap and index, and that each row is in every index.
  func checkAll() throws {
    try run("pg_amcheck", connection + ["--heapallindexed", "--all", "-j", "1"])
  }
}
