package import CoppiceErrors

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

  /// Throws `invalid` for a rate that pg_basebackup does not take: kilobytes, or with `M`
  /// megabytes, from 32 kB to 1 GB.
  package static func checkRate(_ rate: String) throws(StoreError) {
    let unit = rate.utf8.last == UInt8(ascii: "M") ? 1024 : 1
    let digits = rate.last.map { "kM".contains($0) } == true ? rate.dropLast() : rate[...]
    let isNumber = digits.utf8.allSatisfy { 48...57 ~= $0 } && digits.utf8.count <= 7
    if isNumber, let number = Int(digits), 32...1_048_576 ~= number * unit { return }
    throw StoreError(
      .invalid, "is no rate", object: rate,
      remedy: "write what is read in a second, from 32k to 1024M")
  }
}
