package import Coppice
internal import CoppicePlatform

package struct BranchCreateRequest: StoreRequest {
  package static let route = Route(
    .post, "/v1/branches", "Make a branch of another branch, of a snapshot, or empty.")

  package var name: String
  /// The branch or snapshot to start from; empty without.
  package var from: String?
  /// The trust domain of an empty branch; `raw` without. Of another one it is its source's.
  package var domain: String?
  /// Do nothing when the branch exists.
  package var orExisting: Bool
  /// First write what the kernel holds back of the branch to start from.
  package var sync: Bool
  /// Make PostgreSQL's data directories fit for a server of their own.
  package var postgres: Bool
  /// With `postgres`: also when links lead a server on the branch to files that are not its own.
  package var keepLinks: Bool

  package init(
    name: String, from: String?, domain: String? = nil, orExisting: Bool = false,
    sync: Bool = false, postgres: Bool = false, keepLinks: Bool = false
  ) {
    self.name = name
    self.from = from
    self.domain = domain
    self.orExisting = orExisting
    self.sync = sync
    self.postgres = postgres
    self.keepLinks = keepLinks
  }

  package var isReadOnly: Bool { false }

  package var access: Access {
    Access(.create, .new(name)).and(.create, from.map { .source($0) })
      .and(.create, domain.map { .domain($0) })
  }

  package func run(_ context: RequestContext) throws(StoreError) -> Answer {
    let store = context.store
    if orExisting,
      let existing = try store.entries(in: .named).first(where: { $0.name.hasBytes(of: name) })
    {
      try check(existing)
      return Answer(existing, from: from, isNew: false, notes: [])
    }
    if sync, let from { try context.doors.writeDirtyPages(of: from) }
    guard let from else {
      _ = try store.createBranch(name, domain: domain)
      return Answer(try store.entry(name), from: nil, isNew: true, notes: [])
    }
    let mounts = context.doors.mounts.map(\.directory)
    let mustBeOwn = postgres && !keepLinks
    // Before there is a fork; what changes between the two is refused as well.
    if mustBeOwn {
      try ForkPlan(of: store.moment(of: from), as: name, mounts: mounts).refuseOutwardLinks()
    }
    let branch = try store.createBranch(name, from: from, domain: domain)
    do throws(StoreError) {
      let plan = try ForkPlan(of: branch, as: name, mounts: mounts, isQuick: !postgres)
      if mustBeOwn { try plan.refuseOutwardLinks() }
      let notes = try postgres ? plan.carryOut(on: branch) : plan.hazards
      return Answer(try store.entry(name), from: from, isNew: true, notes: notes)
    } catch {
      // A fork that is not fit for use must not look like one that is.
      try? store.delete([name], force: true)
      throw error
    }
  }

  /// What exists in another domain is not what was asked for.
  private func check(_ existing: EntryInfo) throws(StoreError) {
    guard let domain, !existing.domain.description.hasBytes(of: domain) else { return }
    throw StoreError(
      .conflict, "exists in the trust domain \(existing.domain)", object: name,
      remedy: "choose another name, or leave the domain out", reason: .exists)
  }

  package struct Answer: Codable, Sendable {
    package var name: String
    package var from: String?
    package var domain: String
    package var `class`: String
    package var isNew: Bool
    /// What was done besides, and what to mind; one sentence each.
    package var notes: [String]

    init(_ entry: EntryInfo, from: String?, isNew: Bool, notes: [String]) {
      name = entry.name
      self.from = from
      domain = entry.domain.description
      `class` = entry.domain.dataClass.rawValue
      self.isNew = isNew
      self.notes = notes
    }
  }
}
