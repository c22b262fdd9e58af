internal import Coppice
internal import CoppicePlatform
internal import CoppicePostgreSQL

/// Makes a cluster fit to be branched, by a server of Coppice's own on it.
struct ClusterPreparation {
  let server: WorkingServer
  let options: PreparationOptions
  var prepared: PreparedCluster
  /// What it has when all is done.
  private(set) var relations = RelationFiles()

  /// All that a server does for it. Throws `conflict` for what does not fit here, `invalid` with
  /// somebody's own statements that the server refuses.
  mutating func run(_ tell: (String) throws(StoreError) -> Void) throws(StoreError) {
    let databases = try server.databases()
    try refuseWhatDoesNotFit(databases)
    try tell("settle")
    try settle()
    try tell("remove secrets")
    try removeSecrets(databases)
    try tell("neutralise")
    for statements in options.statements { try neutralise(databases, statements) }
    try tell("freeze")
    for database in databases {
      let tables = try server.query(
        PreparationStatements.tables(toFreeze: options.freezing), in: database.name)
      for table in tables.compactMap({ $0[0] }) {
        try server.query(PreparationStatements.freeze(table), in: database.name)
        prepared.frozenCount += 1
      }
    }
    try noteRelations()
    try tell("checkpoint")
    for statement in PreparationStatements.end {
      try server.query(statement, in: AccessFiles.administrativeDatabase)
    }
  }

  private func refuseWhatDoesNotFit(_ databases: [ClusterDatabase]) throws(StoreError) {
    for database in databases {
      let missing = try server.query(PreparationStatements.missingExtensions, in: database.name)
        .compactMap { $0[0] }
      if !missing.isEmpty, !options.acceptsMissingExtensions {
        throw StoreError(
          .conflict,
          "EXTENSION-MISSING: extensions that are not installed here: "
            + missing.joined(separator: ", "), object: database.name,
          remedy: "install them, or take the database without: --accept EXTENSION-MISSING")
      }
      let others = try server.query(
        PreparationStatements.otherCollations(server.major), in: database.name)
      guard let first = others.first, !options.acceptsOtherCollations else { continue }
      let more = others.count > 1 ? ", and \(others.count - 1) more" : ""
      throw StoreError(
        .conflict,
        "COLLATION-VERSION: the collation \(first[0] ?? "") has version \(first[2] ?? "") here, "
          + "and indexes were made with \(first[1] ?? "")\(more): their order may be wrong",
        object: database.name,
        remedy: "serve it where the libraries are the origin's, or take it so: "
          + "--accept COLLATION-VERSION")
    }
  }

  private mutating func settle() throws(StoreError) {
    let home = AccessFiles.administrativeDatabase
    for row in try server.query(PreparationStatements.preparedTransactions, in: home) {
      guard let identifier = row[0], let database = row[1] else { continue }
      try server.query(PreparationStatements.rollBack(prepared: identifier), in: database)
      prepared.rolledBack.append(identifier)
    }
    prepared.subscriptions = try server.query(
      PreparationStatements.disableSubscriptions, in: home
    ).compactMap { $0[0] }
    for row in try server.query(PreparationStatements.brokenDatabases, in: home) {
      guard let name = row[0] else { continue }
      try server.query(PreparationStatements.drop(database: name), in: home)
    }
  }

  private mutating func removeSecrets(_ databases: [ClusterDatabase]) throws(StoreError) {
    let home = AccessFiles.administrativeDatabase
    prepared.roles = try server.query(PreparationStatements.removePasswords, in: home)
      .compactMap { $0[0] }
    try rewrite(.roles, in: home)
    try rewrite(.subscriptions, in: home)
    for database in databases {
      prepared.userMappingCount += try removeSecrets(in: database.name)
    }
    for row in try server.query(PreparationStatements.closedDatabases, in: home) {
      guard let name = row[0] else { continue }
      prepared.userMappingCount += try opened(name) { () throws(StoreError) in
        try removeSecrets(in: name)
      }
    }
  }

  /// Has a database that takes no connections take one.
  private func opened<Result>(
    _ database: String, _ body: () throws(StoreError) -> Result
  ) throws(StoreError) -> Result {
    let home = AccessFiles.administrativeDatabase
    try server.query(PreparationStatements.allowConnections(true, to: database), in: home)
    let result = try body()
    try server.query(PreparationStatements.allowConnections(false, to: database), in: home)
    return result
  }

  /// Returns how many user mappings had some.
  private func removeSecrets(in database: String) throws(StoreError) -> Int {
    let count = try server.query(PreparationStatements.removeUserMappings, in: database).count
    try rewrite(.userMappings, in: database)
    let told = try server.query(PreparationStatements.removeStatistics, in: database)
    if !told.isEmpty { try rewrite(.statistics, in: database) }
    return count
  }

  /// Also for what was changed or removed before: its rows may be there.
  private func rewrite(
    _ catalogue: PreparationStatements.SecretCatalogue, in database: String
  ) throws(StoreError) {
    let isUsed = try server.query(PreparationStatements.isUsed(catalogue), in: database)
    if !isUsed.isEmpty { try server.query(PreparationStatements.rewrite(catalogue), in: database) }
  }

  /// Which files are some relation's. A server that was killed leaves files of others.
  private mutating func noteRelations() throws(StoreError) {
    let home = AccessFiles.administrativeDatabase
    let closed = try server.query(PreparationStatements.closedDatabases, in: home)
      .compactMap { $0[0] }
    let open = try server.databases().map(\.name)
    for row in try server.query(RelationFiles.databases, in: home) {
      guard let number = row[0].flatMap({ UInt32($0) }), let name = row[1] else { continue }
      if open.contains(where: { $0.hasBytes(of: name) }) {
        relations.add(database: number, try server.query(RelationFiles.statement, in: name))
      } else if closed.contains(where: { $0.hasBytes(of: name) }) {
        let rows = try opened(name) { () throws(StoreError) in
          try server.query(RelationFiles.statement, in: name)
        }
        relations.add(database: number, rows)
      } else {
        relations.add(database: number, nil)
      }
    }
  }

  private func neutralise(
    _ databases: [ClusterDatabase], _ statements: PreparationOptions.Statements
  ) throws(StoreError) {
    let chosen = databases.filter { database in
      statements.database.map { $0.hasBytes(of: database.name) } ?? !database.isTemplate
    }
    if chosen.isEmpty, let name = statements.database {
      throw StoreError(
        .notFound, "there is no such database to neutralise", object: name,
        remedy: "its databases are \(databases.map(\.name).joined(separator: ", "))")
    }
    for database in chosen {
      do throws(StoreError) {
        try server.carryOut(statements.text, in: database.name)
      } catch {
        throw StoreError(
          .invalid, "a statement to neutralise it failed, and nothing is kept: \(error.message)",
          object: database.name,
          remedy: error.kind == .invalid ? error.remedy : "correct the file of --neutralise",
          cause: error.cause)
      }
    }
  }
}
