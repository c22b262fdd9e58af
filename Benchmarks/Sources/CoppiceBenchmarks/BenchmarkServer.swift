internal import Foundation

/// A PostgreSQL server on one data directory, run as the user that it wants.
struct BenchmarkServer {
  static let programs = "/usr/lib/postgresql/15/bin"

  let data: String
  /// Where its socket and its log are; PostgreSQL's user may write there.
  let sockets: String
  let port: Int

  private func run(_ program: String, _ arguments: [String]) throws -> String {
    try Workspace.output(
      of: [
        "setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups", "env", "-C", "/",
        "HOME=/tmp", "\(Self.programs)/\(program)",
      ] + arguments)
  }

  private var connection: [String] { ["-h", sockets, "-p", "\(port)"] }

  func make(scale: Int) throws {
    try FileManager.default.createDirectory(atPath: data, withIntermediateDirectories: false)
    try Workspace.run(["chown", "postgres:", data])
    try Workspace.run(["chmod", "700", data])
    _ = try run("initdb", ["-A", "trust", "-E", "UTF8", "--locale=C.UTF-8", "-k", "-D", data])
    let settings = """
      listen_addresses = ''
      unix_socket_directories = '\(sockets)'
      shared_buffers = 128MB
      wal_recycle = off
      min_wal_size = 80MB
      max_wal_size = 1GB
      recovery_init_sync_method = syncfs

      """
    let file = try FileHandle(forUpdating: URL(fileURLWithPath: "\(data)/postgresql.conf"))
    try file.seekToEnd()
    try file.write(contentsOf: Data(settings.utf8))
    try file.close()
    try start()
    _ = try run("createdb", connection + ["bank"])
    _ = try run("pgbench", connection + ["-q", "-i", "-s", "\(scale)", "bank"])
    _ = try query("VACUUM (FREEZE, ANALYZE)")
    _ = try query("CHECKPOINT")
  }

  func start() throws {
    try? FileManager.default.removeItem(atPath: "\(data)/postmaster.pid")
    _ = try run(
      "pg_ctl",
      [
        "-s", "-w", "-t", "120", "-D", data, "-l", "\(sockets)/log\(port)", "-o", "-p \(port)",
        "start",
      ])
  }

  func stop(_ mode: String = "fast") throws {
    _ = try run("pg_ctl", ["-s", "-w", "-t", "120", "-D", data, "-m", mode, "stop"])
  }

  @discardableResult
  func query(_ text: String) throws -> String {
    try run("psql", connection + ["-q", "-X", "-A", "-t", "-d", "bank", "-c", text])
  }

  /// Transactions per second of four clients.
  func transactionRate(seconds: Int, readsOnly: Bool) throws -> Double {
    let text = try run(
      "pgbench",
      connection + (readsOnly ? ["-S"] : []) + [
        "-n", "-c", "4", "-j", "2", "-T", "\(seconds)", "bank",
      ])
    let line = text.split(separator: "\n").first { $0.hasPrefix("tps = ") }
    return line.flatMap { Double($0.dropFirst(6).prefix { $0 != " " }) } ?? .nan
  }
}
