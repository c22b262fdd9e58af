package import Coppice

package struct BranchDeleteRequest: StoreRequest {
  package static let route = Route(.delete, "/v1/branches", "Delete branches, all or none.")

  package var names: [String]
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

  package init(
    names: [String], ifExists: Bool, snapshots: Bool, force: Bool, now: Bool, dryRun: Bool
  ) {
    self.names = names
    self.ifExists = ifExists
    self.snapshots = snapshots
    self.force = force
    self.now = now
    self.dryRun = dryRun
  }

  package var isReadOnly: Bool { dryRun }

  package var access: Access {
    let deletion = Access(.end, entries: names)
    return now ? deletion + Access(.giveUpWindow, entries: names) : deletion
  }

  package func run(_ context: RequestContext) throws(StoreError) -> Answer {
    let store = context.store
    let plan = try store.deletionPlan(
      names, includingSnapshots: snapshots, ignoringMissing: ifExists)
    if let snapshot = names.first(where: { EntryName.isSnapshot($0) }) {
      throw StoreError(
        .invalid, "is a snapshot", object: snapshot,
        remedy: "delete it with 'coppice snapshot delete \(snapshot)'")
    }
    try BaselineRegistry(store).refuse(workBranchAmong: plan)
    if !force { try BranchUse.refuse(plan, context) }
    var answer = Answer(entries: plan, isDryRun: dryRun)
    switch (now, dryRun) {
    case (false, false):
      try store.delete(
        names, includingSnapshots: snapshots, ignoringMissing: ifExists, force: force)
    case (false, true): break
    case (true, false):
      let summary = try store.deleteForGood(
        names, includingSnapshots: snapshots, ignoringMissing: ifExists, force: force)
      answer.freedByteCount = summary?.freedByteCount ?? 0
      answer.journalByteCount = summary?.journalByteCount
      answer.held = summary?.held
      answer.basePageCount = summary?.basePageCount
      answer.baseByteCount = summary?.baseByteCount
      answer.repairFolders = summary?.repairFolders
      answer.collection = summary.map {
        CollectRequest.Answer(
          $0.collection, CollectRequest.Answer.Addition(isDryRun: false, space: nil))
      }
      if let kept = summary?.kept { answer.note(kept) }
    case (true, true):
      let freed = try store.spaceFreed(deleting: plan)
      answer.freedByteCount = freed.freedByteCount
      answer.note(freed)
    }
    return answer
  }

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

    fileprivate mutating func note(_ kept: SpaceFreed) {
      sharedByteCount = kept.sharedByteCount
      sharers = kept.sharers
    }
  }
}
