package import Coppice
internal import CoppiceFormat
internal import CoppiceLifecycle
internal import CoppicePlatform
internal import CoppicePools
internal import CoppiceS3

package struct BackupPruneRequest: KeepingRequest {
  package static let route = Route(
    .post, "/v1/remotes/{remote}/prune", "Delete the copies of a branch that no keep rule keeps.")

  package var remote: String
  /// The branch's name in the pool.
  package var copy: String
  package var keepLast: Int?
  package var keepHourly: Int?
  package var keepDaily: Int?
  package var keepWeekly: Int?
  package var keepMonthly: Int?
  package var keepYearly: Int?
  package var keepWithinSeconds: UInt64?
  /// Say what would be deleted, and delete nothing.
  package var dryRun: Bool
  /// Also more than half of them, and with clocks that are far apart.
  package var force: Bool

  package init(remote: String, copy: String, dryRun: Bool, force: Bool) {
    self.remote = remote
    self.copy = copy
    self.dryRun = dryRun
    self.force = force
  }

  package var isReadOnly: Bool { false }

  package var access: Access { Access(.pools, .store) }

  package func run(_ context: RequestContext) throws(StoreError) -> Answer {
    let rules = try rules(for: copy)
    let connection = try context.writableConnection(remote)
    let reading = try context.read(connection)
    let copies = reading.entries.live.filter { $0.entry.isOf(branch: copy) }
    guard !copies.isEmpty else {
      _ = try reading.entries.named(copy, in: connection.place)
      throw StoreError(.notFound, "the pool has no such branch", object: copy)
    }
    let plan = BackupPrunePlan(copies, rules, now: reading.access.now)
    let refusal = refusal(of: plan, among: copies.count, connection.objects.clockOffset)
    if !dryRun, !force, let refusal { throw refusal }
    if !dryRun, !plan.deleted.isEmpty {
      try PoolUse.of(connection, by: context.store).write(
        connection, of: context.store, as: .member, context.work
      ) { writer throws(StoreError) in try writer.delete(plan.deleted.map(\.name)) }
    }
    return Answer(
      remote: remote, deleted: plan.deleted.map(\.entry.name).sorted(),
      kept: plan.kept.map { Answer.Kept(name: $0.listed.entry.name, reasons: $0.reasons) }
        .sorted { $0.name < $1.name },
      isDryRun: dryRun, notes: dryRun ? [refusal?.message].compactMap(\.self) : [],
      traffic: PoolTraffic(connection))
  }

  private static let clockSecondsMax: Int64 = 3600

  /// Why it takes somebody's word that this is meant.
  private func refusal(
    of plan: BackupPrunePlan, among count: Int, _ clockOffset: Duration?
  ) -> StoreError? {
    let seconds = clockOffset?.components.seconds ?? 0
    guard abs(seconds) < Self.clockSecondsMax else {
      return StoreError(
        .denied,
        "the object store's clock and this machine's are \(abs(seconds)) seconds apart",
        object: copy, remedy: "set the wrong one, or add --force", reason: .policy)
    }
    guard plan.deleted.count * 2 > count else { return nil }
    return StoreError(
      .denied, "would delete \(plan.deleted.count) of \(count) copies, more than half",
      object: copy, remedy: "look with --dry-run, and add --force if that is meant",
      reason: .policy)
  }

  package struct Answer: Codable, Sendable {
    package struct Kept: Codable, Sendable {
      package var name: String
      /// The rules that keep it, or what else does.
      package var reasons: [String]
    }

    package var remote: String
    package var deleted: [String]
    package var kept: [Kept]
    package var isDryRun: Bool
    /// With `dryRun`: why it would be refused.
    package var notes: [String]
    package var traffic: PoolTraffic
  }
}

/// Which copies of one branch go: pure. The newest one stays, and so does what is in use, held or
/// locked, which takes no part.
private struct BackupPrunePlan {
  private(set) var deleted: [ListedEntry] = []
  private(set) var kept: [(listed: ListedEntry, reasons: [String])] = []

  init(_ copies: [ListedEntry], _ rules: KeepRules, now: Int64) {
    let newest = copies.max { a, b in
      (a.entry.createdAt, a.entry.publishedAt) < (b.entry.createdAt, b.entry.publishedAt)
    }
    var free: [UInt64: ListedEntry] = [:]
    for (number, listed) in copies.enumerated() {
      let reasons = Self.reasons(listed.entry, at: now)
      if reasons.isEmpty {
        free[UInt64(number)] = listed
      } else {
        kept.append((listed, reasons))
      }
    }
    let plan = PrunePlan(
      free.map { PrunePlan.Candidate(id: $0.key, createdAt: $0.value.entry.createdAt) }, rules,
      now: now)
    kept += plan.kept.compactMap { kept in free[kept.id].map { ($0, kept.reasons) } }
    for listed in plan.removed.compactMap({ free[$0] }) {
      if listed == newest {
        kept.append((listed, ["newest"]))
      } else {
        deleted.append(listed)
      }
    }
  }

  private static func reasons(_ entry: PoolEntry, at now: Int64) -> [String] {
    var reasons: [String] = []
    if !entry.pins.isEmpty { reasons.append("in use") }
    if entry.isHeld(at: now) { reasons.append("held") }
    if now < entry.lockedUntil { reasons.append("locked") }
    return reasons
  }
}
