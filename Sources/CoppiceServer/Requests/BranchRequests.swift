package import Coppice
package import CoppiceLifecycle
internal import CoppicePlatform

package struct BranchListRequest: StoreRequest {
  package static let route = Route(.get, "/v1/branches", "List the branches.")

  /// Those in this state; live ones without.
  package var state: EntryChoice?
  /// Only those that have all of these labels, each `KEY=VALUE`.
  package var labels: [String]
  /// Only those of this owner.
  package var owner: String?
  /// Only those that end, or must be renewed, within so long.
  package var expiringSeconds: UInt64?

  package init(
    state: EntryChoice? = nil, labels: [String] = [], owner: String? = nil,
    expiringSeconds: UInt64? = nil
  ) {
    self.state = state
    self.labels = labels
    self.owner = owner
    self.expiringSeconds = expiringSeconds
  }

  package var isReadOnly: Bool { true }

  package var access: Access { Access(.see, .store) }

  package func run(_ context: RequestContext) throws(StoreError) -> Answer {
    let wanted = try LabelText.labels(labels, of: "")
    let now = Timestamp(nanoseconds: context.store.clock.wallNanoseconds())
    let limit = expiringSeconds.map { seconds in
      Timestamp(seconds: now.seconds + Int64(min(seconds, 1 << 40)), nanoseconds: 0)
    }
    let entries = try context.store.entries(in: (state ?? .live).states, having: wanted)
    return Answer(
      branches: entries.filter { entry in
        !entry.isSnapshot
          && (owner.map { entry.owner?.hasBytes(of: $0) ?? false } ?? true)
          && (limit.map { limit in entry.nextEnd.map { $0 <= limit } ?? false } ?? true)
      })
  }

  package struct Answer: Codable, Sendable {
    package var branches: [EntryInfo]
  }
}

/// Which entries to list.
package enum EntryChoice: String, Codable, Sendable, CaseIterable {
  case live, expired, deleted, all

  var states: EntryStates {
    switch self {
    case .live: .live
    case .expired: .expired
    case .deleted: .deleted
    case .all: .all
    }
  }
}

package struct BranchShowRequest: StoreRequest {
  package static let route = Route(
    .get, "/v1/branches/{name}", "Tell what is known of a branch or snapshot.")

  package var name: String

  package init(name: String) { self.name = name }

  package var isReadOnly: Bool { true }

  package var access: Access { Access(.see, .entry(name)) }

  package func run(_ context: RequestContext) throws(StoreError) -> Answer {
    let store = context.store
    let entry = try store.entry(name)
    let snapshots = try store.entries(in: .named)
      .filter { $0.isSnapshot && $0.name.utf8.starts(with: "\(name)@".utf8) }
    guard let usage = try store.usage([name]).first else {
      preconditionFailure("there is a usage for each name")
    }
    let addition = Answer.Addition(
      usage,
      Answer.Relatives(
        origin: try store.annotations(of: name)[.origin].flatMap(BaselineSnapshots.origin),
        snapshots: snapshots.map(\.name)))
    return Answer(entry, addition)
  }

  package struct Answer: ReportAnswer {
    package struct Relatives: Codable, Sendable {
      /// The approved snapshot by which it came to be, also where that is gone.
      package var origin: Origin?
      package var snapshots: [String]
    }

    package struct Addition: ReportAnswer {
      package var report: Usage
      package var addition: Relatives

      package init(_ report: Usage, _ addition: Relatives) {
        self.report = report
        self.addition = addition
      }
    }

    package var report: EntryInfo
    package var addition: Addition

    package init(_ report: EntryInfo, _ addition: Addition) {
      self.report = report
      self.addition = addition
    }
  }
}

package struct BranchRenameRequest: StoreRequest {
  package static let route = Route(
    .post, "/v1/branches/{name}/rename", "Give a branch and its snapshots another name.")

  package var name: String
  package var newName: String
  /// Also while files of the branch are open.
  package var force: Bool

  package init(name: String, newName: String, force: Bool = false) {
    self.name = name
    self.newName = newName
    self.force = force
  }

  package var isReadOnly: Bool { false }

  package var access: Access { Access(.change, .entry(name), .new(newName)) }

  package func run(_ context: RequestContext) throws(StoreError) -> Answer {
    try BaselineRegistry(context.store).refuse(workBranchAmong: [name])
    try context.store.rename(name, to: newName, force: true, isDryRun: true)
    if !force { try BranchUse.refuseOthers([name], context) }
    try context.suspendingInstances(of: [name]) { () throws(StoreError) in
      if !force { try BranchUse.refuse([name], context) }
      try context.store.rename(name, to: newName, force: force)
    }
    return Answer(name: newName, oldName: name)
  }

  package struct Answer: Codable, Sendable {
    package var name: String
    package var oldName: String
  }
}

package struct BranchRestoreRequest: StoreRequest {
  package typealias Answer = EntriesAnswer

  package static let route = Route(
    .post, "/v1/branches/{name}/restore", "Bring a deleted branch or snapshot back.")

  package var name: String
  /// The name it comes back under; its own without.
  package var newName: String?
  /// How long it has from now on; without, its lifetime begins anew if it had one.
  package var ttlSeconds: UInt64?

  package init(name: String, newName: String?, ttlSeconds: UInt64? = nil) {
    self.name = name
    self.newName = newName
    self.ttlSeconds = ttlSeconds
  }

  package var isReadOnly: Bool { false }

  package var access: Access {
    Access(.end, .entry(name)).and(.create, newName.map { .new($0) })
  }

  package func run(_ context: RequestContext) throws(StoreError) -> Answer {
    try refusePart(context.store)
    let end = try context.store.restoredEnd(
      of: name, as: newName ?? name, ttlSeconds, for: context.principal)
    try context.store.restore(name, as: newName, end: end)
    context.instances?.resumeInBackground([newName ?? name])
    return Answer(entries: [newName ?? name], isDryRun: false)
  }

  /// What a refresh brought in is not prepared: nobody is to get at it.
  private func refusePart(_ store: Store) throws(StoreError) {
    guard let id = store.restorable(name)?.id,
      try store.entries(carrying: .part, in: .deleted).contains(where: { $0.entry.id == id })
    else { return }
    throw StoreError(
      .denied, "is what is left of a baseline's refresh", object: name,
      remedy: "refresh the baseline again", reason: .policy)
  }
}
