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
  /// Empty where nobody knows who it is.
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
  package static let administrator = administrator(named: "")

  /// One of these, by name.
  package static func administrator(named name: String) -> Principal {
    Principal(role: .administrator, name: name, classes: ["raw", "masked", "schema", "none"])
  }

  /// Whose what he makes is, unless he says otherwise, and who did what he does.
  package var knownName: String? { name.isEmpty ? nil : name }
}
