import CoppiceErrors
import CoppicePostgreSQL
import Testing

struct AccessFilesTests {
  @Test func `the rules let in the administrator by who he is, all others by passwords`() throws {
    let access = try AccessFiles(administrator: "postgres", systemUsers: ["root", "coppice"])
    let rules = access.hba.split(separator: "\n").filter { !$0.hasPrefix("#") }
    #expect(
      rules == [
        "local template1 \"postgres\" peer map=coppice", "local all all scram-sha-256",
      ])
    #expect(
      access.ident == "coppice \"root\" \"postgres\"\ncoppice \"coppice\" \"postgres\"\n")
    let replicated = try AccessFiles(
      administrator: "postgres", systemUsers: [], wantsReplication: true)
    #expect(replicated.hba.hasSuffix("\nlocal replication all scram-sha-256\n"))
    #expect(replicated.ident.isEmpty)
  }

  @Test func `names stand in quotes`() throws {
    let access = try AccessFiles(administrator: "all\" #,+x", systemUsers: ["a b"])
    #expect(access.hba.contains("local template1 \"all\"\" #,+x\" peer map=coppice\n"))
    #expect(access.ident == "coppice \"a b\" \"all\"\" #,+x\"\n")
  }

  @Test(arguments: ["", "/a", "a\nb", "a\rb", "a\0", String(repeating: "x", count: 64)])
  func `names that the files cannot hold are refused`(name: String) {
    let role = #expect(throws: StoreError.self) {
      try AccessFiles(administrator: name, systemUsers: [])
    }
    #expect(role?.kind == .unsupportedFormat)
    let user = #expect(throws: StoreError.self) {
      try AccessFiles(administrator: "postgres", systemUsers: [name])
    }
    #expect(user?.kind == .invalid)
  }

  @Test func `sessions of ours let nothing of the origin's in`() {
    let old = AdministrativeSession.parameters(for: MajorVersion(15)).map(\.name)
    let new = AdministrativeSession.parameters(for: MajorVersion(17)).map(\.name)
    #expect(!old.contains("event_triggers"))
    #expect(new.contains("event_triggers"))
    #expect(
      Set(old).isSuperset(of: ["role", "search_path", "session_preload_libraries", "log_statement"])
    )
  }

  @Test func `a password's statement has nothing but the verifier`() {
    let statement = AdministrativeSession.setPassword(
      of: "a\"; DROP ROLE b; --", verifier: "SCRAM-SHA-256$4096:c2FsdA==$a:b")
    #expect(
      statement == "ALTER ROLE \"a\"\"; DROP ROLE b; --\" PASSWORD "
        + "E'SCRAM-SHA-256$4096:c2FsdA==$a:b' VALID UNTIL 'infinity'")
  }
}

struct LoginPlanTests {
  private static let roles = [
    ClusterRole(name: "app", mayLogIn: true, isSuperuser: false),
    ClusterRole(name: "postgres", mayLogIn: true, isSuperuser: true),
    ClusterRole(name: "staff", mayLogIn: false, isSuperuser: false),
  ]

  private static func database(
    _ name: String, _ owner: String = "postgres", isTemplate: Bool = false,
    allowsConnections: Bool = true
  ) -> ClusterDatabase {
    ClusterDatabase(
      name: name, owner: owner, isTemplate: isTemplate, allowsConnections: allowsConnections)
  }

  private static let first = [
    database("template0", isTemplate: true, allowsConnections: false),
    database("template1", isTemplate: true), database("postgres"),
  ]

  private static func plan(
    _ login: String? = nil, _ database: String? = nil, of databases: [ClusterDatabase],
    allowsSuperuser: Bool = false
  ) throws(StoreError) -> LoginPlan {
    try LoginPlan(
      login: login, database: database, roles: roles, databases: databases,
      allowsSuperuser: allowsSuperuser)
  }

  @Test func `the oldest database that somebody made is meant, and its owner`() throws {
    let databases =
      Self.first + [
        Self.database("closed", "app", allowsConnections: false), Self.database("shop", "app"),
        Self.database("blog"),
      ]
    let plan = try Self.plan(of: databases)
    #expect((plan.login, plan.database) == ("app", "shop"))
    #expect(plan.otherDatabases == ["blog"])
    let named = try Self.plan("app", "blog", of: databases)
    #expect((named.login, named.database) == ("app", "blog"))
    #expect(named.otherDatabases.isEmpty)
  }

  @Test func `without one it is the first of every cluster`() throws {
    let plan = try Self.plan(of: Self.first, allowsSuperuser: true)
    #expect((plan.login, plan.database) == ("postgres", "postgres"))
  }

  @Test func `a superuser is denied unless that is asked for`() {
    let error = #expect(throws: StoreError.self) { try Self.plan(of: Self.first) }
    #expect(error?.kind == .denied)
    #expect(error?.reason == .policy)
    #expect(error?.object == "postgres")
    #expect(error?.message.contains("the owner of the database postgres") == true)
    #expect(error.map { "\($0.remedy)" }?.contains("--login: app, or allow it") == true)
  }

  @Test func `a role that may not log in is denied`() {
    let error = #expect(throws: StoreError.self) { try Self.plan("staff", of: Self.first) }
    #expect(error?.kind == .denied)
    #expect(error?.object == "staff")
    #expect(error.map { "\($0.remedy)" } == "choose another role by --login: app")
  }

  @Test func `a role that is not there is told with those that are`() {
    for name in ["App", "app ", ""] {
      let error = #expect(throws: StoreError.self) { try Self.plan(name, of: Self.first) }
      #expect(error?.kind == .notFound)
      #expect(error?.object == name)
      #expect(error.map { "\($0.remedy)" } == "those that may log in are app, postgres")
    }
  }

  @Test func `names that only look alike are others`() {
    let databases = [Self.database("caf\u{E9}", "app")]
    let error = #expect(throws: StoreError.self) {
      try Self.plan(nil, "cafe\u{301}", of: databases)
    }
    #expect(error?.kind == .notFound)
    #expect(error?.message == "no such database that takes connections")
  }

  @Test func `a cluster without a database that takes connections has none to choose`() {
    let error = #expect(throws: StoreError.self) {
      try Self.plan(of: [Self.database("shop", allowsConnections: false)])
    }
    #expect(error?.kind == .notFound)
  }

  @Test func `many roles are counted`() {
    let roles = (0..<23).map {
      ClusterRole(name: "r\($0)", mayLogIn: true, isSuperuser: false)
    }
    let error = #expect(throws: StoreError.self) {
      try LoginPlan(
        login: "x", database: nil, roles: roles, databases: Self.first, allowsSuperuser: true)
    }
    #expect(error.map { "\($0.remedy)" }?.hasSuffix("r19 and 3 more") == true)
  }

  @Test func `rows of other queries are none`() {
    #expect(ClusterRole(row: ["a", "t"]) == nil)
    #expect(ClusterRole(row: [nil, "t", "f"]) == nil)
    #expect(ClusterDatabase(row: ["a", nil, "f", "t"]) == nil)
    #expect(
      ClusterRole(row: ["a", "t", "f"])
        == ClusterRole(name: "a", mayLogIn: true, isSuperuser: false))
  }
}
