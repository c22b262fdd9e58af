package import Coppice
package import CoppicePostgreSQL

/// A server of Coppice's own on a branch, for whoever makes that branch ready. Nobody else gets at
/// it: it has no port, and lets in its first superuser alone, from Coppice's users.
package struct WorkingServer: Sendable {
  /// Where its socket lies.
  package let socketDirectory: String
  /// Names the socket, `.s.PGSQL.PORT`.
  package let port: UInt16
  package let programs: ServerPrograms
  package var major: MajorVersion { cluster.major }
  /// Whether it recovered first.
  package var isRecovered: Bool { !cluster.isShutDown }

  let cluster: Cluster
  /// As whom it runs.
  let userID: UInt32
  let branch: String
  let log: InstanceLog
  let isWanted: @Sendable () -> Bool

  /// The databases that take connections, the oldest first.
  package func databases() throws(StoreError) -> [ClusterDatabase] {
    try query(AdministrativeSession.databases, in: AccessFiles.administrativeDatabase)
      .compactMap(ClusterDatabase.init).filter(\.allowsConnections)
  }

  /// The role that it lets in.
  package func administrator() throws(StoreError) -> String {
    let rows = try query("SELECT current_user", in: AccessFiles.administrativeDatabase)
    return rows.first?.first.flatMap { $0 } ?? cluster.administrators[0]
  }

  /// Carries out statements in a database, in a session of their own, and returns their rows. They
  /// mean the same in every database.
  ///
  /// Throws `unavailable` with the server's words when it refuses, and when it ended.
  @discardableResult
  package func query(
    _ statements: String, in database: String
  ) throws(StoreError) -> [[String?]] {
    do throws(ServerSession.Failure) {
      return try session(in: database, isOwners: false).query(statements)
    } catch {
      throw failure(error, database)
    }
  }

  /// Carries out somebody's statements in one transaction. They mean what the database's settings
  /// make of them.
  ///
  /// Throws as `query`, and `invalid` when they end the transaction: then what they did may be
  /// there, or be gone.
  func carryOut(_ statements: String, in database: String) throws(StoreError) {
    let isWhole: Bool
    do throws(ServerSession.Failure) {
      let session = try session(in: database, isOwners: true)
      let begun = try session.query("BEGIN; SELECT pg_catalog.pg_current_xact_id()")
      try session.query(statements)
      let number = "SELECT pg_catalog.pg_current_xact_id_if_assigned()"
      isWhole = try session.query(number) == begun
      if isWhole { try session.query("COMMIT") }
    } catch {
      throw failure(error, database)
    }
    guard isWhole else {
      throw StoreError(
        .invalid, "they end their transaction", object: database,
        remedy: "leave BEGIN, COMMIT and ROLLBACK out: each file is one transaction")
    }
  }

  private func session(
    in database: String, isOwners: Bool
  ) throws(ServerSession.Failure) -> ServerSession {
    var parameters = AdministrativeSession.parameters(for: cluster.major).filter {
      $0.name != "statement_timeout" && !(isOwners && $0.name == "search_path")
    }
    // A large table takes hours.
    parameters.append(("statement_timeout", "0"))
    var failure = ServerSession.Failure.asksForPassword
    for administrator in cluster.administrators {
      do throws(ServerSession.Failure) {
        return try ServerSession(
          to: "\(socketDirectory)/.s.PGSQL.\(port)", of: userID, as: administrator, in: database,
          parameters: parameters, while: isWanted)
      } catch {
        failure = error
      }
    }
    throw failure
  }

  private func failure(_ failure: ServerSession.Failure, _ database: String) -> StoreError {
    switch failure {
    case .refused where failure.isDatabaseClosed:
      return StoreError(
        .denied, "the database \(database) takes no connections, and Coppice works there",
        object: branch, remedy: "let it take connections in the origin, or reset the branch")
    case .refused(let code, let message):
      return StoreError(
        .unavailable, "the server refused: \(message) (SQLSTATE \(code))", object: database,
        remedy: "see what its origin's server says to it, and correct it there")
    case .cancelled:
      return StoreError(.unavailable, "was called off", object: database, remedy: "ask again")
    case .asksForPassword:
      return StoreError(
        .denied,
        "Coppice works as the first superuser, \(cluster.administrators[0]), who may not log in",
        object: database, remedy: "let that role log in in the origin (ALTER ROLE ... LOGIN)")
    case .unreachable(let cause):
      let lines = log.lastLines(5).joined(separator: "; ")
      if lines.contains("No space left on device") {
        return StoreError(
          .full, "the server had no room to write: \(lines)", object: branch,
          remedy: "make room for the store")
      }
      return StoreError(
        .unavailable,
        "the server took no statement: \(cause)\(lines.isEmpty ? "" : ": \(lines)")",
        object: database, remedy: "try again; if it fails again, look at its origin")
    }
  }
}
