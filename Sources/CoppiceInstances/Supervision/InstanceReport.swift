package import Coppice
package import CoppicePostgreSQL

/// What an instance does.
package enum InstanceState: String, Codable, Hashable, Sendable, CaseIterable {
  case stopped, starting, running, stopping
  /// It ended by itself too often, or did not start: it stays so until somebody starts it.
  case failed
}

/// An instance as lists and answers show it.
package struct InstanceReport: Codable, Hashable, Sendable {
  /// The branch.
  package var name: String
  /// The branch's.
  package var id: UInt64
  package var state: InstanceState
  /// Whether it is started again when the server starts.
  package var shallRun: Bool
  package var major: MajorVersion
  /// Where clients connect, from this machine.
  package var host: String
  package var port: Int
  package var database: String
  /// The role by which clients log in.
  package var login: String
  /// `nil` where whoever asks only lists, as is what holds it.
  package var password: String?
  package var url: String?
  /// As libpq has it: `disable` or `require`.
  package var sslMode: ConnectionURL.TLSMode
  package var isolation: Isolation
  /// The number under which it works.
  package var userID: UInt32
  /// Of its first process; `nil` unless it runs.
  package var process: Int?
  package var startedAt: Timestamp?
  /// From its launch until it took connections.
  package var startMilliseconds: Int?
  /// Whether it first had to recover, as after a power cut.
  package var isRecovered: Bool?
  package var connectionCount: Int
  /// What somebody set.
  package var settings: [String: String]
  /// Why it failed, in its own last words; `nil` unless it did.
  package var message: String?
}

extension InstanceReport {
  /// How clients reach it.
  package var connection: ConnectionURL {
    ConnectionURL(
      host: host, port: port, user: login, password: password, database: database, tls: sslMode)
  }
}

/// How an instance is to be.
package struct InstanceWishes: Hashable, Sendable {
  /// A port of its own choice; the same as before without, and at first one that is free.
  package var port: Int?
  /// Settings to give, beside those that were given before.
  package var settings: [String: String]
  /// Settings to give no more.
  package var unset: Set<String>
  /// The role by which clients log in; the database's owner without.
  package var login: String?
  package var database: String?
  /// Log in as the cluster's first superuser, unless `login` says otherwise.
  package var isSuperuser: Bool
  /// How long it may take until it takes connections.
  package var waitSeconds: UInt64

  package static let waitSecondsUsual: UInt64 = 60

  package init(
    port: Int? = nil, settings: [String: String] = [:], unset: Set<String> = [],
    login: String? = nil, database: String? = nil, isSuperuser: Bool = false,
    waitSeconds: UInt64 = waitSecondsUsual
  ) {
    self.port = port
    self.settings = settings
    self.unset = unset
    self.login = login
    self.database = database
    self.isSuperuser = isSuperuser
    self.waitSeconds = waitSeconds
  }
}
