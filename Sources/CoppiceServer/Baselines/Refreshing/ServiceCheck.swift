internal import Coppice
internal import CoppiceInstances
internal import CoppiceLifecycle
internal import CoppicePostgreSQL

/// Looks at a running PostgreSQL before anything is transferred from it.
struct ServiceCheck {
  let service: String
  let intake: BaselineIntake

  /// Throws `conflict` for the first finding that stops it, and `unavailable` when there is no
  /// server.
  func run() throws(StoreError) {
    let accepted = Set(intake.baseline.preparation?.accepted ?? [])
    let client = try intake.client(service)
    let findings = try Self.findings(client, intake.refresh.supervisor)
    for finding in findings where finding.code.stops && !accepted.contains(finding.code.rawValue) {
      throw StoreError(
        .conflict, "\(finding.code.rawValue): \(finding.text)",
        object: finding.database ?? "postgres:\(service)", remedy: finding.remedy)
    }
  }

  static func findings(
    _ client: ServiceClient, _ supervisor: InstanceSupervisor
  ) throws(StoreError) -> [ClusterFinding] {
    func ask(_ statement: String, _ database: String?) throws(StoreError) -> [[String?]] {
      try client.rows(statement, in: database)
    }
    guard let version = try ClusterCheck.version(ask) else {
      throw StoreError(
        .unavailable, "does not tell its version", object: "postgres:\(client.service)",
        remedy: "see that it is a PostgreSQL server")
    }
    return try ClusterCheck.findings(
      of: version, on: supervisor.machine(for: version.major), isServed: true, ask)
  }
}

extension ClusterFinding {
  var remedy: Remedy {
    switch code {
    case .majorMissing: "install that version's server here"
    case .superuserShutOut: "let it: ALTER ROLE \(objects.first.map { "\"\($0)\"" } ?? "") LOGIN"
    case .templateClosed: "open it: ALTER DATABASE template1 ALLOW_CONNECTIONS true"
    case .tablespaces: "restore a backup with its tablespaces in %d by command:CMD"
    case .extensionMissing, .collationVersion:
      "install what the origin has, or take it as it is with --accept \(code.rawValue)"
    default: "dump it, and add the dump: --from dump:FILE"
    }
  }
}
