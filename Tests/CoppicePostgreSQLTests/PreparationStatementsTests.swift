import CoppicePostgreSQL
import TestSupport
import Testing

/// Statements of preparing on a real server: what they change, and what they leave.
@Suite(.enabled(if: InstalledServer.usual != nil, "needs PostgreSQL 15"))
struct PreparationStatementsTests {
  @Test func `each statement does what it says, on a real server`() throws {
    let cluster = try TestCluster(try #require(InstalledServer.usual))
    var configuration = try cluster.configuration()
    configuration.preloads = try PreloadedLibraries(origin: "")
    try cluster.start(
      configuration,
      try AccessFiles(administrator: "postgres", systemUsers: ["root", TestCluster.ownUser]))
    defer { try? cluster.stop() }
    func ask(_ statement: String) throws -> String { try cluster.administer(statement) }

    #expect(try ask(PreparationStatements.preparedTransactions) == "")
    #expect(try ask(PreparationStatements.brokenDatabases) == "")
    #expect(try ask(PreparationStatements.missingExtensions) == "")
    #expect(try ask(PreparationStatements.closedDatabases) == "")
    for major in [14, 15] {
      #expect(try ask(PreparationStatements.otherCollations(MajorVersion(major))) == "")
    }
    _ = try ask("CREATE ROLE a PASSWORD 'secret'; CREATE ROLE b; ANALYZE pg_authid")
    #expect(try ask(PreparationStatements.removePasswords) == "a\n")
    #expect(try ask(PreparationStatements.removePasswords) == "")
    #expect(try ask(PreparationStatements.removeStatistics).contains("1260"))
    #expect(try ask(PreparationStatements.removeStatistics) == "")
    for catalogue in PreparationStatements.SecretCatalogue.allCases {
      let isUsed = catalogue == .roles || catalogue == .statistics
      #expect(try ask(PreparationStatements.isUsed(catalogue)) == (isUsed ? "1\n" : ""))
      _ = try ask(PreparationStatements.rewrite(catalogue))
    }
    _ = try ask(
      """
      CREATE FOREIGN DATA WRAPPER w; CREATE SERVER s FOREIGN DATA WRAPPER w;
      CREATE USER MAPPING FOR a SERVER s OPTIONS (password 'x');
      CREATE SUBSCRIPTION n CONNECTION 'dbname=x' PUBLICATION p WITH (connect = false)
      """)
    #expect(try ask(PreparationStatements.removeUserMappings).split(separator: "\n").count == 1)
    #expect(try ask(PreparationStatements.removeUserMappings) == "")
    #expect(try ask(PreparationStatements.disableSubscriptions) == "n\n")
    #expect(try ask(PreparationStatements.disableSubscriptions) == "")
    _ = try ask("DROP SUBSCRIPTION n")

    // Names that are hard to write.
    let name = "a \"b' \\c"
    _ = try ask("CREATE DATABASE \(SQLText.name(name))")
    _ = try ask(PreparationStatements.allowConnections(false, to: name))
    #expect(try ask(PreparationStatements.closedDatabases) == name + "\n")
    _ = try ask(PreparationStatements.allowConnections(true, to: name))
    #expect(try ask(PreparationStatements.closedDatabases) == "")
    _ = try ask("UPDATE pg_database SET datconnlimit = -2 WHERE NOT datistemplate AND oid > 16383")
    #expect(try ask(PreparationStatements.brokenDatabases) == name + "\n")
    #expect(try ask(AdministrativeSession.databases).contains("\(name)|postgres|f|f\n"))
    _ = try ask(PreparationStatements.drop(database: name))
    #expect(try ask(PreparationStatements.brokenDatabases) == "")

    _ = try ask("CREATE SCHEMA \"S s\"; CREATE TABLE \"S s\".\"T t\" AS SELECT 1 AS n")
    func tables(_ freezing: PreparationStatements.Freezing) throws -> [Substring] {
      try ask(PreparationStatements.tables(toFreeze: freezing)).split(separator: "\n")
    }
    let own = "\"S s\".\"T t\""
    #expect(try tables(.none) == [])
    #expect(try tables(.auto).contains(Substring(own)) && tables(.all).contains(Substring(own)))
    for table in try tables(.auto) { _ = try ask(PreparationStatements.freeze(String(table))) }
    #expect(try !tables(.auto).contains(Substring(own)) && tables(.all).contains(Substring(own)))
    for statement in PreparationStatements.end { _ = try ask(statement) }
  }
}
