public import CoppiceErrors

/// A role of a cluster.
public struct ClusterRole: Hashable, Sendable {
  public var name: String
  public var mayLogIn: Bool
  public var isSuperuser: Bool

  public init(name: String, mayLogIn: Bool, isSuperuser: Bool) {
    self.name = name
    self.mayLogIn = mayLogIn
    self.isSuperuser = isSuperuser
  }

  /// A row of `AdministrativeSession.roles`; `nil` for another.
  public init?(row: [String?]) {
    guard row.count == 3, let name = row[0] else { return nil }
    self.init(name: name, mayLogIn: row[1] == "t", isSuperuser: row[2] == "t")
  }
}

/// A database of a cluster.
public struct ClusterDatabase: Hashable, Sendable {
  public var name: String
  public var owner: String
  public var isTemplate: Bool
  public var allowsConnections: Bool

  public init(name: String, owner: String, isTemplate: Bool, allowsConnections: Bool) {
    self.name = name
    self.owner = owner
    self.isTemplate = isTemplate
    self.allowsConnections = allowsConnections
  }

  /// A row of `AdministrativeSession.databases`; `nil` for another.
  public init?(row: [String?]) {
    guard row.count == 4, let name = row[0], let owner = row[1] else { return nil }
    self.init(
      name: name, owner: owner, isTemplate: row[2] == "t", allowsConnections: row[3] == "t")
  }
}

/// As whom clients of a branch log in, and to which database.
public struct LoginPlan: Hashable, Sendable {
  public let login: String
  public let database: String
  /// Databases that might have been meant too.
  public let otherDatabases: [String]

  /// The database that every cluster begins with.
  private static let firstDatabase = "postgres"
  private static let shownCountMax = 20

  /// Chooses, of a cluster with these roles and databases.
  ///
  /// Without a word for it, the database is the oldest that somebody made, else `postgres`, and the
  /// login is its owner. Throws `notFound` for what is not there, and names what is; `denied` for a
  /// role that may not log in, and for a superuser that is not allowed.
  public init(
    login: String?, database: String?, roles: [ClusterRole], databases: [ClusterDatabase],
    allowsSuperuser: Bool
  ) throws(StoreError) {
    let chosen = try Self.database(named: database, of: databases)
    let role = try Self.role(named: login ?? chosen.owner, of: roles)
    let usable = roles.filter { $0.mayLogIn && (allowsSuperuser || !$0.isSuperuser) }
    let remedy: Remedy =
      usable.isEmpty
      ? "make a role in the origin that may log in (CREATE ROLE ... LOGIN)"
      : "choose another role by --login: \(Self.list(usable.map(\.name)))"
    let origin = login == nil ? ", the owner of the database \(chosen.name)," : ""
    guard role.mayLogIn else {
      throw StoreError(
        .denied, "the role\(origin) may not log in (NOLOGIN)", object: role.name, remedy: remedy)
    }
    guard allowsSuperuser || !role.isSuperuser else {
      throw StoreError(
        .denied, "the role\(origin) is a superuser, which logins of branches are only if asked for",
        object: role.name, remedy: remedy + ", or allow it by --superuser", reason: .policy)
    }
    self.login = role.name
    self.database = chosen.name
    otherDatabases =
      database == nil
      ? Self.made(of: databases).map(\.name).filter { !Self.isSame($0, chosen.name) } : []
  }

  private static func database(
    named name: String?, of databases: [ClusterDatabase]
  ) throws(StoreError) -> ClusterDatabase {
    let usable = databases.filter(\.allowsConnections)
    let chosen =
      name.map { name in usable.first { isSame($0.name, name) } }
      ?? made(of: databases).first ?? usable.first { isSame($0.name, firstDatabase) }
    if let chosen { return chosen }
    let what = name == nil ? "no database of the cluster takes" : "no such database that takes"
    throw StoreError(
      .notFound, "\(what) connections", object: name ?? "",
      remedy: "its databases are \(list(databases.map(\.name)))")
  }

  /// The databases that somebody made to work in.
  private static func made(of databases: [ClusterDatabase]) -> [ClusterDatabase] {
    databases.filter {
      $0.allowsConnections && !$0.isTemplate && !isSame($0.name, firstDatabase)
    }
  }

  private static func role(
    named name: String, of roles: [ClusterRole]
  ) throws(StoreError) -> ClusterRole {
    if let role = roles.first(where: { isSame($0.name, name) }) { return role }
    throw StoreError(
      .notFound, "the cluster has no such role", object: name,
      remedy: "those that may log in are \(list(roles.filter(\.mayLogIn).map(\.name)))")
  }

  /// Names that only look alike are two for a server.
  private static func isSame(_ first: String, _ second: String) -> Bool {
    first.utf8.elementsEqual(second.utf8)
  }

  private static func list(_ names: [String]) -> String {
    let more = names.count - shownCountMax
    return names.prefix(shownCountMax).joined(separator: ", ")
      + (more > 0 ? " and \(more) more" : "")
  }
}
