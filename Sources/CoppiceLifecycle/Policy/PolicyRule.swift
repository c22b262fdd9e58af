package import Coppice
internal import CoppiceErrors

/// What holds for the entries that it matches: how long they live, and what may be asked for them.
///
/// Conditions that are left out match everything. Labels are their owner's word, and so are names.
package struct PolicyRule: Hashable, Sendable {
  /// Snapshots are matched as `branch@snapshot`.
  package var name: NamePattern?
  /// The labels that an entry must have, with their values.
  package var labels: Labels?
  package var classes: [String]?
  package var roles: [Principal.Role]?

  /// How long what is made lives, where nothing is asked for.
  package var ttlDefault: TimeSpan?
  /// The longest that may be asked for, in a creation or renewal.
  package var ttlMax: TimeSpan?
  package var leaseDefault: TimeSpan?
  /// For how long what was deleted can be restored; `nil`: as long as the store does it by itself.
  package var restoreWindow: TimeSpan?
  /// How many bytes may be added at most.
  package var limit: ByteCount?
  /// For how long others than administrators may protect; `nil`: not at all.
  package var protectMax: TimeSpan?
  /// Whether a server may run on what comes of a baseline of raw data where instances are not kept
  /// in their branches.
  package var weakIsolation = false

  package init() {}

  enum CodingKeys: String, CodingKey, CaseIterable {
    case name, labels, classes, roles
    case ttlDefault, ttlMax, leaseDefault, restoreWindow, limit, protectMax, weakIsolation
  }

  /// The classes of data that there are.
  static let allClasses = ["raw", "masked", "schema", "none"]

  /// Whether it holds for an entry.
  package func matches(_ subject: PolicySubject) -> Bool {
    roles?.contains(subject.role) ?? true
      && classes?.contains(subject.dataClass) ?? true
      && labels.map { subject.labels.contains($0) } ?? true
      && name?.matches(subject.name) ?? true
  }

  /// What it asks for, for messages; empty where it matches everything.
  var conditions: String {
    var parts: [String] = []
    if let name { parts.append("name \(name)") }
    if let labels { parts += labels.map { "label \($0.key)=\($0.value)" } }
    if let classes { parts.append("class \(classes.joined(separator: " or "))") }
    if let roles { parts.append("role \(roles.map(\.rawValue).joined(separator: " or "))") }
    return parts.joined(separator: ", ")
  }
}

/// What rules look at in an entry, or in one that is to be made.
package struct PolicySubject: Hashable, Sendable {
  package var name: String
  package var labels: Labels
  /// Its class of data.
  package var dataClass: String
  /// Of who made it, or asks for it.
  package var role: Principal.Role

  package init(
    name: String, labels: Labels = [:], dataClass: String = "raw",
    role: Principal.Role = .administrator
  ) {
    self.name = name
    self.labels = labels
    self.dataClass = dataClass
    self.role = role
  }
}

extension PolicyRule {
  init(_ document: JSONDocument, at path: String) throws(StoreError) {
    let fields = try JSONFields(document, at: path, keys: CodingKeys.self)
    name = try fields.text(.name, "a pattern of names") { $0.isEmpty ? nil : NamePattern($0) }
    labels = try Self.labels(fields[.labels], at: fields.path(.labels))
    classes = try fields.words(.classes, of: Self.allClasses.map { ($0, $0) })
    roles = try fields.words(.roles, of: Principal.Role.allCases.map { ($0.rawValue, $0) })

    let second = TimeSpan(seconds: 1)
    ttlDefault = try fields.span(.ttlDefault, minimum: second)
    ttlMax = try fields.span(.ttlMax, minimum: second)
    leaseDefault = try fields.span(.leaseDefault, minimum: second)
    restoreWindow = try fields.span(.restoreWindow)
    limit = try fields.text(.limit, ByteCount.form, read: ByteCount.init)
    protectMax = try fields.span(.protectMax)
    weakIsolation = try fields.flag(.weakIsolation) ?? false

    if let ttlDefault, let ttlMax, ttlDefault > ttlMax {
      throw StoreError(
        .invalid, "\(ttlDefault) is longer than the rule's ttlMax of \(ttlMax)",
        object: fields.path(.ttlDefault), remedy: "write \(ttlMax) or less")
    }
    if limit?.value == 0 {
      throw StoreError(
        .invalid, "a limit of nothing lets nothing be written", object: fields.path(.limit),
        remedy: "write \(ByteCount.form), or leave it out for no limit")
    }
  }

  private static func labels(
    _ document: JSONDocument?, at path: String
  ) throws(StoreError) -> Labels? {
    guard let document else { return nil }
    let form: Remedy = "write an object of keys and texts as {\"team\": \"billing\"}"
    guard case .object(let fields) = document else {
      throw StoreError(
        .invalid, "there is \(document.kind) where labels must be", object: path, remedy: form)
    }
    var labels: Labels = [:]
    for field in fields {
      guard case .text(let text) = field.value else {
        throw StoreError(
          .invalid, "there is \(field.value.kind) where the value of a label must be",
          object: "\(path).\(field.key)", remedy: form)
      }
      labels[field.key] = text
    }
    return labels
  }
}

extension PolicyRule: Codable {}

/// As its text.
extension NamePattern: Codable {
  package init(from decoder: any Decoder) throws {
    self.init(try decoder.singleValueContainer().decode(String.self))
  }

  package func encode(to encoder: any Encoder) throws {
    var container = encoder.singleValueContainer()
    try container.encode(description)
  }
}
