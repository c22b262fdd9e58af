import CoppicePostgreSQL
import Testing

struct RestoreStatementsTests {
  @Test func `names stand in statements whatever they hold`() {
    #expect(RestoreStatements.create(role: "a \"b") == "CREATE ROLE \"a \"\"b\" LOGIN")
    #expect(RestoreStatements.create(role: "postgres").hasSuffix(" LOGIN SUPERUSER"))
    #expect(
      RestoreStatements.give(database: "x-1", to: "o\"")
        == "ALTER DATABASE \"x-1\" OWNER TO \"o\"\"\"")
    #expect(RestoreStatements.isReserved(role: "pg_monitor"))
    #expect(!RestoreStatements.isReserved(role: "pgbouncer"))
  }

  @Test func `a database's name is cut as a server cuts it, between letters`() {
    #expect(RestoreStatements.databaseName(of: "shop") == "shop")
    #expect(RestoreStatements.databaseName(of: "template1") == "template1_restored")
    let long = String(repeating: "a", count: 62) + "éé"
    #expect(RestoreStatements.databaseName(of: long) == String(repeating: "a", count: 62))
  }
}
