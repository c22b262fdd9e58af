package import CoppiceFormat
internal import CoppicePlatform
internal import Synchronization

// A condemned entry is no root and cannot be restored. It stays on record until what is to be done
// about it is through, so that a crash at any moment leaves it either whole or known as one that
// goes:
//
//  condemned   a durable record says so; its frames are garbage like any other.
//  examined    a collection found out which frames died with it, and the hints that say so are
//              durable; none of these frames was reclaimed before.
//  forgotten   a second record takes it off: of an entry that is to be gone for good once these
//              frames and the journal's records are, of one that ended by itself once its proof is
//              kept, of any other once it is examined.
//
// Frames that only readers and imports in preparation keep besides count as the entry's: they are
// among those examined, and a deletion for good waits for the collection that finds them dead.
//
// Whatever was done before a crash may be done again after it. Hints that cannot be written hold
// nothing up but the second record.

extension GarbageCollector {
  /// Takes up what opening found condemned. Nothing else runs yet.
  func takeUpCondemned() {
    let entries = core.keeper.catalogue.condemned.values.sorted { $0.id < $1.id }
    let forGood = entries.filter { $0.flags.contains(.forGood) }
    var departures: [Departure] = []
    if !forGood.isEmpty {
      departures = [Departure(of: Set(forGood.map(\.id)), isActive: false)]
      hasUnfinishedDeletions.store(true, ordering: .relaxed)
    }
    let known = core.hints.collection.withLock { Set($0.forgotten.map(\.id)) }
    // What waits for its proof alone is examined.
    let unexamined = entries.filter { entry in
      entry.flags.contains(.forGood) || !entry.endedByItself || !known.contains(entry.id)
    }.map { entry in
      ForgottenEntry(
        entry: entry, refs: [entry.root], unsealedPageCount: entry.unsealedPageCount,
        hasAllRefs: !entry.flags.contains(.hadRefs),
        departure: departures.first { $0.branches.contains(entry.id) })
    }
    core.keeper.change { kept in
      kept.departures = departures
      kept.unexamined = unexamined
    }
  }

  /// Goes on with deletions for good that a crash or a failure interrupted: collects, and erases
  /// the journal. Returns what the collection did, `nil` when there was none to do.
  ///
  /// - Throws: what `deleteForGood` does; a later call goes on then.
  package func finishDeletions() throws(StoreError) -> CollectionReport? {
    try core.gate.checkWritable()
    let isThrough = core.keeper.read { kept in
      !kept.catalogue.condemned.values.contains { $0.flags.contains(.forGood) }
    }
    if isThrough {
      hasUnfinishedDeletions.store(false, ordering: .relaxed)
      return nil
    }
    if !hasMore { return nil }
    do throws(StoreError) {
      try sealer.sealForCollection()
      let report = try collecting.withLock { () throws(StoreError) in
        let pending = core.keeper.read { $0.departures.filter { !core.isWaiting($0) } }
        try finish(pending)
        return pending.compactMap(\.report).last
      }
      try eraseJournal()
      hasUnfinishedDeletions.store(isWaitingForBorrowers, ordering: .relaxed)
      return report
    } catch {
      noteUnfinished(after: error)
      throw error
    }
  }

  /// Whether readers or imports keep what deletions for good are to take away.
  var isWaitingForBorrowers: Bool {
    core.keeper.read { kept in kept.departures.contains { !$0.borrowers.isEmpty } }
  }

  /// Goes on with deletions of these entries as far as that goes, and tells whether readers and
  /// imports alone keep them from their end.
  package func isWaiting(forDeletionOf ids: Set<BranchID>) throws(StoreError) -> Bool {
    while true {
      let isWaiting = core.keeper.read { kept in
        kept.departures.contains { !$0.branches.isDisjoint(with: ids) && core.isWaiting($0) }
      }
      if isWaiting { return true }
      if try finishDeletions() == nil { return false }
    }
  }

  /// Has the store's thread look whether those have ended for whom deletions for good wait.
  func noteWaiting() {
    guard isWaitingForBorrowers else { return }
    hasUnfinishedDeletions.store(true, ordering: .relaxed)
    thread.wake()
  }

