import Foundation
import Glibc
import TestSupport
import Testing

/// A server that is an origin of baselines, and the file by which its service is found.
final class Origin {
  let folder: TemporaryFolder
  let server: PostgreSQL
  /// Of its data directory in the folder.
  let name: String

  var data: String { folder(name) }

  /// Its section in the file of services, which no other test has.
  let service: String

  var environment: [String: String] { ["PGSERVICEFILE": folder("services")] }

  /// Makes a cluster and starts it.
  ///
  /// - Parameters:
  ///   - settings: lines of its configuration.
  ///   - programs: the directory of its version's.
  init(_ settings: String..., programs: String = PostgreSQL.programs) throws {
    folder = try TemporaryFolder()
    server = try PostgreSQL(in: folder, programs: programs)
    name = "cluster"
    service = (folder.path as NSString).lastPathComponent
    try server.make(name)
    try configure(["fsync = off", "max_wal_senders = 10"] + settings)
    try register()
    try server.start(name)
  }

  /// A standby of another one.
  init(standbyOf primary: Origin) throws {
    folder = primary.folder
    server = try PostgreSQL(in: folder, port: "54332")
    name = "standby"
    service = "\(primary.service).standby"
    try primary.server.run(
      "pg_basebackup", primary.server.connection + ["-R", "-c", "fast", "-D", data])
    try register()
    try server.start(name)
  }

  deinit { server.stopAll() }

  func configure(_ settings: [String]) throws {
    let file = "\(data)/postgresql.conf"
    let text = try String(contentsOfFile: file, encoding: .utf8)
    try Data((text + settings.map { "\($0)\n" }.joined()).utf8).write(
      to: URL(fileURLWithPath: file))
    try Program("chown").check(["postgres:", file])
  }

  private func register() throws {
    let file = folder("services")
    let text = (try? String(contentsOfFile: file, encoding: .utf8)) ?? ""
    try Data(
      (text + "[\(service)]\nhost=\(folder.path)\nport=\(server.port)\nuser=postgres\n"
        + "dbname=postgres\n").utf8
    ).write(to: URL(fileURLWithPath: file))
  }

  /// A mounted store whose server finds the services.
  func servedStore(_ options: String...) throws -> ServedClusters {
    var coppice = try CoppiceCommand()
    coppice.program.environment.merge(environment) { $1 }
    return try ServedClusters(of: coppice, options: options)
  }

  @discardableResult
  func sql(_ text: String) throws -> String { try server.sql(text) }

  /// Starts pgbench on it; it ends by itself.
  func load(seconds: Int) throws -> Program.Running {
    try Program("setpriv").start(
      [
        "--reuid=postgres", "--regid=postgres", "--clear-groups",
        "\(PostgreSQL.programs)/pgbench", "-n", "-c", "2", "-T", "\(seconds)",
      ] + server.connection + ["postgres"])
  }

  func fillForLoad() throws {
    try server.run("pgbench", ["-i", "-q", "-s", "1"] + server.connection + ["postgres"])
  }

  /// The number of its first process.
  var process: pid_t {
    get throws {
      let file = try String(contentsOfFile: "\(data)/postmaster.pid", encoding: .utf8)
      guard let number = file.split(separator: "\n").first.flatMap({ pid_t($0) }) else {
        throw Program.Failure(description: "no process: \(file)")
      }
      return number
    }
  }
}

/// Whether what each table of pgbench says of all transactions is the same.
let pgbenchSums = """
  SELECT (SELECT sum(abalance) FROM pgbench_accounts) = coalesce(sum(delta), 0)
    AND (SELECT sum(bbalance) FROM pgbench_branches) = coalesce(sum(delta), 0)
    AND (SELECT sum(tbalance) FROM pgbench_tellers) = coalesce(sum(delta), 0)
  FROM pgbench_history
  """

extension ServedClusters {
  /// What is told of a baseline; `nil` where there is none.
  func baseline(_ name: String = "prod") throws -> [String: Any]? {
    let result = try coppice("baseline", "show", name, "--json")
    guard result.status == 0 else { return nil }
    return try JSONSerialization.jsonObject(with: Data(result.output)) as? [String: Any]
  }

  func newest(_ name: String = "prod") throws -> String? {
    try baseline(name)?["newest"] as? String
  }

  func lastRun(_ name: String = "prod") throws -> [String: Any]? {
    (try baseline(name)?["runs"] as? [[String: Any]])?.last
  }

  /// What a refresh left that should be gone: branches, processes and directories.
  func leftovers(besides branches: [String]) throws -> [String] {
    var left = try branchNames().filter { !branches.contains($0) }
    let processes = try Program("pgrep").run(["-af", coppice.folder.path]).text
    left += processes.split(separator: "\n").map(String.init).filter { line in
      ["postgres ", "pg_basebackup", "pg_receivewal", "pg_verifybackup", "psql"].contains {
        line.contains($0)
      }
    }
    return left + (try instanceDirectories())
  }

  /// Of branches and snapshots.
  private func entryNames(_ kind: String, _ key: String) throws -> [String] {
    let list = try coppice.json(kind, "list")[key] as? [[String: Any]]
    return try #require(list).compactMap { $0["name"] as? String }
  }

  func branchNames() throws -> [String] { try entryNames("branch", "branches") }

  func snapshotNames() throws -> [String] { try entryNames("snapshot", "snapshots") }

  /// Directories that are there for instances of this store, as far as its launcher is known.
  func instanceDirectories() throws -> [String] {
    let words = try Program("pgrep").run(["-af", "launcher .*--mount \(mount) "]).text
      .split(separator: " ")
    if let index = words.firstIndex(of: "--run"), index + 1 < words.count {
      instancePlace = String(words[index + 1])
    }
    guard let instancePlace else { return [] }
    let names = (try? FileManager.default.contentsOfDirectory(atPath: instancePlace)) ?? []
    return names.map { "\(instancePlace)/\($0)" }
  }
}
