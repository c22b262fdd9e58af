import Foundation
import Glibc
import TestSupport
import Testing

/// Refreshes that end in the middle: whatever is killed, the newest snapshot stays what it was,
/// nothing is left, and the next one works.
@Suite(.enabled(if: ServedClusters.isPossible, "needs root, /dev/fuse and PostgreSQL 15"))
struct RefreshKillTests {
  private static let steps = [
    "check", "transfer", "verify", "prepare", "prepare: recover", "prepare: settle",
    "prepare: remove secrets", "prepare: neutralise", "prepare: freeze", "prepare: checkpoint",
    "approve",
  ]

  @Test func `a server that is killed in a refresh leaves nothing of it, at any step`() throws {
    let origin = try Origin()
    try origin.sql("CREATE TABLE t AS SELECT generate_series(1, 20000) AS n")
    let clusters = try origin.servedStore()
    for step in ["check", "transfer", "prepare: recover", "approve"] {
      try endServer(of: clusters, at: step, in: add(origin))
      guard try clusters.baseline() == nil else { break }
      #expect(try clusters.leftovers(besides: []) == [], "first, \(step)")
      #expect(try clusters.snapshotNames() == [])
    }
    if try clusters.baseline() == nil { try clusters.coppice.program.check(add(origin)) }
    // Another server tells its own steps alone.
    clusters.stop()
    try clusters.start()
    for step in Self.steps {
      let before = try clusters.newest()
      try origin.sql("UPDATE t SET n = n + 1")
      try endServer(of: clusters, at: step, in: ["baseline", "refresh", "prod"])
      let run = try #require(try clusters.lastRun())
      #expect(try clusters.leftovers(besides: ["prod"]) == [], "\(step)")
      if try clusters.newest() == before {
        #expect(run["outcome"] as? String == "failed", "\(step): \(run)")
        #expect((run["message"] as? String ?? "").contains("server ended"), "\(step): \(run)")
        let told = try #require(run["step"] as? String)
        let places = (Self.steps.firstIndex(of: step), Self.steps.firstIndex(of: told))
        #expect(try #require(places.1) >= #require(places.0), "\(step): \(told)")
      } else {
        // It was past its last step.
        #expect(run["outcome"] as? String == "approved", "\(step): \(run)")
      }
    }
    try refresh(clusters, origin)
    clusters.stop()
    #expect(try clusters.coppice("check").status == 0)
  }

  private func add(_ origin: Origin) -> [String] {
    ["baseline", "add", "prod", "--from", "postgres:\(origin.service)", "--fast-checkpoint"]
  }

  /// Kills the server as soon as it is at a step, and starts another one.
  private func endServer(
    of clusters: ServedClusters, at step: String, in command: [String]
  ) throws {
    let running = try clusters.coppice.program.start(command, in: clusters.coppice.folder.path)
    let line = ": \(step)\n"
    try waitUntil { clusters.server?.log.contains(line) ?? true }
    try clusters.kill()
    _ = try running.wait()
    try clusters.start()
  }

  private func refresh(_ clusters: ServedClusters, _ origin: Origin) throws {
    let report = try clusters.coppice.json("baseline", "refresh", "prod")
    #expect(report["outcome"] as? String == "approved")
    #expect(try clusters.newest() == report["snapshot"] as? String)
    let (url, answer) = try clusters.start("a", "--from", "prod@newest", "--superuser")
    #expect(answer["isRecovered"] as? Bool == false)
    #expect(try clusters.sql("SELECT sum(n) FROM t", url) == origin.sql("SELECT sum(n) FROM t"))
    try clusters.coppice.check("branch", "delete", "a")
  }

  private enum Victim: CaseIterable {
    case origin, backup, receiver, workingServer, command, programOfCheck
  }

