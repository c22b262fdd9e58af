package import Coppice
internal import CoppiceLifecycle
internal import CoppicePlatform

package struct PolicyShowRequest: StoreRequest {
  package typealias Answer = PolicyAnswer

  package static let route = Route(.get, "/v1/policy", "Show the store's policy.")
  package static var isBrief: Bool { true }

  package init() {}

  package var isReadOnly: Bool { true }
  package var access: Access { Access(.see, .store) }

  package func run(_ context: RequestContext) throws(StoreError) -> Answer {
    Answer(try context.store.policyDocument())
  }
}

package struct PolicySetRequest: StoreRequest {
  package static let route = Route(.put, "/v1/policy", "Set the store's policy.")

  /// The document, in JSON.
  package var document: String
  /// Only if the policy that holds now has this tag.
  package var ifMatch: String?
  /// Check it and say what it would end at once, and set nothing.
  package var dryRun: Bool

  package init(document: String, ifMatch: String? = nil, dryRun: Bool = false) {
    self.document = document
    self.ifMatch = ifMatch
    self.dryRun = dryRun
  }

  package var isReadOnly: Bool { dryRun }
  package var access: Access { Access(.govern, .store) }

  package func run(_ context: RequestContext) throws(StoreError) -> Answer {
    let store = context.store
    let new = try PolicyDocument(Array(document.utf8))
    let known = try store.setting(Store.policyKey).map { bytes throws(StoreError) in
      // One that cannot be read is replaced all the same, but not by who saw another.
      (try? PolicyDocument(bytes))?.etag ?? "unreadable"
    }
    if let ifMatch, ifMatch != known ?? PolicyDocument.standard.etag {
      throw StoreError(
        .conflict, "the policy is another one by now", object: "policy",
        remedy: "look at it with `coppice policy show`, and set yours again")
    }
    let ending = try context.reaper.ended(by: new.policy)
    if !dryRun {
      try store.set(Store.policyKey, to: new.bytes)
      try context.reaper.applyMarks()
    }
    return Answer(
      PolicyAnswer(new), Answer.Addition(isDryRun: dryRun, ends: ending.map(\.name)))
  }

  package struct Answer: ReportAnswer {
    package struct Addition: Codable, Sendable {
      package var isDryRun: Bool
      /// Branches and snapshots that end by it, and by the one before do not yet.
      package var ends: [String]
    }

    package var report: PolicyAnswer
    package var addition: Addition

    package init(_ report: PolicyAnswer, _ addition: Addition) {
      self.report = report
      self.addition = addition
    }
  }
}

package struct PolicyTestRequest: StoreRequest {
  package static let route = Route(
    .get, "/v1/policy/test", "Say which rule holds for a branch, and what it gives.")
  package static var isBrief: Bool { true }

  package var name: String
  /// Of a branch that is to be made, each `KEY=VALUE`; of one that is there its own count.
  package var labels: [String]
  package var dataClass: DataClass?
  package var role: String?

  package init(
    name: String, labels: [String] = [], dataClass: DataClass? = nil, role: String? = nil
  ) {
    self.name = name
    self.labels = labels
    self.dataClass = dataClass
    self.role = role
  }

  package var isReadOnly: Bool { true }
  package var access: Access { Access(.see, .entry(name)) }

  package func run(_ context: RequestContext) throws(StoreError) -> Answer {
    let roles = Principal.Role.allCases.map(\.rawValue)
    guard let role = Principal.Role(rawValue: role ?? Principal.Role.administrator.rawValue) else {
      throw StoreError(
        .invalid, "there is no role '\(role ?? "")'", object: name,
        remedy: "there are \(roles.joined(separator: ", "))")
    }
    let labels = try LabelText.labels(labels, of: name)
    let known = try context.store.entries(in: .named).first { $0.name.hasBytes(of: name) }
    var all = known?.labels ?? [:]
    all.merge(labels)
    let subject = PolicySubject(
      name: name, labels: all,
      dataClass: (dataClass ?? known?.domain.dataClass ?? .raw).rawValue, role: role)
    let policy = try context.store.policyDocument().policy
    return Answer(policy, subject)
  }

  package struct Answer: Codable, Sendable {
    package var name: String
    package var role: String
    /// How the rule is called, counted from 0; null where none holds.
    package var rule: String?
    package var ttlDefaultSeconds: UInt64?
    package var ttlMaxSeconds: UInt64?
    package var leaseDefaultSeconds: UInt64?
    package var restoreWindowSeconds: UInt64?
    package var protectMaxSeconds: UInt64?
    package var maxStoredByteCount: UInt64?
    /// Whether a server may run on what comes of a baseline of raw data without full isolation.
    package var allowsWeakIsolation: Bool
    /// Whether what the role makes must have an end.
    package var isEndRequired: Bool

    init(_ policy: Policy, _ subject: PolicySubject) {
      let found = policy.rule(for: subject)
      name = subject.name
      role = subject.role.rawValue
      rule = found.map { policy.ruleName($0.index) }
      ttlDefaultSeconds = found?.rule.ttlDefault?.seconds
      ttlMaxSeconds = found?.rule.ttlMax?.seconds
      leaseDefaultSeconds = found?.rule.leaseDefault?.seconds
      restoreWindowSeconds = found?.rule.restoreWindow?.seconds
      protectMaxSeconds = found?.rule.protectMax?.seconds
      maxStoredByteCount = found?.rule.limit?.value
      allowsWeakIsolation = found?.rule.weakIsolation ?? false
      isEndRequired = policy.ttlRequired.contains(subject.role)
    }
  }
}

/// A policy as it is shown.
package struct PolicyAnswer: Codable, Sendable {
  /// As somebody wrote it.
  package var document: String
  package var etag: String
  /// What its author should know: rules that never match.
  package var notes: [String]

  init(_ document: PolicyDocument) {
    self.document = String(decoding: document.bytes, as: UTF8.self)
    etag = document.etag
    notes = document.policy.notes
  }
}
