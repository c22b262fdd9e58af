package import CoppicePostgreSQL

/// What a cluster is prepared with, besides what is done to all.
package struct PreparationOptions: Hashable, Sendable {
  /// Somebody's own statements.
  package struct Statements: Hashable, Sendable {
    /// `nil`: in each database that is no template.
    package var database: String?
    package var text: String

    package init(database: String?, text: String) {
      self.database = database
      self.text = text
    }
  }

  package var freezing = PreparationStatements.Freezing.auto
  /// Carried out one behind the other, each text in one transaction.
  package var statements: [Statements] = []
  /// Whether indexes whose order is another one here are taken as they are.
  package var acceptsOtherCollations = false
  /// Whether databases are taken whose extensions are not installed.
  package var acceptsMissingExtensions = false
  /// How long it may recover.
  package var recoverySeconds: UInt64 = 86_400

  package init() {}
}

/// A cluster that was prepared: which it is, and what was done to it.
package struct PreparedCluster: Hashable, Sendable, Codable {
  package var major: Int
  /// The origin's, in decimal digits.
  package var systemIdentifier: String
  package var timeline: Int
  /// Where its last checkpoint lies in the log, as `0/1A2B3C4D`.
  package var checkpoint: String
  /// Whether there was something to recover.
  package var isRecovered: Bool
  /// Files of the data directory that were left out.
  package var leftOut: [String]
  /// Prepared transactions that were rolled back.
  package var rolledBack: [String]
  /// Subscriptions that were disabled.
  package var subscriptions: [String]
  /// Roles whose passwords were removed.
  package var roles: [String]
  /// User mappings whose options were removed.
  package var userMappingCount: Int
  /// Tables that were vacuumed.
  package var frozenCount: Int
}
