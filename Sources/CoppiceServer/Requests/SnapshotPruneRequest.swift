package import Coppice
internal import CoppiceLifecycle
internal import CoppicePlatform

package struct SnapshotPruneRequest: KeepingRequest {
  package static let route = Route(
    .post, "/v1/snapshots/prune", "Delete the snapshots that no keep rule keeps.")

  /// Of this branch; of each branch for itself without.
  package var branch: String?
  package var keepLast: Int?
  package var keepHourly: Int?
  package var keepDaily: Int?
  package var keepWeekly: Int?
  package var keepMonthly: Int?
  package var keepYearly: Int?
  package var keepWithinSeconds: UInt64?
  /// Say what would be deleted, and delete nothing.
  package var dryRun: Bool

  package init(branch: String? = nil, dryRun: Bool = false) {
    self.branch = branch
    self.dryRun = dryRun
  }

  package var isReadOnly: Bool { dryRun }

  package var access: Access { branch.map { Access(.end, .entry($0)) } ?? Access(.end, .store) }

  package func run(_ context: RequestContext) throws(StoreError) -> Answer {
    let store = context.store
    let rules = try rules(for: branch ?? "")
    if let branch { _ = try store.branch(branch) }
    let snapshots = try store.entries(in: .live).filter { entry in
      entry.isSnapshot && (branch.map { entry.name.utf8.starts(with: "\($0)@".utf8) } ?? true)
    }
    var answer = Answer(isDryRun: dryRun)
    let now = store.clock.wallNanoseconds()
    let groups = Dictionary(grouping: snapshots) {
      $0.name.utf8.prefix { $0 != UInt8(ascii: "@") }
        .map { $0 }
    }
    for group in groups.values { answer.add(group, rules, at: now) }
    answer.sort()
    if !answer.deleted.isEmpty {
      let freed = try store.spaceFreed(deleting: answer.deleted)
      answer.freedByteCount = freed.freedByteCount
    }
    if !dryRun { try delete(answer.deleted, context) }
    return answer
  }

  private func delete(
    _ names: [String], _ context: RequestContext
  ) throws(StoreError) {
    guard !names.isEmpty else { return }
    try BranchUse.refuse(names, context)
    try context.store.delete(
      names, annotations: try context.store.keeping(names, for: context.principal))
  }

  package struct Answer: Codable, Sendable {
    package struct Kept: Codable, Sendable {
      package var name: String
      /// The rules that keep it, or what else does.
      package var reasons: [String]
    }

    package var deleted: [String] = []
    package var kept: [Kept] = []
    /// What nothing keeps any more once the set is gone for good.
    package var freedByteCount: UInt64 = 0
    package var isDryRun: Bool

    init(isDryRun: Bool) { self.isDryRun = isDryRun }

    /// Decides on the snapshots of one branch. What is protected or approved stays, and takes no
    /// part.
    fileprivate mutating func add(_ snapshots: [EntryInfo], _ rules: KeepRules, at now: Int64) {
      var free: [UInt64: EntryInfo] = [:]
      for snapshot in snapshots {
        let isProtected =
          snapshot.protectedUntil.map { until in
            until.nanoseconds == .max || until.nanoseconds > now
          } ?? false
        if isProtected || snapshot.isApproved {
          kept.append(
            Kept(name: snapshot.name, reasons: [isProtected ? "protected" : "approved"]))
        } else {
          free[snapshot.id] = snapshot
        }
      }
      let plan = PrunePlan(
        free.values.map { PrunePlan.Candidate(id: $0.id, createdAt: $0.createdAt.nanoseconds) },
        rules, now: now)
      kept += plan.kept.compactMap { kept in
        free[kept.id].map { Kept(name: $0.name, reasons: kept.reasons) }
      }
      deleted += plan.removed.compactMap { free[$0]?.name }
    }

    fileprivate mutating func sort() {
      deleted.sort()
      kept.sort { $0.name < $1.name }
    }
  }
}
