import CoppicePostgreSQL
import Testing

/// What of an origin's files a copy keeps, and what findings say.
@Suite struct ClusterFilesTests {
  @Test func `what servers make stays, and all else of the origin goes`() {
    for name in ["PG_VERSION", "base", "global", "pg_wal", "pg_xact", "pg_tblspc", "pg_twophase"] {
      #expect(ClusterFiles.isKept(name, isRecovered: false), "\(name)")
      #expect(ClusterFiles.isKept(name, isRecovered: true), "\(name)")
    }
    for name in ["backup_label", "tablespace_map"] {
      #expect(ClusterFiles.isKept(name, isRecovered: false), "\(name)")
      #expect(!ClusterFiles.isKept(name, isRecovered: true), "\(name)")
    }
    for name in [
      "postgresql.conf", "postgresql.auto.conf", "pg_hba.conf", "pg_ident.conf", "server.key",
      "server.crt", "postmaster.pid", "postmaster.opts", "standby.signal", "recovery.signal",
      "recovery.conf", "log", "pg_log", "backup_manifest", "backup_label.old", "current_logfiles",
      ".pgpass", "", "BASE",
    ] { #expect(!ClusterFiles.isKept(name, isRecovered: false), "\(name)") }
    for name in ClusterFiles.emptied { #expect(ClusterFiles.isKept(name, isRecovered: true)) }
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
      ])
    #expect(
      ClusterFinding.Code.allCases.filter(\.isAcceptable)
        == [.extensionMissing, .collationVersion])
    let texts = Set(ClusterFinding.Code.allCases.map { ClusterFinding($0, ["x"]).text })
    #expect(texts.count == ClusterFinding.Code.allCases.count)
  }
}
