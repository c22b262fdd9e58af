import Foundation
import Glibc
import TestSupport
import Testing

/// A baseline of a server that works: consistent, ready at once, and without what is its origin's.
@Suite(
  .enabled(
    if: ServedClusters.isPossible
      && access("/usr/share/postgresql/15/extension/pg_cron.control", F_OK) == 0,
    "needs root, /dev/fuse, PostgreSQL 15 and its pg_cron"))
struct RefreshTests {
  /// In all that is secret, and nowhere else.
  private static let mark = "Zweigwort"

  @Test func `a baseline of a busy primary has its data, and nothing that is its own`() throws {
    let origin = try makeOrigin()
    let secrets = try secrets(of: origin)
    let slots = "SELECT slot_name, active, confirmed_flush_lsn FROM pg_replication_slots"
    let slot = try origin.sql(slots)
    let clusters = try origin.servedStore()
    let coppice = clusters.coppice
    let load = try origin.load(seconds: 60)
    let added = try coppice.json(
      "baseline", "add", "prod", "--from", "postgres:\(origin.service)", "--fast-checkpoint")
    load.send(signal: SIGINT)
    _ = try load.wait()
    let newest = try #require(added["newest"] as? String)
    #expect(newest.hasPrefix("prod@20"))
    #expect(try clusters.leftovers(besides: ["prod"]) == [])

    let status = "\(origin.data)/pg_wal/archive_status"
    try waitUntil {
      try !FileManager.default.contentsOfDirectory(atPath: status).contains {
        $0.hasSuffix(".ready")
      }
    }
    let archived = try archive(of: origin)
    let (url, answer) = try clusters.start(
      "a", "--from", "prod@newest", "--superuser", "--database", "postgres")
    #expect(answer["isRecovered"] as? Bool == false, "\(answer)")
    try verifyBranch(clusters, url)
    try Program("\(PostgreSQL.programs)/pg_amcheck").check(["--install-missing", url])
    try clusters.sql("CREATE TABLE t AS SELECT 1; SELECT pg_switch_wal(); CHECKPOINT", url)
    #expect(try archive(of: origin) == archived)
    #expect(try origin.sql(slots) == slot)

    // What was removed while the kernel knew it is not there for nobody to see.
    try coppice.check("branch", "create", "fork", "--from", "prod@newest")
    let shown = try ["prod@newest", "fork"].map { try coppice.json("branch", "show", $0) }
    for key in ["logicalByteCount", "fileCount"] {
      #expect(shown[0][key] as? Int == shown[1][key] as? Int, "\(key)")
    }
    #expect(shown[1]["exclusiveByteCount"] as? Int == 0)
    try coppice.check("export", "prod@newest", "copy")
    #expect(try found(secrets, in: coppice.folder("copy")) == [])
    // As long as they are looked for in the right way.
    #expect(try found(secrets, in: origin.data).count > 8)
    let state = try Program("\(PostgreSQL.programs)/pg_controldata").check([coppice.folder("copy")])
    #expect(state.text.contains("shut down\n"), "\(state.text)")
    let log = try FileManager.default.contentsOfDirectory(atPath: coppice.folder("copy/pg_wal"))
    #expect(log.filter { $0.count == 24 }.count <= 2, "\(log)")
    #expect(log.allSatisfy { $0.count == 24 || $0 == "archive_status" }, "\(log)")
    clusters.stop()
    #expect(try coppice("check").status == 0)
  }

