package import CoppiceFormat
internal import CoppicePlatform

/// What came of a deletion for good.
package struct DeletionReport: Sendable {
  package var collection: CollectionReport
  /// Stored bytes of pages and nodes that went with the entries, and bytes of their pages that were
  /// in memory and in the journal only.
  package var freedByteCount: Int
  /// Pages that only the entries held, and stored bytes of these and of nodes, with the pages that
  /// were in memory and in the journal only: each once, whatever became of it.
  package var uniquePageCount: UInt64
  package var uniqueByteCount: UInt64
  /// Whether a collection has left nothing dead since: what the entries had replaced and removed
  /// before is gone too, unless others have it.
  package var hasLeftNothing: Bool
  /// Bytes of journal files that may hold records of the entries still.
  package var journalByteCount: UInt64
  /// What readers and imports in preparation still hold of what was theirs alone; the collector
  /// goes on once these have ended.
  package var held: [SpaceReport.Part]
  /// Pages that only the entries showed and that stay, for differences that others show build on
  /// them, and their stored bytes.
  package var basePageCount: UInt64
  package var baseByteCount: UInt64
  /// Folders that repairs left, which may have bytes of the entries.
  package var repairFolders: [String]
}

extension GarbageCollector {
  /// Deletes entries, all or none, condemns them in the same transaction, seals what others have
  /// changed, collects, and erases the journal: every segment that holds something which only they
  /// kept is emptied. Other deleted
  /// entries can be restored as before.
  ///
  /// Once the record is durable nothing brings the entries back. What readers and imports in
  /// preparation hold then stays until these have ended, and so does the deletion's record. A
  /// collection under way took them for roots or began after the record; it ends first, and a later
  /// one reclaims their frames. They stay on record until all of that is through: after a crash or
  /// a failure, `finishDeletions` goes on.
  ///
  /// - Parameters:
  ///   - deletedBefore: those of the entries that are deleted, and must be.
  ///   - isFull: whether to leave nothing dead, in no segment.
  ///   - setting: one that takes its value in the same transaction; not if all settings would be
  ///     too long then.
  ///   - forgotten: called before the collection, once the record is durable.
  package func deleteForGood(
    _ targets: [EngineBranch], deletedBefore: Set<BranchID> = [], isFull: Bool = false,
    setting: Setting? = nil, forgotten: () -> Void = {}
  ) throws(StoreError) -> DeletionReport {
    try core.gate.checkWritable()
    let departure = Departure(of: Set(targets.map(\.id)), isActive: true)
    let lsn = try checkpointer.makingRoomForRecords { () throws(StoreError) in
      // A seal under way stores frames of a branch that only its publish tells of.
      try core.latch.withExclusive { () throws(StoreError) in
        try core.keeper.change { kept throws(StoreError) in
          let now = core.clock.wallNanoseconds()
          try kept.checkDoomed(targets, deletedBefore, at: now)
          return try kept.condemn(targets, departure, setting, at: now)
        }
      }
    }
    try core.journal.flush(through: lsn)
    forgotten()
    do throws(StoreError) {
      // What others replaced and have not sealed yet is theirs no more.
      try sealer.sealForCollection()
      try collecting.withLock { () throws(StoreError) in try finish([departure], isFull: isFull) }
      let left = try eraseJournal()
      let unsealedByteCount = departure.unsealed.byteCount(core.pageByteCount)
      let unique = departure.unique ?? (0, 0)
      noteWaiting()
      let held = [
        SpaceReport.Part(holder: .reader, byteCount: departure.readByteCount),
        SpaceReport.Part(holder: .imports, byteCount: departure.importedByteCount),
      ]
      return DeletionReport(
        collection: departure.report ?? CollectionReport(),
        freedByteCount: departure.freedByteCount + (left == 0 ? Int(unsealedByteCount) : 0),
        uniquePageCount: unique.pageCount + departure.unsealed.count,
        uniqueByteCount: unique.byteCount + unsealedByteCount,
        hasLeftNothing: departure.report?.hasLeftNothing ?? false, journalByteCount: left,
        held: held.filter { $0.byteCount > 0 }, basePageCount: departure.basePageCount,
        baseByteCount: departure.baseByteCount, repairFolders: try core.repairFolders())
    } catch {
      noteUnfinished(after: error)
      thread.wake()
      throw error
    }
  }

  static func condemnations(of gone: [ForgottenEntry], isForGood: Bool)
    -> [(branch: BranchID, record: ControlRecord)]
  {
    pieces(gone, of: 1024).map {
      (BranchID(0), .condemn($0.map(\.condemnation), isForGood: isForGood))
    }
  }
}

extension Kept {
  /// One transaction deletes what is not deleted, and condemns.
  fileprivate mutating func condemn(
    _ targets: [EngineBranch], _ departure: Departure, _ setting: Setting?, at time: Int64
  ) throws(StoreError) -> LSN {
    let ids = targets.map(\.id)
    let staying = layersStaying(without: Set(ids))
    var gone: [ForgottenEntry] = []
    var records: [(branch: BranchID, record: ControlRecord)] = []
    for id in ids {
      guard var entry = catalogue.branches[id] else { continue }
      if entry.flags.insert(.deleted).inserted {
        entry.deletedAt = time
        records.append((id, .delete))
      }
      gone.append(forgottenEntry(entry, departure, staying: staying))
    }
    for entry in gone { departure.unsealed.formUnion(entry.unsealed) }
    records += GarbageCollector.condemnations(of: gone, isForGood: true)
    // What it is for is worth no deletion that fails.
    if let setting, (try? checkRoom(for: setting.key, setting.value)) != nil {
      records.append((BranchID(0), .set(setting.key, setting.value)))
    }
    let lsn = try record(records)
    for target in targets {
      target.setDeleted(true)
      target.noteControl(lsn)
      branches[target.id] = nil
    }
    unexamined += gone
    departures.append(departure)
    return lsn
  }

  /// Of an entry that is still there.
  ///
  /// - Parameter staying: layers that others go on with.
  func forgottenEntry(
    _ entry: BranchEntry, _ departure: Departure? = nil,
    staying: [ObjectIdentifier: Set<BranchID>]
  ) -> ForgottenEntry {
    var gone = ForgottenEntry(entry: entry, refs: [entry.root], departure: departure)
    var heirs: Set<BranchID> = []
    branches[entry.id]?.state.withLock { state in
      for layer in state.sealed.frozen.layers + [state.open] {
        gone.refs += layer.storedRefs
        if let others = staying[ObjectIdentifier(layer)] {
          heirs.formUnion(others)
        } else {
          gone.unsealed.add(layer)
        }
      }
    }
    gone.heirs = heirs.sorted()
    gone.unsealedPageCount = gone.unsealed.count
    return gone
  }

  /// The frozen layers of all other branches, with these. Those that only readers have are in
  /// memory and nowhere else.
  func layersStaying(without ids: Set<BranchID>) -> [ObjectIdentifier: Set<BranchID>] {
    var staying: [ObjectIdentifier: Set<BranchID>] = [:]
    for branch in branches.values where !ids.contains(branch.id) {
      for layer in branch.state.withLock({ $0.sealed.frozen.layers }) {
        staying[ObjectIdentifier(layer), default: []].insert(branch.id)
      }
    }
    return staying
  }
}
