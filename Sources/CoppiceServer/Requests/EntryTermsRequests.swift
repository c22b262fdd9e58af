package import Coppice
internal import CoppiceLifecycle

// What changes the terms of branches and snapshots, all or none.

package struct RenewRequest: StoreRequest {
  package typealias Answer = TermsAnswer

  package static let route = Route(
    .post, "/v1/entries/renew", "Give branches and snapshots more time.")
  package static var isBrief: Bool { true }

  package var names: [String]
  /// What their lifetime is from now on; as it was without.
  package var ttlSeconds: UInt64?
  package var expiresAt: Timestamp?
  /// How often they are to be renewed from now on; as it was without.
  package var leaseSeconds: UInt64?

  package init(
    names: [String], ttlSeconds: UInt64? = nil, expiresAt: Timestamp? = nil,
    leaseSeconds: UInt64? = nil
  ) {
    self.names = names
    self.ttlSeconds = ttlSeconds
    self.expiresAt = expiresAt
    self.leaseSeconds = leaseSeconds
  }

  package var isReadOnly: Bool { false }
  package var access: Access { Access(.end, entries: names) }

  package func run(_ context: RequestContext) throws(StoreError) -> Answer {
    let asked = RequestedTerms(
      ttlSeconds: ttlSeconds, expiresAt: expiresAt, leaseSeconds: leaseSeconds)
    var expired: [String] = []
    for name in names where try context.store.entry(name).state == .expired { expired.append(name) }
    try context.store.renew(
      try context.store.renewals(names, asked, for: context.principal))
    if !expired.isEmpty { context.instances?.resumeInBackground(expired) }
    return try Answer(names, context.store)
  }
}

package struct ProtectRequest: StoreRequest {
  package typealias Answer = TermsAnswer

  package static let route = Route(
    .post, "/v1/entries/protect", "Keep branches and snapshots from being deleted or replaced.")
  package static var isBrief: Bool { true }

  package var names: [String]
  /// For how long; not with `until`.
  package var forSeconds: UInt64?
  package var until: Timestamp?
  /// Until somebody takes the protection away.
  package var forEver: Bool
  /// What whoever is refused gets to read.
  package var reason: String?

  package init(
    names: [String], forSeconds: UInt64? = nil, until: Timestamp? = nil, forEver: Bool = false,
    reason: String? = nil
  ) {
    self.names = names
    self.forSeconds = forSeconds
    self.until = until
    self.forEver = forEver
    self.reason = reason
  }

  package var isReadOnly: Bool { false }
  package var access: Access { Access(.protect, entries: names) }

  package func run(_ context: RequestContext) throws(StoreError) -> Answer {
    let store = context.store
    let said = [forSeconds != nil, until != nil, forEver].count { $0 }
    guard said <= 1 else {
      throw StoreError(
        .invalid, "protection ends in one way", object: names.first ?? "",
        remedy: "say for how long, until when, or for ever")
    }
    let standard = EndsRequest.Protection.span(TimeSpan(seconds: Self.standardSeconds))
    let span = try forSeconds.map { seconds throws(StoreError) in
      EndsRequest.Protection.span(try TimeSpan(of: seconds, names.first ?? ""))
    }
    let asked = forEver ? .forEver : until.map { .until($0.nanoseconds) } ?? span ?? standard
    try store.protect(
      names, until: try store.protection(of: names, asked, for: context.principal),
      reason: reason)
    return try Answer(names, store)
  }

  /// Protection that nobody said an end of: forgotten protection is what fills disks.
  package static let standardSeconds: UInt64 = 30 * 86_400
}

package struct UnprotectRequest: StoreRequest {
  package typealias Answer = TermsAnswer

  package static let route = Route(
    .post, "/v1/entries/unprotect", "Take protection away from branches and snapshots.")
  package static var isBrief: Bool { true }

  package var names: [String]

  package init(names: [String]) { self.names = names }

  package var isReadOnly: Bool { false }
  package var access: Access { Access(.protect, entries: names) }

  package func run(_ context: RequestContext) throws(StoreError) -> Answer {
    try context.store.unprotect(names)
    return try Answer(names, context.store)
  }
}

package struct LabelRequest: StoreRequest {
  package typealias Answer = TermsAnswer

  package static let route = Route(
    .post, "/v1/entries/{name}/labels", "Set and remove labels of a branch or snapshot.")
  package static var isBrief: Bool { true }

  package var name: String
  /// Each `KEY=VALUE`; takes the place of one with that key.
  package var labels: [String]
  /// Keys of labels that go.
  package var remove: [String]

  package init(name: String, labels: [String], remove: [String] = []) {
    self.name = name
    self.labels = labels
    self.remove = remove
  }

  package var isReadOnly: Bool { false }
  package var access: Access { Access(.create, .entry(name)) }

  package func run(_ context: RequestContext) throws(StoreError) -> Answer {
    let added = try LabelText.labels(labels, of: name)
    let known = try context.store.entry(name).labels
    for key in remove where known[key] == nil {
      throw StoreError(
        .notFound, "has no label '\(key)'", object: name,
        remedy: known.isEmpty ? "" : "it has \(known.map(\.key).joined(separator: ", "))")
    }
    try context.store.label([name], added, removing: remove)
    return try Answer([name], context.store)
  }
}

package struct OwnerRequest: StoreRequest {
  package typealias Answer = TermsAnswer

  package static let route = Route(
    .post, "/v1/entries/{name}/owner", "Give a branch or snapshot to someone.")
  package static var isBrief: Bool { true }

  package var name: String
  package var owner: String

  package init(name: String, owner: String) {
    self.name = name
    self.owner = owner
  }

  package var isReadOnly: Bool { false }
  package var access: Access { Access(.run, .entry(name)) }

  package func run(_ context: RequestContext) throws(StoreError) -> Answer {
    try context.store.setOwner([name], to: owner)
    return try Answer([name], context.store)
  }
}

package struct ExpireRequest: StoreRequest {
  package typealias Answer = TermsAnswer

  package static let route = Route(
    .post, "/v1/entries/expire", "Stop and hide branches and snapshots until they are renewed.")

  package var names: [String]
  /// Also while files of the branches are open.
  package var force: Bool

  package init(names: [String], force: Bool = false) {
    self.names = names
    self.force = force
  }

  package var isReadOnly: Bool { false }
  package var access: Access { Access(.end, entries: names) }

  package func run(_ context: RequestContext) throws(StoreError) -> Answer {
    try BaselineRegistry(context.store).refuse(workBranchAmong: names)
    let principal = context.principal.knownName
    try context.store.expire(names, force: true, by: principal, isDryRun: true)
    if !force { try BranchUse.refuseOthers(names, context) }
    try context.suspendingInstances(of: names) { () throws(StoreError) in
      if !force { try BranchUse.refuse(names, context) }
      try context.store.expire(names, force: force, by: principal)
    }
    return try Answer(names, context.store)
  }
}

/// The entries that a request changed, as they are now.
package struct TermsAnswer: Codable, Sendable {
  package var entries: [EntryInfo]

  init(_ names: [String], _ store: Store) throws(StoreError) {
    entries = []
    for name in names { entries.append(try store.entry(name)) }
  }
}