  private func makeOrigin() throws -> Origin {
    let origin = try Origin(
      "wal_level = logical", "max_prepared_transactions = 5", "password_encryption = scram-sha-256",
      "shared_preload_libraries = 'pg_cron,pg_stat_statements'", "track_commit_timestamp = on")
    let (folder, mark) = (origin.folder.path, Self.mark)
    try Program("sh").check([
      "-c",
      """
      mkdir '\(folder)/archive'; chmod 777 '\(folder)/archive'; cd '\(origin.data)'
      echo \(mark)Key > server.key; mkdir log; echo \(mark)Log > log/server.log
      echo '# \(mark)Access' >> pg_hba.conf
      echo "primary_conninfo = 'password=\(mark)Conninfo'" >> postgresql.auto.conf
      mkdir base/77777
      for file in base/1/notes base/1/99999 base/77777/16400 global/99998 global/notes \
        pg_xact/notes pg_multixact/members/notes pg_tblspc/notes pg_logical/notes; do
        echo \(mark)File > $file
      done
      chown -R postgres: server.key log base global pg_*
      """,
    ])
    try origin.configure([
      "archive_mode = on",
      "archive_command = 'cp %p \(folder)/archive/%f # \(mark)Archive'",
    ])
    origin.server.stopAll()
    try origin.server.start(origin.name)
    try origin.fillForLoad()
    for statement in [
      "CREATE EXTENSION pg_cron", "CREATE EXTENSION postgres_fdw",
      "CREATE EXTENSION pg_stat_statements",
      "SELECT cron.schedule('* * * * *', 'SELECT 1')",
      "CREATE ROLE app LOGIN PASSWORD '\(mark)Plain'", "ALTER ROLE app PASSWORD '\(mark)Other'",
      "ALTER ROLE postgres PASSWORD '\(mark)Super'",
      "SET password_encryption = md5; CREATE ROLE old LOGIN PASSWORD '\(mark)Old'",
      "CREATE SERVER far FOREIGN DATA WRAPPER postgres_fdw OPTIONS (host 'far.invalid')",
      "CREATE USER MAPPING FOR app SERVER far OPTIONS (user 'x', password '\(mark)Mapping')",
      """
      CREATE SUBSCRIPTION news CONNECTION 'host=far.invalid password=\(mark)Subscription' \
      PUBLICATION p WITH (connect = false)
      """,
      "SELECT pg_create_logical_replication_slot('hot', 'test_decoding')",
      "BEGIN; CREATE TABLE waits (n int); PREPARE TRANSACTION 'second word'",
      // Statistics tell values.
      "ANALYZE pg_authid; ANALYZE pg_user_mapping; ANALYZE pg_subscription",
      "CREATE DATABASE closed", "CREATE DATABASE dropped", "CREATE DATABASE broken",
    ] { try origin.sql(statement) }
    for name in ["closed", "dropped", "broken"] {
      try origin.server.run(
        "psql",
        origin.server.connection + [
          "-qX", "-d", name, "-c",
          """
          CREATE EXTENSION postgres_fdw; CREATE SERVER far FOREIGN DATA WRAPPER postgres_fdw; \
          CREATE USER MAPPING FOR app SERVER far OPTIONS (password '\(mark)In\(name)'); \
          \(name == "dropped" ? "DROP USER MAPPING FOR app SERVER far" : "")
          """,
        ])
    }
    // Who connects to it is somebody with few rights.
    try origin.sql("ALTER DATABASE closed SET role = 'app'")
    // What a DROP DATABASE leaves that was killed.
    try origin.sql("UPDATE pg_database SET datconnlimit = -2 WHERE datname = 'broken'")
    try origin.sql("ALTER DATABASE closed ALLOW_CONNECTIONS false")
    try origin.sql("CHECKPOINT")
    return origin
  }

  /// The word, and what servers make of passwords.
  private func secrets(of origin: Origin) throws -> [String] {
    let verifiers = try origin.sql(
      "SELECT rolpassword FROM pg_authid WHERE rolpassword IS NOT NULL"
    ).split(separator: "\n").flatMap { verifier in
      // The salt and the keys, each as it stands.
      verifier.split(whereSeparator: { "$:".contains($0) }).map(String.init)
        .filter { $0.utf8.count > 20 }
    }
    #expect(verifiers.count == 7, "\(verifiers)")
    return [Self.mark] + verifiers
  }

  /// Files that have one of the texts, and which.
  private func found(_ texts: [String], in directory: String) throws -> [String] {
    try texts.flatMap { text in
      try Program("grep").run(["-raFo", text, directory]).text.split(separator: "\n")
        .map(String.init)
    }
  }

  private func archive(of origin: Origin) throws -> [String] {
    let row = try origin.sql("SELECT archived_count FROM pg_stat_archiver")
    let files = try FileManager.default.contentsOfDirectory(atPath: origin.folder("archive"))
    return files.sorted() + [row]
  }

  private func verifyBranch(_ clusters: ServedClusters, _ url: String) throws {
    #expect(try clusters.sql(pgbenchSums, url) == "t\n")
    for (statement, answer) in [
      ("SELECT count(*) > 0 FROM pgbench_history", "t"),
      ("SELECT count(*) FROM pg_prepared_xacts", "0"),
      ("SELECT count(*) FROM pg_replication_slots", "0"),
      ("SELECT count(*) FROM pg_class WHERE relname = 'waits'", "0"),
      ("SELECT subenabled, subslotname IS NULL, subconninfo = '' FROM pg_subscription", "f|t|t"),
      (
        "SELECT count(*) FROM pg_authid WHERE rolpassword IS NOT NULL AND rolname <> current_user",
        "0"
      ),
      ("SELECT count(*) FROM pg_user_mapping WHERE umoptions IS NOT NULL", "0"),
      ("SELECT count(*) FROM pg_stat_activity WHERE backend_type ~ 'cron|logical'", "0"),
      ("SELECT datallowconn FROM pg_database WHERE datname = 'closed'", "f"),
      ("SELECT count(*) FROM pg_database WHERE datname = 'broken'", "0"),
      ("SELECT count(*) FROM cron.job", "1"),
    ] { #expect(try clusters.sql(statement, url) == answer + "\n", "\(statement)") }
  }
}
