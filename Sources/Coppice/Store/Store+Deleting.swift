internal import CoppiceEngine
internal import CoppiceFormat
internal import CoppicePlatform
internal import Synchronization

/// What became of entries that were deleted for good.
public struct DeletionSummary: Hashable, Sendable {
  /// Stored bytes of pages and nodes that only they held, and bytes of their pages that were in
  /// memory and in the journal only, as far as they are gone from disk.
  public var freedByteCount: UInt64
  /// Pages that only they held, and stored bytes of these and of nodes, with those that were in
  /// memory and in the journal only: each once, whatever became of it.
  public var uniquePageCount: UInt64
  public var uniqueByteCount: UInt64
  /// Whether garbage is gone from all segments, so that nothing is left either of what they had
  /// replaced and removed before, unless others have it.
  public var hasLeftNothing: Bool
  /// Bytes of journal files that may have records of them still: 0, unless damage or a full disk
  /// kept changes of other branches from being sealed, whose records share these files.
  public var journalByteCount: UInt64
  /// What readers and imports that are under way hold of what only the entries held besides. The
  /// store gives it back once these have ended.
  public var held: [SpaceUsage.Part]
  /// Pages that nothing shows any more and that stay, for they are what differences build on that
  /// others show, and their stored bytes.
  public var basePageCount: UInt64
  public var baseByteCount: UInt64
  /// Folders of the store in which repairs left copies of its files, which may have bytes of the
  /// entries. Their owner removes them.
  public var repairFolders: [String]
  public var collection: CollectionSummary
  /// What they referred to besides, and who keeps it: `nil` where damage hid some of it.
  public var kept: SpaceFreed?
}

extension Store {
  /// Hides entries, all or none; `restore` brings each back until its space is reclaimed.
  ///
  /// Throws `notFound`, `inUse` while files are open, `conflict` for a branch with snapshots.
  /// - Parameters:
  ///   - includingSnapshots: deletes the branches' snapshots with them.
  ///   - ignoringMissing: passes over names that do not exist.
  ///   - force: deletes all the same; open files are stale then.
  ///   - annotations: changed in each, in the same transaction.
  public func delete(
    _ names: [String], includingSnapshots: Bool = false, ignoringMissing: Bool = false,
    force: Bool = false, annotations: [AnnotationChange] = []
  ) throws(StoreError) {
    let targets = try deletionTargets(
      names, includingSnapshots: includingSnapshots, ignoringMissing: ignoringMissing)
    guard !targets.isEmpty else { return }
    let open = try checkUnused(targets, force: force)
    try engine.branches.delete(targets, annotations: annotations.map(\.field))
    noteDeleted(open)
  }

  /// Deletes entries, all or none, so that nothing brings them back, collects garbage, and
  /// overwrites the journal's records with zeros: what only they held is in no file of the store on
  /// return, repairs' folders aside, but for what a reader or an import that is under way holds.
  /// That goes once these have ended, by the store's thread, its closing, the next opening or any
  /// collection. The changes of other branches are sealed for that. Content that they had replaced
  /// or removed before is garbage like any other, which a full collection ends. A name that no
  /// entry has any more means all deleted ones of that name. Other entries that were deleted before
  /// can be restored as long as they could.
  ///
  /// - Parameters:
  ///   - ids: the numbers that all the entries must have, and no others.
  ///   - isFull: leaves no garbage in any segment, so that what they had replaced and removed
  ///     before goes too. Takes time in proportion to the store.
  ///   - recorded: called once the deletion is durable, before the collection.
  ///
  /// Throws what `delete` does, `conflict` when the names mean other entries than `ids` are. When
  /// the collection fails, for lack of space say, the entries are gone all the same, and their
  /// space comes back later: the store's thread, its closing, the next opening and any collection
  /// go on, after a crash too.
  /// - Returns: `nil` when there was nothing to delete.
  public func deleteForGood(
    _ names: [String], includingSnapshots: Bool = false, ignoringMissing: Bool = false,
    force: Bool = false, ids: Set<UInt64>? = nil, isFull: Bool = false, recorded: () -> Void = {}
  ) throws(StoreError) -> DeletionSummary? {
    try deleteForGood(
      names, includingSnapshots: includingSnapshots, ignoringMissing: ignoringMissing,
      force: force, ids: ids, isFull: isFull, setting: nil, recorded: recorded)
  }

