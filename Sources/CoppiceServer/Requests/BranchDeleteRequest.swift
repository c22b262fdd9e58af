package import Coppice
package import CoppiceLifecycle
internal import CoppicePlatform

package struct BranchDeleteRequest: StoreRequest {
  package static let route = Route(.delete, "/v1/branches", "Delete branches, all or none.")
  package static let isCancellable = true

  /// Or else `labels`.
  package var names: [String]
  /// All branches that have these, each `KEY=VALUE`.
  package var labels: [String]
  /// Also when several have these labels.
  package var yes: Bool
  /// Pass over branches that do not exist.
  package var ifExists: Bool
  /// Delete the branches' snapshots too.
  package var snapshots: Bool
  /// Also while files of the branches are open.
  package var force: Bool
  /// Forget them at once and collect garbage: nothing brings them back.
  package var now: Bool
  /// Say what would be deleted, and delete nothing.
  package var dryRun: Bool
  /// With `now`, of one branch: answer with a signed proof of what became of it, and keep that.
  package var proof: Bool
  /// With `now`: leave no garbage at all, so that what the branches had replaced goes too.
  package var erase: Bool
  /// With `now`: for how many seconds to wait for readers and imports that hold some of it; 600
  /// without.
  package var wait: UInt64?

  package init(
    names: [String], labels: [String] = [], yes: Bool = false, ifExists: Bool, snapshots: Bool,
    force: Bool, now: Bool, dryRun: Bool, proof: Bool = false, erase: Bool = false,
    wait: UInt64? = nil
  ) {
    self.names = names
    self.labels = labels
    self.yes = yes
    self.ifExists = ifExists
    self.snapshots = snapshots
    self.force = force
    self.now = now
    self.dryRun = dryRun
    self.proof = proof
    self.erase = erase
    self.wait = wait
  }

  package var isReadOnly: Bool { dryRun }

  package var access: Access {
    var access = Access(.end, entries: names)
    if now { access = access + Access(.giveUpWindow, entries: names) }
    return proof ? access + Access(.proofs, entries: names) : access
  }

  package func run(_ context: RequestContext) throws(StoreError) -> Answer {
    let store = context.store
    let names = try chosen(of: store)
    try checkFlags(names)
    let plan = try plan(names, store)
    if let snapshot = names.first(where: { EntryName.isSnapshot($0) }) {
      throw StoreError(
        .invalid, "is a snapshot", object: snapshot,
        remedy: "delete it with 'coppice snapshot delete \(snapshot)'")
    }
    // Nobody works on what was deleted before.
    let live = plan.filter { $0.state != .deleted }.map(\.name)
    try BaselineRegistry(store).refuse(workBranchAmong: live)
    try context.refresher?.refuse(refreshedAmong: live)
    if !force { try BranchUse.refuseOthers(live, context) }
    if dryRun {
      let others = force ? [] : live.filter { !context.hasInstance(on: $0) }
      try BranchUse.refuse(others, context)
      return try answer(names, plan, context)
    }
    return try context.suspendingInstances(of: live) { () throws(StoreError) in
      if !force { try BranchUse.refuse(live, context) }
      return try answer(names, plan, context)
    }
  }

  /// With `now` a name that no branch has any more means all deleted ones of that name.
  private func plan(_ names: [String], _ store: Store) throws(StoreError) -> [EntryInfo] {
    if now {
      return try store.planForGood(
        names, includingSnapshots: snapshots, ignoringMissing: ifExists)
    }
    let plan = try store.deletionPlan(
      names, includingSnapshots: snapshots, ignoringMissing: ifExists)
    return try plan.map { name throws(StoreError) in try store.entry(name) }
  }

  private func answer(
    _ names: [String], _ plan: [EntryInfo], _ context: RequestContext
  ) throws(StoreError) -> Answer {
    let store = context.store
    var answer = Answer(entries: plan.map(\.name), isDryRun: dryRun, notes: [])
    switch (now, dryRun) {
    case (false, false):
      try store.delete(
        names, includingSnapshots: snapshots, ignoringMissing: ifExists, force: force,
        annotations: try store.keeping(plan.map(\.name), for: context.principal))
    case (false, true): break
    case (true, false):
      let deletion = DeletionForGood(
        names: names, plan: plan, ignoresMissing: ifExists, includesSnapshots: snapshots,
        force: force, isFull: erase, isProven: proof, waitSeconds: wait)
      answer.note(try deletion.run(context))
    case (true, true):
      if proof, !plan.isEmpty { try DeletionProof.check(plan, in: store) }
      let freed = try store.spaceFreed(deletingEntries: Set(plan.map(\.id)))
      answer.freedByteCount = freed.freedByteCount
      answer.note(freed)
    }
    return answer
  }

  /// The branches that are meant. Throws `notFound` when labels match none, `invalid` when they
  /// match several and nobody said that this is meant.
  private func chosen(of store: Store) throws(StoreError) -> [String] {
    guard names.isEmpty != labels.isEmpty else {
      throw StoreError(
        .invalid, "branches are named, or found by labels", remedy: "give one of the two")
    }
    if labels.isEmpty { return names }
    let wanted = try LabelText.labels(labels, of: "")
    let found = try store.entries(in: .named, having: wanted).filter { !$0.isSnapshot }.map(\.name)
    let text = labels.joined(separator: ", ")
    guard !found.isEmpty || ifExists else {
      throw StoreError(
        .notFound, "no branch has these labels", object: text,
        remedy: "list them with \(step: .listBranches)")
    }
    guard found.count <= 1 || yes else {
      throw StoreError(
        .invalid, "\(found.count) branches have these labels: \(found.joined(separator: ", "))",
        object: text, remedy: "say --yes if all are meant; with --dry-run that deletes nothing")
    }
    return found
  }

  /// Throws `invalid` for what says nothing without something else.
  private func checkFlags(_ names: [String]) throws(StoreError) {
    for (flag, isGiven) in [("proof", proof), ("erase", erase), ("wait", wait != nil)]
    where isGiven && !now {
      throw StoreError(
        .invalid, "\(flag) is for a deletion for good", remedy: "add --now, or leave --\(flag) away"
      )
    }
    guard !proof || Set(names.map(\.nameKey)).count <= 1 else {
      throw StoreError(
        .invalid, "a proof is of one branch", object: names.joined(separator: ", "),
        remedy: "delete one at a time, each with a proof of its own")
    }
    guard wait ?? 0 <= Self.waitSecondsMax else {
      throw StoreError(
        .invalid, "to wait for more than \(Self.waitSecondsMax) seconds", remedy: "wait less long")
    }
  }

  private static let waitSecondsMax: UInt64 = 1 << 32

  package struct Answer: Codable, Sendable {
    package var entries: [String]
    package var isDryRun: Bool
    /// With `now`: bytes of pages and nodes that only they held.
    package var freedByteCount: UInt64?
    /// With `now`, when anything was deleted: bytes of journal files that may have records of them
    /// still.
    package var journalByteCount: UInt64?
    /// With `now`, when anything was deleted: what readers and imports hold until they end.
    package var held: [SpaceUsage.Part]?
    /// With `now`, when anything was deleted: what nothing shows any more, and stays because
    /// differences build on it.
    package var basePageCount: UInt64?
    package var baseByteCount: UInt64?
    /// With `now`, when anything was deleted: folders that repairs left in the store, which may
    /// have bytes of them.
    package var repairFolders: [String]?
    /// With `now`, when anything was deleted: the collection that followed.
    package var collection: CollectRequest.Answer?
    /// With `now`: stored bytes that they refer to besides, and that stay; not where damage hides
    /// it.
    package var sharedByteCount: UInt64?
    /// Who keeps these.
    package var sharers: [SpaceSharer]?
    /// With `now`, when anything was deleted: whether nothing is left of what only they held.
    package var isReclaimed: Bool?
    /// With `proof`, when anything was deleted.
    package var proof: Envelope?
    /// What is to be known of the proof: that the key before was lost, or that it is not kept.
    package var notes: [String]

    fileprivate mutating func note(_ outcome: DeletionForGood.Outcome?) {
      freedByteCount = outcome?.freedByteCount ?? 0
      guard let outcome else { return }
      let summary = outcome.summary
      journalByteCount = outcome.journalByteCount
      held = outcome.held
      basePageCount = summary.basePageCount
      baseByteCount = summary.baseByteCount
      repairFolders = summary.repairFolders
      collection = CollectRequest.Answer(
        summary.collection, CollectRequest.Answer.Addition(isDryRun: false, space: nil, notes: []))
      if let kept = summary.kept { note(kept) }
      isReclaimed = outcome.isReclaimed
      proof = outcome.envelope
      notes = outcome.notes
    }

    fileprivate mutating func note(_ kept: SpaceFreed) {
      sharedByteCount = kept.sharedByteCount
      sharers = kept.sharers
    }
  }
}
