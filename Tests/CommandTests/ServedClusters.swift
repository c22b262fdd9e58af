import CoppicePlatform
import Foundation
import Glibc
import Synchronization
import TestSupport

/// A mounted store with a cluster of PostgreSQL in its branch `main`, and instances on branches.
final class ServedClusters {
  static let isPossible =
    MountRequirement.isMet && getuid() == 0 && Program("\(PostgreSQL.programs)/initdb").isInstalled
    && Program("/usr/bin/psql").isInstalled
  /// User numbers and ports that no test beside this one takes.
  private static let count = Mutex<UInt32>(0)

  let coppice: CoppiceCommand
  let mount: String
  private let words: [String]
  private(set) var server: ServingCoppice?
  /// Below it lie the directories of instances; known since they were asked for.
  var instancePlace: String?

  /// - Parameters:
  ///   - users: the range of user numbers; one of its own without.
  ///   - prepare: is given the cluster, which does not run, before it is imported.
  convenience init(
    _ more: String..., users: String? = nil, prepare: (PostgreSQL) throws -> Void = { _ in }
  ) throws {
    try self.init(serving: more, users: users, prepare: prepare)
  }

  convenience init(
    serving more: [String], users: String?, prepare: (PostgreSQL) throws -> Void
  ) throws {
    let options = (users.map { ["--pg-users", $0] } ?? []) + more
    try self.init(of: try CoppiceCommand(), options: options) { coppice in
      let cluster = try PostgreSQL(in: coppice.folder)
      try cluster.make("cluster")
      try prepare(cluster)
      try coppice.check("import", "cluster", "main")
    }
  }

  /// - Parameters:
  ///   - coppice: with a store, of which a server begins.
  ///   - fill: what is done before.
  init(
    of coppice: CoppiceCommand, options: [String] = [],
    fill: (CoppiceCommand) throws -> Void = { _ in }
  ) throws {
    self.coppice = coppice
    mount = coppice.folder("mount")
    guard chmod(coppice.folder.path, 0o755) == 0, mkdir(mount, 0o755) == 0 else {
      throw Program.Failure(description: "no directory: \(errno)")
    }
    let index = Self.count.withLock { count in
      count += 1
      return count
    }
    let (user, port) = (700_000 + 100 * index, 21_000 + 100 * index)
    let users = options.contains("--pg-users") ? [] : ["--pg-users", "\(user)-\(user + 99)"]
    words = ["--mount", mount, "--pg-ports", "\(port)-\(port + 99)"] + users + options
    try fill(coppice)
    try start()
  }

  deinit { stop() }

  func start() throws {
    server = try ServingCoppice(coppice, words)
  }

  func kill() throws {
    _ = try server?.end(SIGKILL)
    server = nil
  }

  func stop() {
    _ = try? coppice("stop", "--force")
    _ = try? server?.wait()
    server = nil
    _ = try? Program("umount").run(["-l", mount])
  }

  /// What psql answers to a statement, by the address that was given.
  @discardableResult
  func sql(_ statement: String, _ url: String) throws -> String {
    let result = try Program("/usr/bin/psql").check(["-XAtq", url, "-c", statement])
    return String(decoding: result.output, as: UTF8.self)
  }

  func start(_ arguments: String...) throws -> (url: String, answer: [String: Any]) {
    let answer = try coppice.json(all: ["pg", "start"] + arguments)
    guard let url = answer["url"] as? String else {
      throw Program.Failure(description: "no address: \(answer)")
    }
    return (url, answer)
  }
}

extension ServedClusters {
  func state(of name: String) throws -> String? {
    try instance(name)?["state"] as? String
  }

  func instance(_ name: String) throws -> [String: Any]? {
    let list = try coppice.json("pg", "list")["instances"] as? [[String: Any]]
    return list?.first { $0["name"] as? String == name }
  }

  /// First processes of instances of this store.
  func serverCount() throws -> Int {
    let list = try Program("pgrep").run(["-f", "postgres.*\(mount)/"])
    let all = Set(list.text.split(separator: "\n").compactMap { Int($0) })
    return try all.filter { process in
      let name = try Program("ps").run(["-o", "comm=", "-p", "\(process)"]).text
      return try name == "postgres\n" && !all.contains(Int(parent(of: process)))
    }.count
  }

  func parent(of process: Int) throws -> pid_t {
    let text = try Program("ps").run(["-o", "ppid=", "-p", "\(process)"]).text
    guard let parent = pid_t(text.filter(\.isNumber)) else {
      throw Program.Failure(description: "no process \(process)")
    }
    return parent
  }

  func killServer(of name: String) throws {
    guard let process = try instance(name)?["process"] as? Int else {
      throw Program.Failure(description: "no process of \(name)")
    }
    Glibc.kill(pid_t(process), SIGKILL)
    try waitUntil { try instance(name)?["process"] as? Int != process }
  }
}

/// Asks until it is so, for half a minute at most.
func waitUntil(_ condition: () throws -> Bool) throws {
  let clock = SystemClock()
  let deadline = clock.monotonicNanoseconds() + 30_000_000_000
  while try !condition() {
    guard clock.monotonicNanoseconds() < deadline else {
      throw Program.Failure(description: "it does not come to be")
    }
    usleep(20_000)
  }
}
