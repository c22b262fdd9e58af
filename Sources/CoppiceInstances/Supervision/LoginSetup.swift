internal import Coppice
internal import CoppicePlatform
internal import CoppicePostgreSQL
internal import Crypto

/// Gives the login of an instance its password, once the server takes connections.
struct LoginSetup {
  let socketPath: String
  /// As whom the server runs.
  let userID: UInt32
  let cluster: Cluster
  /// The branch's name.
  let branch: String
  /// Asked while the server does not answer.
  let isWanted: @Sendable () -> Bool

  /// Chooses whom clients log in as, and has the server know the password.
  ///
  /// - Parameter password: of a role.
  func prepare(
    _ wishes: InstanceWishes, _ record: inout InstanceRecord, password: (String) -> String
  ) throws(StoreError) {
    let session: ServerSession
    do throws(ServerSession.Failure) { session = try open() } catch {
      // The database knows the login from before.
      if error.isRoleRefused, !record.login.isEmpty, wishes.namesNoLogin { return }
      throw storeError(error)
    }
    let rows = try words { () throws(ServerSession.Failure) in
      (
        try session.query(AdministrativeSession.roles),
        try session.query(AdministrativeSession.databases)
      )
    }
    let (roles, databases) = (
      rows.0.compactMap(ClusterRole.init), rows.1.compactMap(ClusterDatabase.init)
    )
    let administrator = wishes.isSuperuser ? cluster.administrators[0] : nil
    // What was usual may have been dropped: the server runs all the same.
    let usualLogin = roles.first { $0.mayLogIn && $0.name.hasBytes(of: record.login) }?.name
    let usualDatabase = databases.first {
      $0.allowsConnections && $0.name.hasBytes(of: record.database)
    }?.name
    let plan = try LoginPlan(
      login: wishes.login ?? administrator ?? usualLogin,
      database: wishes.database ?? usualDatabase, roles: roles, databases: databases,
      allowsSuperuser: true)
    record.login = plan.login
    if wishes.database != nil || record.database.isEmpty { record.database = plan.database }
    let password = password(plan.login)
    let verifier = PasswordVerifier.text(of: password, salt: Self.salt(of: password))
    try words { () throws(ServerSession.Failure) in
      // What is so already is not written again.
      let known = try session.query(AdministrativeSession.verifier(of: plan.login))
      guard known != [[verifier]] else { return }
      try session.query(AdministrativeSession.setPassword(of: plan.login, verifier: verifier))
    }
  }

  /// The same password has the same verifier after every start.
  private static func salt(of password: String) -> [UInt8] {
    let text = "coppice verifier salt 1\0" + password
    return Array(SHA256.hash(data: Array(text.utf8)).prefix(PasswordVerifier.saltByteCount))
  }

  /// As the first superuser, under the name that he has now.
  private func open() throws(ServerSession.Failure) -> ServerSession {
    var failure = ServerSession.Failure.asksForPassword
    for administrator in cluster.administrators {
      do throws(ServerSession.Failure) {
        return try ServerSession(
          to: socketPath, of: userID, as: administrator, in: AccessFiles.administrativeDatabase,
          parameters: AdministrativeSession.parameters(for: cluster.major), while: isWanted)
      } catch {
        failure = error
      }
    }
    throw failure
  }

  private func words<Result>(
    _ body: () throws(ServerSession.Failure) -> Result
  ) throws(StoreError) -> Result {
    do throws(ServerSession.Failure) { return try body() } catch { throw storeError(error) }
  }

  private func storeError(_ failure: ServerSession.Failure) -> StoreError {
    if failure.isRoleRefused {
      return StoreError(
        .denied,
        "Coppice works as the first superuser, \(cluster.administrators[0]), who may not log in",
        object: branch,
        remedy: "let that role log in in the origin (ALTER ROLE ... LOGIN), and fork it again")
    }
    if failure.isDatabaseClosed {
      return StoreError(
        .denied,
        "its database \(AccessFiles.administrativeDatabase) takes no connections, and Coppice "
          + "works there", object: branch,
        remedy: "reset the branch; where its origin is so, let it take connections there")
    }
    let message =
      switch failure {
      case .unreachable(let cause): "the server takes no connection: \(cause)"
      case .asksForPassword: "the server does not let its own user in"
      case .refused(let code, let message): "the server refused: \(message) (SQLSTATE \(code))"
      case .cancelled: "its start was called off"
      }
    return StoreError(
      .unavailable, message, object: branch,
      remedy: "look at what it printed: `coppice pg logs \(branch)`")
  }
}

extension ServerSession.Failure {
  /// Whether the database is there no more, or lets nobody in.
  var isDatabaseClosed: Bool {
    if case .refused(let code, _) = self { code == "55000" || code == "3D000" } else { false }
  }

  /// Whether it lets the role in by no means, whoever asks.
  fileprivate var isRoleRefused: Bool {
    if case .refused(code: "28000", _) = self { true } else { false }
  }
}

extension InstanceWishes {
  fileprivate var namesNoLogin: Bool { login == nil && database == nil && !isSuperuser }
}