  @Test func `a program that is killed in a refresh fails it, and it alone`() throws {
    let origin = try Origin("archive_mode = off")
    try origin.sql("CREATE TABLE t AS SELECT generate_series(1, 200000) AS n")
    let clusters = try origin.servedStore()
    // Slow enough to be found.
    try Data("SELECT pg_sleep(0.5)".utf8).write(
      to: URL(fileURLWithPath: clusters.coppice.folder("slow.sql")))
    let slow = ["--max-rate", "8M", "--neutralise", "postgres=slow.sql"]
    let failed = try clusters.coppice.program.start(
      add(origin) + slow, in: clusters.coppice.folder.path)
    try end(.backup, of: clusters, origin, failed)
    #expect(try failed.wait().status != 0)
    #expect(try clusters.baseline() == nil)
    #expect(try clusters.leftovers(besides: []) == [])
    try clusters.coppice.program.check(add(origin) + slow, in: clusters.coppice.folder.path)
    for victim in Victim.allCases {
      let before = try clusters.newest()
      let holder = victim == .programOfCheck ? try holdCheck(of: origin) : nil
      let running = try clusters.coppice.program.start(
        ["baseline", "refresh", "prod", "--json"], in: clusters.coppice.folder.path)
      try end(victim, of: clusters, origin, running)
      let result = try running.wait()
      if let holder {
        try origin.sql(
          "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE 'BEGIN; LOCK%'")
        _ = try holder.wait()
      }
      // Whoever asked may be gone before the end.
      try waitUntil { try clusters.baseline()?["isRefreshing"] as? Bool == false }
      let run = try #require(try clusters.lastRun())
      #expect(try clusters.leftovers(besides: ["prod"]) == [], "\(victim)")
      if victim == .receiver {
        // Another one goes on where it was.
        #expect(result.status == 0, "\(result.errors)")
        #expect(try clusters.newest() != before)
        continue
      }
      #expect(result.status != 0, "\(victim)")
      #expect(try clusters.newest() == before, "\(victim)")
      #expect(run["outcome"] as? String == "failed", "\(victim): \(run)")
      let message = run["message"] as? String ?? ""
      #expect(message.count > 10, "\(victim): \(run)")
      if victim != .command {
        #expect(result.errors.contains(message.prefix(10)), "\(victim): \(result.errors)")
      }
      let step = run["step"] as? String ?? ""
      let expected =
        switch victim {
        case .workingServer: "prepare: neutralise"
        case .programOfCheck: "check"
        case .origin, .backup, .command: "transfer"
        // It came to its end.
        case .receiver: "approve"
        }
      #expect(step == expected, "\(victim): \(step), \(message)")
      // What it left of memory may be in use for a moment.
      if victim == .origin {
        try waitUntil { (try? origin.server.start(origin.name)) != nil }
      }
    }
    try refresh(clusters, origin)
  }

  /// Questions of a check wait from here on.
  private func holdCheck(of origin: Origin) throws -> Program.Running {
    let lock = "BEGIN; LOCK TABLE pg_extension IN ACCESS EXCLUSIVE MODE; SELECT pg_sleep(60)"
    let holder = try Program("setpriv").start(
      ["--reuid=postgres", "--regid=postgres", "--clear-groups", "/usr/bin/psql", "-qX"]
        + origin.server.connection + ["-d", "postgres", "-c", lock])
    try waitUntil {
      try origin.sql(
        "SELECT count(*) FROM pg_locks WHERE granted "
          + "AND relation = 'pg_extension'::regclass AND mode = 'AccessExclusiveLock'") == "1\n"
    }
    return holder
  }

  private func end(
    _ victim: Victim, of clusters: ServedClusters, _ origin: Origin, _ command: Program.Running
  ) throws {
    switch victim {
    case .workingServer:
      try waitUntil { try clusters.lastRun()?["step"] as? String == "prepare: neutralise" }
      Glibc.kill(try workingServer(of: clusters), SIGKILL)
    case .command:
      _ = try process(of: "pg_basebackup", origin)
      command.send(signal: SIGINT)
    case .origin:
      _ = try process(of: "pg_basebackup", origin)
      Glibc.kill(try origin.process, SIGKILL)
      // What it began ends with it.
      try waitUntil {
        try Program("pgrep").run(["-f", "postgres: .*\(origin.service)"]).status != 0
      }
      sleep(1)
    case .backup: Glibc.kill(try process(of: "pg_basebackup", origin), SIGKILL)
    case .receiver:
      try waitUntil {
        let files = FileManager.default
        let log = try? files.contentsOfDirectory(atPath: clusters.mount).first {
          $0.hasPrefix("prod.log-")
        }
        let names = log.map { try? files.contentsOfDirectory(atPath: "\(clusters.mount)/\($0)") }
        return names??.contains { $0.hasSuffix(".partial") } ?? false
      }
      Glibc.kill(try process(of: "pg_receivewal", origin), SIGKILL)
    case .programOfCheck:
      try waitUntil {
        try origin.sql("SELECT count(*) FROM pg_locks WHERE NOT granted") == "1\n"
      }
      Glibc.kill(try process(of: "psql", origin), SIGKILL)
    }
  }

  /// Of a program that the server has started.
  private func process(of program: String, _ origin: Origin) throws -> pid_t {
    var process: pid_t?
    try waitUntil {
      let list = try Program("pgrep").run(["-f", "^[^ ]*\(program) .*service=\(origin.service) "])
      process = list.text.split(separator: "\n").first.flatMap { pid_t($0) }
      return process != nil
    }
    return process ?? 0
  }

  /// The first process of the server that prepares.
  private func workingServer(of clusters: ServedClusters) throws -> pid_t {
    let list = try Program("pgrep").run(["-f", "postgres .*data_directory=\(clusters.mount)/"])
    guard let first = list.text.split(separator: "\n").compactMap({ pid_t($0) }).min() else {
      throw Program.Failure(description: "no server prepares")
    }
    return first
  }
}
