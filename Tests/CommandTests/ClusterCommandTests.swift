import Foundation
import TestSupport
import Testing

/// What is found in clusters, and snapshots that are made of them without a baseline.
@Suite(.enabled(if: ServedClusters.isPossible, "needs root, /dev/fuse and PostgreSQL 15"))
struct ClusterCommandTests {
  @Test func `a running server is looked at before anything is taken from it`() throws {
    let origin = try Origin("max_prepared_transactions = 2")
    for statement in [
      "CREATE UNLOGGED TABLE quick (n int)", "CREATE EXTENSION postgres_fdw",
      "CREATE SERVER far FOREIGN DATA WRAPPER postgres_fdw",
      "SELECT pg_create_physical_replication_slot('slot')",
      "BEGIN; CREATE TABLE t (); PREPARE TRANSACTION 'waits'",
    ] { try origin.sql(statement) }
    let clusters = try origin.servedStore()
    let result = try clusters.coppice("pg", "check", "postgres:\(origin.service)", "--json")
    #expect(result.status == 2, "\(result.errors)")
    let answer = try #require(
      try JSONSerialization.jsonObject(with: Data(result.output)) as? [String: Any])
    #expect(answer["stops"] as? Bool == false)
    let found = try #require(answer["findings"] as? [[String: Any]])
    let codes = Set(found.compactMap { $0["code"] as? String })
    let expected: Set = [
      "unlogged-tables", "foreign-servers", "replication-slots", "prepared-transactions",
      "superuser-logins",
    ]
    #expect(codes.isSuperset(of: expected), "\(codes)")
    #expect(
      found.first { $0["code"] as? String == "foreign-servers" }?["objects"] as? [String]
        == ["far"])
    let text = try clusters.coppice("pg", "check", "postgres:\(origin.service)")
    #expect(text.text.contains("prepared-transactions: prepared transactions are rolled back"))
    let nowhere = try clusters.coppice.failure("pg", "check", "postgres:nowhere")
    #expect(nowhere.status == 3 && nowhere.message.contains("nowhere"), "\(nowhere)")
    let odd = try clusters.coppice.failure("pg", "check", "postgres:a b")
    #expect(odd.status == 64 && odd.remedy.contains("pg_service.conf"), "\(odd)")
    try origin.sql("ROLLBACK PREPARED 'waits'")
    try checkShutOut(origin, clusters)
  }

  /// Of the superuser that initdb made, as whom clusters are prepared.
  private func checkShutOut(_ origin: Origin, _ clusters: ServedClusters) throws {
    try origin.sql("CREATE ROLE boss SUPERUSER LOGIN")
    let section = "[\(origin.service).boss]\nhost=\(origin.folder.path)\nuser=boss\n"
    let port = "port=\(origin.server.port)\ndbname=postgres\n"
    let file = URL(fileURLWithPath: origin.folder("services"))
    try (try Data(contentsOf: file) + Data((section + port).utf8)).write(to: file)
    try origin.sql("ALTER DATABASE template1 ALLOW_CONNECTIONS false")
    try origin.sql("ALTER ROLE postgres NOLOGIN")
    let source = "postgres:\(origin.service).boss"
    let text = try clusters.coppice("pg", "check", source).text
    #expect(text.contains("SUPERUSER-SHUT-OUT: "), "\(text)")
    #expect(text.contains("TEMPLATE-CLOSED: "), "\(text)")
    let refused = try clusters.coppice.failure("baseline", "add", "prod", "--from", source)
    #expect(refused.status == 4 && refused.message.contains("may not log in"), "\(refused)")
    #expect(refused.remedy.contains("ALTER ROLE \"postgres\" LOGIN"), "\(refused)")
  }

  @Test func `a branch is looked at and prepared on a fork, and stays as it is`() throws {
    let clusters = try ServedClusters()
    let coppice = clusters.coppice
    let found = try coppice("pg", "check", "main")
    #expect(
      found.status == 2
        && found.text == "superuser-logins: superusers that may log in: "
          + "postgres\n",
      "\(found.text) \(found.errors)")
    let before = try coppice.json("branch", "show", "main")["rootHash"] as? String
    let made = try coppice.json("pg", "prepare", "main", "main@ready")
    #expect(made["major"] as? Int == 15 && made["snapshot"] as? String == "main@ready", "\(made)")
    #expect(try coppice.json("branch", "show", "main")["rootHash"] as? String == before)
    let (url, answer) = try clusters.start("a", "--from", "main@ready", "--superuser")
    #expect(answer["isRecovered"] as? Bool == false)
    #expect(try clusters.sql("SELECT 1", url) == "1\n")
    try coppice.check("branch", "delete", "a")
    // Anybody's server starts on it as well.
    try coppice.check("export", "main@ready", "ready")
    let server = try PostgreSQL(in: coppice.folder)
    try server.start("ready")
    #expect(try server.sql("SELECT 1") == "1\n")
    server.stopAll()
    for (words, status) in [
      (["main", "main@ready"], 4), (["nowhere", "main@other"], 3), (["main", "other@name"], 3),
      (["main", "main"], 64), (["main", "main@newest"], 64),
    ] as [([String], Int32)] {
      #expect(try coppice.failure(all: ["pg", "prepare"] + words).status == status, "\(words)")
    }
    try coppice.check("branch", "create", "empty")
    for command in [["pg", "check", "empty"], ["pg", "prepare", "empty", "empty@x"]] {
      #expect(try coppice.failure(all: command).status == 3, "\(command)")
    }
    let names = try coppice.json("branch", "list")["branches"] as? [[String: Any]] ?? []
    #expect(Set(names.compactMap { $0["name"] as? String }) == ["main", "empty"])
    #expect(try clusters.serverCount() == 0)
  }
}
