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

  /// Carries out statements in a database, in a session of their own, and returns their rows.
  ///
  /// Throws `unavailable` with the server's words when it refuses, and when it ended.
  /// - Parameter isOwners: whether they are somebody else's, who means what the database's settings
  ///   make of them; else they mean the same in every database.
  @discardableResult
  package func query(
    _ statements: String, in database: String, isOwners: Bool = false
  ) throws(StoreError) -> [[String?]] {
    do throws(ServerSession.Failure) {
      return try session(in: database, isOwners).query(statements)
    } catch {
      throw failure(error, database)
    }
  }

  private func session(
    in database: String, _ isOwners: Bool
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
      let lines = log.lastLines(5).joined(separator: "\n")
      return StoreError(
        .unavailable,
        "the server took no statement: \(cause)\(lines.isEmpty ? "" : ": \(lines)")",
        object: database, remedy: "try again; if it fails again, look at its origin")
    }
  }
}