  /// As the other; a setting takes its value in the transaction that deletes.
  package func deleteForGood(
    _ names: [String], includingSnapshots: Bool = false, ignoringMissing: Bool = false,
    force: Bool = false, ids: Set<UInt64>? = nil, isFull: Bool = false,
    setting: (key: String, value: [UInt8])?, recorded: () -> Void = {}
  ) throws(StoreError) -> DeletionSummary? {
    let targets = try deletionTargets(
      names, includingSnapshots: includingSnapshots, ignoringMissing: ignoringMissing,
      takingDeleted: true)
    guard ids == nil || ids == Set(targets.map(\.id.rawValue)) else {
      throw StoreError(
        .conflict, "was deleted, made anew or got a snapshot meanwhile",
        object: names.joined(separator: ", "), remedy: "look at it, and delete it again")
    }
    guard !targets.isEmpty else { return nil }
    let deletedBefore = deleted(of: targets)
    let open = try checkUnused(targets, force: force)
    try engine.sealer.sealAll(besides: Set(targets.map(\.id)))
    let kept = try sharing(targets)
    let noted = try setting.map { setting throws(StoreError) in
      Setting(try settingKey(setting.key), setting.value)
    }
    let report = try engine.collector.deleteForGood(
      targets, deletedBefore: deletedBefore, isFull: isFull, setting: noted
    ) {
      noteDeleted(open)
      recorded()
    }
    return DeletionSummary(
      freedByteCount: UInt64(report.freedByteCount), uniquePageCount: report.uniquePageCount,
      uniqueByteCount: report.uniqueByteCount, hasLeftNothing: report.hasLeftNothing,
      journalByteCount: report.journalByteCount,
      held: report.held.map(SpaceUsage.Part.init), basePageCount: report.basePageCount,
      baseByteCount: report.baseByteCount, repairFolders: report.repairFolders,
      collection: CollectionSummary(report.collection), kept: kept)
  }

  /// Damaged entries can be deleted too.
  private func sharing(_ targets: [EngineBranch]) throws(StoreError) -> SpaceFreed? {
    do throws(StoreError) {
      return SpaceFreed(try engine.accounts.deletionEstimate(of: Set(targets.map(\.id))))
    } catch {
      guard error.kind == .corrupt else { throw error }
      return nil
    }
  }

  /// The trees of entries that this program uses. Throws `inUse` while files of them are open.
  @discardableResult
  func checkUnused(_ targets: [EngineBranch], force: Bool) throws(StoreError) -> [FileTree] {
    let open = trees.withLock { trees in targets.compactMap { trees[$0.id] } }
    for tree in open { try tree.checkUnused(force: force) }
    return open
  }

  func noteDeleted(_ open: [FileTree]) {
    for tree in open { tree.core.replace {} }
    watchers.tell(.removed)
    // The trees stay: a restored entry goes on with its own. Forgotten entries never come back.
    trees.withLock { trees in
      trees = trees.filter { engine.branches.entry($0.key) != nil }
    }
  }

  /// The entries that `delete` with these arguments would delete. Throws what it would, but
  /// `inUse`.
  public func deletionPlan(
    _ names: [String], includingSnapshots: Bool = false, ignoringMissing: Bool = false
  ) throws(StoreError) -> [String] {
    let targets = try deletionTargets(
      names, includingSnapshots: includingSnapshots, ignoringMissing: ignoringMissing)
    try engine.branches.checkDelete(targets)
    return targets.map { engine.name(of: $0.id) }
  }

  /// The entries that `deleteForGood` with these arguments would delete, in order of creation: also
  /// deleted ones, of names that no entry has. Throws what it would, but `inUse`.
  public func planForGood(
    _ names: [String], includingSnapshots: Bool = false, ignoringMissing: Bool = false
  ) throws(StoreError) -> [EntryInfo] {
    let targets = try deletionTargets(
      names, includingSnapshots: includingSnapshots, ignoringMissing: ignoringMissing,
      takingDeleted: true)
    try engine.branches.checkDelete(targets, deletedBefore: deleted(of: targets))
    return targets.compactMap { entry(ofID: $0.id.rawValue) }
  }

  private func deleted(of targets: [EngineBranch]) -> Set<BranchID> {
    Set(targets.filter(\.isDeleted).map(\.id))
  }