  /// Whether deletions for good can go on: not while all that is left of them is lent.
  private var hasMore: Bool {
    core.keeper.read { kept in
      let waiting = kept.departures.filter(core.isWaiting).reduce(into: Set<BranchID>()) {
        $0.formUnion($1.branches)
      }
      return kept.catalogue.condemned.values.contains {
        $0.flags.contains(.forGood) && !waiting.contains($0.id)
      }
    }
  }

  /// Has the store's thread try again what failed for lack of something, the next time it looks;
  /// what damage prevents waits for the next opening or collection.
  func noteUnfinished(after error: StoreError) {
    let mayPass = error.kind == .full || error.kind == .unavailable
    hasUnfinishedDeletions.store(mayPass, ordering: .relaxed)
  }

  /// Collects, unless a collection brought all of these to their end already. The caller holds
  /// `collecting`.
  ///
  /// - Parameter isFull: whether to leave nothing dead.
  func finish(_ pending: [Departure], isFull: Bool = false) throws(StoreError) {
    guard core.keeper.read({ _ in pending.contains { !$0.isThrough } }) else { return }
    core.keeper.change { _ in for departure in pending { departure.isActive = true } }
    defer { core.keeper.change { _ in for departure in pending { departure.isActive = false } } }
    var options = CollectionOptions()
    options.forgetting = .overdue
    options.restoreWindow = .max
    options.isFull = isFull || needsAll(pending)
    let report = try collect(options) { _ in }
    // Nodes of theirs could not be read, or were gone after a crash on a full disk.
    if !options.isFull, report.unreadable.isEmpty, needsAll(pending) {
      options.isFull = true
      _ = try collect(options) { _ in }
    }
  }

  /// Whether it is not known which frames these keep, so that only a collection which leaves
  /// nothing dead surely reclaims them.
  private func needsAll(_ pending: [Departure]) -> Bool {
    let ids = pending.reduce(into: Set<BranchID>()) { $0.formUnion($1.branches) }
    let notes = core.hints.collection.withLock { hints in
      hints.forgotten.filter { ids.contains($0.id) }
    }
    if notes.contains(where: { !$0.isComplete }) { return true }
    let known = Set(notes.map(\.id))
    return core.keeper.read { kept in
      kept.unexamined.contains { gone in
        !gone.hasAllRefs && ids.contains(gone.entry.id) && !known.contains(gone.entry.id)
      }
    }
  }

  /// Takes entries off that are examined, and neither to be gone for good nor to be proven. Not
  /// durable before the next record is.
  func forgetExamined() throws(StoreError) {
    let ends = examinedEnds
    let others = core.keeper.read { kept in kept.examined.filter { !$0.endedByItself } }
    let examined = (others + ends.missed.joined() + ends.strays).map(\.id)
    guard !examined.isEmpty, core.hints.save(to: core.disk) else { return }
    try core.keeper.change { kept throws(StoreError) in _ = try kept.recordForgotten(examined) }
    missedProofCount.add(ends.missed.count, ordering: .relaxed)
  }

  /// Of the entries that are to be gone for good, those whose frames are.
  var condemnedWithoutFrames: [BranchID] {
    core.keeper.read { kept in
      let waiting = kept.departures.reduce(into: Set(kept.unexamined.map(\.entry.id))) {
        $0.formUnion($1.branches)
      }
      return kept.catalogue.condemned.values
        .filter { $0.flags.contains(.forGood) && !waiting.contains($0.id) }.map(\.id)
    }
  }

  /// Takes entries off of which nothing is left. Durable on return.
  func forgetErased(_ ids: [BranchID]) throws(StoreError) {
    guard !ids.isEmpty, core.hints.save(to: core.disk) else { return }
    let lsn = try checkpointer.makingRoomForRecords { () throws(StoreError) in
      try core.keeper.change { kept throws(StoreError) in try kept.recordForgotten(ids) }
    }
    try core.journal.flush(through: lsn)
  }
}

extension Kept {
  mutating func recordForgotten(_ ids: [BranchID]) throws(StoreError) -> LSN {
    try record(
      GarbageCollector.pieces(ids.sorted(), of: 1024).map { (BranchID(0), .forget(Array($0))) })
  }
}
