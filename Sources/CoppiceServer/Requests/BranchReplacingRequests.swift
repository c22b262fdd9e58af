package import Coppice
internal import CoppiceLifecycle

package struct BranchResetRequest: StoreRequest {
  package static let route = Route(
    .post, "/v1/branches/{name}/reset", "Make a branch what another branch or a snapshot is.")

  package var name: String
  /// The branch or snapshot it becomes like.
  package var to: String
  /// The name under which the old state stays.
  package var keepOld: String?
  /// Also while files of the branch are open.
  package var force: Bool
  /// Check everything, but change nothing.
  package var dryRun: Bool
  /// Make PostgreSQL's data directories fit for a server of their own.
  package var postgres: Bool
  /// With `postgres`: also when links lead a server on the branch to files that are not its own.
  package var keepLinks: Bool

  package init(
    name: String, to: String, keepOld: String?, force: Bool, dryRun: Bool, postgres: Bool = false,
    keepLinks: Bool = false
  ) {
    self.name = name
    self.to = to
    self.keepOld = keepOld
    self.force = force
    self.dryRun = dryRun
    self.postgres = postgres
    self.keepLinks = keepLinks
  }

  package var isReadOnly: Bool { dryRun }

  package var access: Access {
    Access(.change, .entry(name)).and(.create, .source(to))
      .and(.create, keepOld.map { .new($0) })
  }

  package func run(_ context: RequestContext) throws(StoreError) -> Answer {
    let store = context.store
    let to = try context.source(to).name
    let mounts = context.doors.mounts.map(\.directory)
    let plan = try ForkPlan(
      of: store.moment(of: to), as: name, mounts: mounts, isQuick: !postgres)
    if postgres, !keepLinks { try plan.refuseOutwardLinks() }
    let oldTerms = EntryTerms(
      end: .after(.seconds(Self.oldSeconds)), owner: context.principal.knownName)
    // One that runs is started again, without what its origin left.
    var notes = postgres ? [] : plan.hazards(isInstance: context.hasInstance(on: name))
    try store.reset(
      name, to: to, keepingOldAs: keepOld, oldTerms: oldTerms, force: true, isDryRun: true)
    if !force { try BranchUse.refuseOthers([name], context) }
    try context.suspendingInstances(of: dryRun ? [] : [name]) { () throws(StoreError) in
      if !force, !(dryRun && context.hasInstance(on: name)) {
        try BranchUse.refuse([name], context)
      }
      try store.reset(
        name, to: to, keepingOldAs: keepOld, oldTerms: oldTerms, force: force, isDryRun: dryRun)
      if postgres, !dryRun {
        let branch = try store.branch(name)
        notes = try ForkPlan(of: branch, as: name, mounts: mounts).carryOut(on: branch)
      }
    }
    return Answer(name: name, to: to, keptAs: keepOld, isDryRun: dryRun, notes: notes)
  }

  /// How long what a branch was before stays by itself.
  package static let oldSeconds: UInt64 = 86_400

  package struct Answer: Codable, Sendable {
    package var name: String
    package var to: String
    package var keptAs: String?
    package var isDryRun: Bool
    /// What was done besides, and what to mind; one sentence each.
    package var notes: [String]
  }
}
