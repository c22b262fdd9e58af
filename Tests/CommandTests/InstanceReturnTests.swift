import Glibc
import TestSupport
import Testing

/// Instances that come back, and what must not keep them from it.
@Suite(.enabled(if: ServedClusters.isPossible, "needs root, /dev/fuse and PostgreSQL 15"))
struct InstanceReturnTests {
  @Test func `who is renewed or restored has its server again, and what it printed`() throws {
    let clusters = try ServedClusters()
    let coppice = clusters.coppice
    let (url, _) = try clusters.start("a", "--from", "main", "--ttl", "1h")
    try clusters.sql("CREATE TABLE t AS SELECT 1 AS n", url)
    try coppice.check("branch", "expire", "a")
    #expect(try coppice.check("pg", "logs", "a").text.contains("database system is ready"))
    try coppice.check("branch", "renew", "a")
    try waitUntil { try clusters.state(of: "a") == "running" }
    #expect(try clusters.sql("TABLE t", url) == "1\n")
    try coppice.check("branch", "delete", "a")
    try coppice.check("branch", "restore", "a")
    try waitUntil { try clusters.state(of: "a") == "running" }
    #expect(try clusters.sql("TABLE t", url) == "1\n")
    // One that somebody stopped stays so.
    try coppice.check("pg", "stop", "a")
    try coppice.check("branch", "expire", "a")
    try coppice.check("branch", "renew", "a")
    usleep(500_000)
    #expect(try clusters.state(of: "a") == "stopped")
  }

  @Test func `a dropped database or role keeps no server from running`() throws {
    let clusters = try ServedClusters()
    let coppice = clusters.coppice
    let (first, _) = try clusters.start("a", "--from", "main")
    try clusters.sql("CREATE DATABASE app", first)
    try clusters.sql("CREATE ROLE worker LOGIN", first)
    try coppice.check("pg", "stop", "a")
    let (url, _) = try clusters.start("a", "--database", "app", "--login", "worker")
    #expect(url.hasSuffix("/app?sslmode=disable") || url.contains("/app"))
    try coppice.check("pg", "stop", "a")
    let (other, _) = try clusters.start("a", "--login", "postgres", "--database", "postgres")
    try clusters.sql("DROP DATABASE app", other)
    try coppice.check("pg", "stop", "a")
    _ = try coppice.failure("pg", "start", "a", "--database", "app")
    let (again, _) = try clusters.start("a")
    #expect(try clusters.sql("SELECT 1", again) == "1\n")
    // The same where it is the usual one.
    try clusters.sql("CREATE DATABASE app", again)
    try coppice.check("pg", "stop", "a")
    _ = try clusters.start("a", "--database", "app")
    try coppice.check("pg", "psql", "a", "--", "-d", "postgres", "-c", "DROP DATABASE app")
    try coppice.check("pg", "restart", "a")
    try coppice.check("pg", "psql", "a", "--", "-d", "postgres", "-c", "CREATE DATABASE app")
    #expect(try coppice.check("pg", "psql", "a", "--", "-XAtc", "SELECT 1").text == "1\n")
  }

  @Test func `a first superuser who may not log in is told of`() throws {
    let clusters = try ServedClusters()
    let coppice = clusters.coppice
    let (url, _) = try clusters.start("a", "--from", "main", "--superuser")
    try clusters.sql("CREATE ROLE admin SUPERUSER LOGIN", url)
    try coppice.check("pg", "stop", "a")
    let (other, _) = try clusters.start("a", "--login", "admin")
    try clusters.sql("ALTER ROLE postgres NOLOGIN", other)
    // Its login is known already.
    try coppice.check("pg", "restart", "a")
    #expect(try clusters.sql("SELECT 1", other) == "1\n")
    let refused = try coppice.failure("pg", "start", "b", "--from", "a")
    #expect(refused.status == 6 && refused.message.contains("postgres"))
    #expect(refused.remedy.contains("ALTER ROLE"))
    #expect(try coppice("ls", "b").status == 3)
  }

  @Test func `a start that whoever asked for it interrupts leaves nothing`() throws {
    let clusters = try ServedClusters()
    let coppice = clusters.coppice
    _ = try clusters.start("warm", "--from", "main")
    for delay in ["0.03", "0.06", "0.1", "0.15"] {
      try coppice.script(
        "timeout -s INT \(delay) '\(coppice.program.path)' pg start x --from main || true")
      try waitUntil {
        let isThere = try coppice("branch", "show", "x").status == 0
        return try !isThere || clusters.state(of: "x") == "running"
      }
      if try coppice("branch", "show", "x").status == 0 {
        // It was through before the signal came.
        try coppice.check("branch", "delete", "x")
      }
    }
    #expect(try clusters.serverCount() == 1)
  }
}