  private func deletionTargets(
    _ names: [String], includingSnapshots: Bool, ignoringMissing: Bool, takingDeleted: Bool = false
  ) throws(StoreError) -> [EngineBranch] {
    var targets: [BranchID: EngineBranch] = [:]
    for name in names {
      do throws(StoreError) {
        let target = try engineBranch(name)
        targets[target.id] = target
      } catch {
        guard error.kind == .notFound else { throw error }
        let deleted = takingDeleted ? deletedTargets(name, includingSnapshots) : []
        for target in deleted { targets[target.id] = target }
        guard ignoringMissing || !deleted.isEmpty else { throw error }
      }
    }
    for target in targets.values where !target.isReadOnly && !target.isDeleted {
      let name = engine.name(of: target.id)
      for (snapshot, suffix) in snapshots(of: name) where targets[snapshot.id] == nil {
        guard includingSnapshots else {
          throw StoreError(
            .conflict, "the branch has a snapshot, \(name)@\(suffix)", object: name,
            remedy: "delete its snapshots with it: \(step: .deleteSnapshots)")
        }
        targets[snapshot.id] = snapshot
      }
    }
    return targets.values.sorted { $0.id < $1.id }
  }

  /// The deleted entries of a name, and, where it is a branch's, their snapshots.
  private func deletedTargets(_ name: String, _ includingSnapshots: Bool) -> [EngineBranch] {
    let deleted = engine.branches.entries().filter { $0.flags.contains(.deleted) }
    let named = deleted.filter { $0.name.hasBytes(of: name) }
    let snapshots = deleted.filter {
      includingSnapshots && !named.isEmpty && $0.name.utf8.starts(with: "\(name)@".utf8)
    }
    return (named + snapshots).compactMap { engine.branches.with($0.id) }
  }

  /// The deleted entry of that name that was deleted last, by no clock where that is noted.
  private func deletedLast(_ name: String) -> BranchEntry? {
    engine.branches.entries { $0.flags.contains(.deleted) && $0.name.hasBytes(of: name) }
      .map(\.entry).max {
        ($0.annotations.deletionOrder, $0.deletedAt, $0.id)
          < ($1.annotations.deletionOrder, $1.deletedAt, $1.id)
      }
  }

  /// What `restore` brings back; `nil` when there is none of that name.
  package func restorable(_ name: String) -> EntryInfo? {
    deletedLast(name).flatMap { entry(ofID: $0.id.rawValue) }
  }

  /// Brings a deleted entry back, the one deleted last if there are several of that name.
  /// Throws `notFound` when there is none, or none any more, and for a snapshot whose branch is not
  /// there; `conflict` when the name is taken; `invalid` for a name of the other kind.
  /// - Parameter end: when it ends now; `nil`: what was a lifetime begins anew, any other end is
  ///   gone, and a lease is renewed.
  public func restore(
    _ name: String, as newName: String? = nil, end: EntryTerms.End? = nil
  ) throws(StoreError) {
    let newName = newName ?? name
    if EntryName.isSnapshot(newName) {
      try EntryName.validate(snapshot: newName)
    } else {
      try EntryName.validate(branch: newName)
    }
    guard let found = deletedLast(name) else {
      let deleted = engine.branches.entries().filter { $0.flags.contains(.deleted) }
      let near = NearestNames.find(name, among: deleted.map(\.name)).joined(separator: ", ")
      let list: Remedy.Step =
        EntryName.isSnapshot(name) ? .listDeletedSnapshots : .listDeletedBranches
      throw StoreError(
        .notFound, "there is no such deleted branch or snapshot", object: name,
        remedy: near.isEmpty ? "list them with \(step: list)" : "did you mean \(near)?")
    }
    guard found.flags.contains(.readOnly) == EntryName.isSnapshot(newName) else {
      let isSnapshot = found.flags.contains(.readOnly)
      throw StoreError(
        .invalid, "the deleted \(name) is \(isSnapshot ? "a snapshot" : "a branch")",
        object: newName, remedy: "call it \(isSnapshot ? "BRANCH@NAME" : "as a branch")")
    }
    let now = engine.clock.wallNanoseconds()
    var restored = found
    let expiry = found.annotations[.expiry].flatMap(EntryField.timeAndSpan)
    if end == nil, let expiry, expiry.span == 0 { restored.annotations[.expiry] = nil }
    let changes =
      (restored.annotations[.expiry] == nil ? [FieldChange(.expiry, nil)] : [])
      + (try restored.renewal(end, nil, at: now))
    _ = try engine.branches.restore(found.id, named: newName, annotations: changes)
    watchers.tell(.added)
  }
}

extension FileTree {
  func checkUnused(force: Bool) throws(StoreError) {
    let count = openFileCount
    guard count > 0, !force else { return }
    throw StoreError(
      .inUse, "\(count == 1 ? "1 file is" : "\(count) files are") open in this program",
      object: name, remedy: "close what is open, or force it")
  }
}
