/// With what the snapshots of a baseline are prepared.
package struct BaselinePreparation: Hashable, Sendable, Codable {
  /// Somebody's own statements, as they were in his file.
  package struct Statements: Hashable, Sendable, Codable {
    /// `nil`: in each database.
    package var database: String?
    package var text: String

    package init(database: String?, text: String) {
      self.database = database
      self.text = text
    }
  }

  package var statements: [Statements]
  /// `auto`, `all` or `none`.
  package var freezing: String
  /// Codes of findings that are taken as they are.
  package var accepted: [String]
  /// What a base backup may read of its origin in a second, as pg_basebackup takes it.
  package var rateMax: String?
  /// Whether a base backup has its origin write all at once before it begins.
  package var isHurried: Bool

  package init(
    statements: [Statements] = [], freezing: String = "auto", accepted: [String] = [],
    rateMax: String? = nil, isHurried: Bool = false
  ) {
    self.statements = statements
    self.freezing = freezing
    self.accepted = accepted
    self.rateMax = rateMax
    self.isHurried = isHurried
  }
}
