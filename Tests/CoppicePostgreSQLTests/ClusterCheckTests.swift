import CoppicePostgreSQL
import Testing

/// What is found in clusters, by the answers of servers that no machine has at once.
@Suite struct ClusterCheckTests {
  private struct Refused: Error {}

  private static let machine = ClusterCheck.Machine(
    version: "15.4", extensions: ["plpgsql"], collationVersion: "2.36")

  /// Of a server whose statements that have a word answer with these rows, all others with none.
  private func findings(
    _ answers: [String: [[String?]]], _ machine: ClusterCheck.Machine = machine,
    version: Int = 150_004, isServed: Bool = true
  ) throws -> [ClusterFinding] {
    try ClusterCheck.findings(
      of: (MajorVersion(version / 10_000), version), on: machine, isServed: isServed
    ) { (statement: String, _: String?) throws(Refused) in
      if statement.hasPrefix("SELECT datname") { return answers["databases"] ?? [["shop"]] }
      return answers.first { statement.contains($0.key) }?.value ?? []
    }
  }

  @Test func `nothing is found in a cluster that has nothing`() throws {
    #expect(try findings([:]) == [])
    #expect(try findings(["pg_extension ORDER": [["plpgsql"]]]) == [])
  }

  @Test(arguments: [
    ("block_size", "BLOCK-SIZE"), ("pg_tablespace", "TABLESPACES"),
    ("data_checksums", "checksums-off"), ("pg_prepared_xacts", "prepared-transactions"),
    ("pg_replication_slots", "replication-slots"), ("pg_subscription", "subscriptions"),
    ("rolsuper", "superuser-logins"), ("oid = 10", "SUPERUSER-SHUT-OUT"),
    ("relpersistence", "unlogged-tables"), ("datallowconn", "TEMPLATE-CLOSED"),
    ("pg_foreign_server", "foreign-servers"), ("extname IN", "scheduled-jobs"),
    ("pg_extension ORDER", "EXTENSION-MISSING"), ("pg_collation", "COLLATION-VERSION"),
  ])
  func `each finding has its code`(_ word: String, _ code: String) throws {
    let found = try findings([word: [["one"], ["two"]]])
    #expect(found.map(\.code.rawValue) == [code])
    #expect(found.first?.objects.count == 2)
  }

  @Test func `libraries with workers are left out`() throws {
    let found = try findings(["shared_preload_libraries": [["pg_stat_statements, pg_cron"]]])
    #expect(found == [ClusterFinding(.workersLeftOut, ["pg_cron"])])
  }

  @Test func `programs are missing, older, or as new`() throws {
    func codes(_ version: String?, _ number: Int) throws -> [ClusterFinding.Code] {
      let machine = ClusterCheck.Machine(version: version, extensions: nil, collationVersion: nil)
      return try findings(["pg_collation": [["2.31"]]], machine, version: number).map(\.code)
    }
    #expect(try codes(nil, 150_004) == [.majorMissing])
    #expect(try codes("15.4", 150_005) == [.minorOlder])
    #expect(try codes("15.4", 150_004) == [])
    #expect(try codes("15.10", 150_009) == [])
    #expect(try codes("16beta1", 160_000) == [])
  }

  @Test func `tablespaces and orders of a copy are not those of a server`() throws {
    let answers = ["pg_tablespace": [["apart"]], "pg_collation": [["2.31"]]]
    #expect(try findings(answers, isServed: false) == [])
    #expect(try findings(answers).map(\.code) == [.tablespaces, .collationVersion])
  }

  @Test func `each database is looked at`() throws {
    let found = try findings([
      "databases": [["shop"], ["blog"]], "pg_foreign_server": [["far"]],
    ])
    #expect(found.map(\.database) == ["shop", "blog"])
  }

  @Test func `a server tells its version`() throws {
    func version(_ rows: [[String?]]) throws -> Int? {
      try ClusterCheck.version { (_: String, _: String?) throws(Refused) in rows }?.number
    }
    #expect(try version([["150018"]]) == 150_018)
    for bad: [[String?]] in [[], [[]], [[nil]], [["x"]]] { #expect(try version(bad) == nil) }
  }
}
