/// Who asks for something, with what he may do.
package struct Principal: Hashable, Sendable {
  package enum Role: String, Sendable, CaseIterable, Codable {
    /// May do everything.
    case administrator = "admin"
    /// Keeps baselines and what was made of them.
    case baselineOwner = "baseline-owner"
    /// Looks after ends and space, and sees no content.
    case `operator` = "operator"
    /// Works on branches of baselines.
    case developer
    /// As a developer; what it makes has an end.
    case ci
    /// Sees what is there and what was done, and changes nothing.
    case auditor
  }

  package var role: Role
  /// Who owns what he makes.
  package var name: String
  /// The classes of data that he may have to do with.
  package var classes: Set<String>
  /// Names of branches that begin with it are his own.
  package var prefix: String?
  /// The baselines that he may have to do with; `nil`: those of his classes.
  package var baselines: [String]?

  package init(
    role: Role, name: String, classes: Set<String>, prefix: String? = nil,
    baselines: [String]? = nil
  ) {
    self.role = role
    self.name = name
    self.classes = classes
    self.prefix = prefix
    self.baselines = baselines
  }

  /// The store's own user and root.
  package static let administrator = Principal(
    role: .administrator, name: "", classes: ["raw", "masked", "schema", "none"])
}
