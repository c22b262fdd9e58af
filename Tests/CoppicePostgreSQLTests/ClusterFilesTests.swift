import CoppicePostgreSQL
import Testing

/// What of an origin's files a copy keeps, and what findings say.
@Suite struct ClusterFilesTests {
  private func fate(
    _ path: String, _ relations: RelationFiles? = nil, isDirectory: Bool = false
  ) -> ClusterFiles.Fate {
    ClusterFiles.fate(
      of: path.split(separator: "/").map(String.init), isDirectory: isDirectory, relations)
  }

  private var relations: RelationFiles {
    var relations = RelationFiles()
    relations.add(database: 1, [["f", "1259"], ["t", "1262"], ["f", nil]])
    relations.add(database: 4, nil)
    return relations
  }

  @Test func `what servers make stays, and all else of the origin goes`() {
    for name in [
      "base", "global", "pg_wal", "pg_xact", "pg_tblspc", "pg_twophase", "pg_logical/mappings",
      "pg_multixact/members", "base/1", "base/4", "pg_wal/archive_status", "pg_notify",
    ] {
      #expect(fate(name, isDirectory: true) == .kept, "\(name)")
      #expect(fate(name, relations, isDirectory: true) == .kept, "\(name)")
    }
    for name in ["log", "BASE", "base/pgsql_tmp", "base/01", "pg_xact/x", "global/1"] {
      #expect(fate(name, isDirectory: true) == .foreign, "\(name)")
    }
    for name in [
      "PG_VERSION", "base/1/PG_VERSION", "base/1/1259", "base/1/1259.1", "base/1/1259_fsm",
      "base/1/1259_vm.2", "base/1/1259_init", "base/1/pg_filenode.map", "base/4/99",
      "global/1262", "global/pg_control", "global/pg_filenode.map", "global/pg_internal.init",
      "base/1/pg_internal.init", "pg_xact/0000", "pg_xact/00AF",
      "pg_multixact/offsets/0000", "pg_twophase/0000000000000F0A",
      "pg_logical/replorigin_checkpoint",
      "pg_wal/000000010000000000000001", "pg_wal/00000002.history", "pg_tblspc/16400",
    ] {
      #expect(fate(name) == .kept, "\(name)")
      #expect(fate(name, relations) == .kept, "\(name)")
    }
    for name in [
      "postgresql.conf", "postgresql.auto.conf", "pg_hba.conf", "pg_ident.conf", "server.key",
      "server.crt", "postmaster.pid", "postmaster.opts", "standby.signal", "recovery.signal",
      "recovery.conf", "pg_log", "backup_manifest", "backup_label.old", "current_logfiles",
      ".pgpass", "BASE", "base/secret", "base/1/secret.txt", "base/1/1259_old", "base/1/01259",
      "base/1/1259.", "base/1/1259.0", "base/1/t3_1259", "base/1/", "global/secret",
      "pg_xact/secret", "pg_xact/00af", "pg_multixact/0000", "pg_logical/secret",
      "pg_wal/000000010000000000000001.partial", "pg_wal/secret", "pg_tblspc/x",
    ] { #expect(fate(name) == .foreign, "\(name)") }
    for name in ["backup_label", "tablespace_map"] {
      #expect(fate(name) == .kept && fate(name, relations) == .foreign, "\(name)")
    }
    for name in [
      "pg_replslot/slot", "pg_wal/archive_status/x.ready", "pg_logical/snapshots/0-1.snap",
    ] { #expect(fate(name) == .dropped, "\(name)") }
    #expect(fate("pg_replslot/slot", isDirectory: true) == .dropped)
  }

  @Test func `files of relations that nobody knows go once that can be told`() {
    for name in ["base/1/1260", "base/1/1260_fsm", "base/1/1262", "global/1259", "base/7/1259"] {
      #expect(fate(name) == .kept && fate(name, relations) == .foreign, "\(name)")
    }
    #expect(fate("base/7", relations, isDirectory: true) == .foreign)
    #expect(fate("base/4/1260", relations) == .kept, "nobody asked that database")
  }

  @Test func `a finding says what it is about, and not more than can be read`() {
    let few = ClusterFinding(.slots, ["a", "b"])
    #expect(few.text == "replication slots are not in branches: a, b")
    let many = ClusterFinding(.unloggedTables, in: "shop", (1...10).map { "t\($0)" })
    #expect(many.text.hasSuffix(": t1, t2, t3, t4, t5, t6, t7, t8 and 2 more"), "\(many.text)")
    #expect(
      ClusterFinding(.unloggedTables, (1...8).map { "t\($0)" }).text.hasSuffix("t7, t8"))
  }

  @Test func `findings in capital letters stop, and few of them can be accepted`() {
    let stopping = ClusterFinding.Code.allCases.filter(\.stops).map(\.rawValue)
    #expect(
      stopping == [
        "MAJOR-MISSING", "BLOCK-SIZE", "EXTENSION-MISSING", "COLLATION-VERSION", "TABLESPACES",
        "SUPERUSER-SHUT-OUT", "TEMPLATE-CLOSED",
      ])
    #expect(
      ClusterFinding.Code.allCases.filter(\.isAcceptable)
        == [.extensionMissing, .collationVersion])
    let texts = Set(ClusterFinding.Code.allCases.map { ClusterFinding($0, ["x"]).text })
    #expect(texts.count == ClusterFinding.Code.allCases.count)
  }
}
