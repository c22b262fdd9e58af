import Foundation
import Glibc
import TestSupport
import Testing

/// Origins and instances of versions that the distribution does not have.
@Suite(
  .enabled(
    if: ServedClusters.isPossible && !OtherVersions.programs.isEmpty,
    "needs root, /dev/fuse, PostgreSQL 15, and others that COPPICE_TEST_PG_PROGRAMS names"))
struct InstanceVersionTests {
  @Test(arguments: OtherVersions.programs)
  func `an origin of another version becomes a baseline, and its branches survive a kill`(
    _ programs: String
  ) throws {
    let origin = try Origin("max_prepared_transactions = 2", programs: programs)
    try origin.fillForLoad()
    try origin.sql("CREATE ROLE app LOGIN PASSWORD 'Zweigwort'")
    try origin.sql("BEGIN; CREATE TABLE waits (n int); PREPARE TRANSACTION 'second word'")
    let number = "SELECT current_setting('server_version_num')"
    let version = try origin.sql(number)
    let clusters = try origin.servedStore("--pg-programs", programs)
    let coppice = clusters.coppice
    origin.server.stopAll()
    try coppice.check("baseline", "add", "prod", "--from", "directory:\(origin.data)")
    try coppice.check("baseline", "refresh", "prod")
    let (url, answer) = try clusters.start(
      "a", "--from", "prod@newest", "--superuser", "--database", "postgres")
    #expect(answer["isRecovered"] as? Bool == false, "\(answer)")
    for (statement, expected) in [
      (number, version), (pgbenchSums, "t\n"), ("SELECT count(*) FROM pg_prepared_xacts", "0\n"),
      ("SELECT count(rolpassword) FROM pg_authid WHERE rolname = 'app'", "0\n"),
    ] { #expect(try clusters.sql(statement, url) == expected, "\(statement)") }
    // One that is in the middle of its work.
    try clusters.sql("UPDATE pgbench_accounts SET filler = 'x' WHERE aid % 7 = 0", url)
    try clusters.killServer(of: "a")
    try waitUntil { try clusters.state(of: "a") == "running" }
    #expect(
      try clusters.sql("SELECT count(*) FROM pgbench_accounts WHERE filler LIKE 'x%'", url)
        == "14285\n")
    try coppice.check("branch", "create", "b", "--from", "a")
    let (other, _) = try clusters.start("b", "--superuser", "--database", "postgres")
    #expect(try clusters.sql(pgbenchSums, other) == "t\n")
    #expect(try coppice("pg", "check", "prod").status == 2)
    #expect(try clusters.branchNames().sorted() == ["a", "b", "prod"])
  }
}
