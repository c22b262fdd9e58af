import CoppicePostgreSQL
import TestSupport
import Testing

/// What files of a data directory hold, by their names and first pages.
@Suite struct ClusterContentTests {
  private func content(_ path: String, _ head: [UInt8] = []) -> ClusterContent {
    ClusterContent(path: path.split(separator: "/").map(String.init), head: head)
  }

  @Test func `pages tell tables from indexes and TOAST`() {
    let relation = "base/5/16384"
    #expect(content(relation, SampleRelationPage.page(special: [])) == .heap)
    #expect(
      content(relation, SampleRelationPage.page(special: [UInt8](repeating: 0, count: 16)))
        == .index)
    #expect(
      content(relation, SampleRelationPage.page(special: [0, 0, 0, 0, 0, 0, 8, 0])) == .index)
    #expect(
      content(relation, SampleRelationPage.page(special: [0, 0, 0, 0, 0, 0, 0x91, 0xF0])) == .index)
    #expect(
      content(relation, SampleRelationPage.page(special: [0x17, 0x17, 0, 0, 0, 0, 0, 0])) == .heap)
    let long = SampleRelationPage.row(columnCount: 3, valueByteCount: 2000)
    let short = SampleRelationPage.row(columnCount: 3, valueByteCount: 90)
    #expect(content(relation, SampleRelationPage.page(special: [], rows: [long, short])) == .toast)
    #expect(content(relation, SampleRelationPage.page(special: [], rows: [short])) == .heap)
    let wide = [long, SampleRelationPage.row(columnCount: 4, valueByteCount: 2000)]
    #expect(content(relation, SampleRelationPage.page(special: [], rows: wide)) == .heap)
    #expect(content(relation, [UInt8](repeating: 0, count: 8192)) == .heap)
  }

  @Test func `names tell the rest`() {
    let index = SampleRelationPage.page(special: [UInt8](repeating: 0, count: 16))
    #expect(content("base/5/16384.1", index) == .index)
    #expect(content("global/1262") == .heap && content("global/pg_control") == .server)
    #expect(content("pg_tblspc/16390/PG_15_202209061/5/16391", index) == .index)
    #expect(content("base/5/16384_fsm") == .maps && content("base/5/16384_vm.1") == .maps)
    #expect(content("base/5/t3_16390") == .temporary)
    #expect(content("base/5/t3_16390_fsm") == .temporary)
    #expect(content("base/5/pg_filenode.map") == .server && content("base/5/t_1") == .server)
    #expect(content("base/pgsql_tmp/pgsql_tmp12.0") == .temporary)
    #expect(content("pg_wal/000000010000000000000001") == .wal)
    #expect(content("pg_wal/archive_status/x.done") == .wal)
    #expect(content("pg_multixact/members/0000") == .transactionStatus)
    #expect(content("pg_xact/0000") == .transactionStatus && content("pg_stat/x") == .temporary)
    #expect(content("postgresql.conf") == .server && content("PG_VERSION") == .server)
  }
}
