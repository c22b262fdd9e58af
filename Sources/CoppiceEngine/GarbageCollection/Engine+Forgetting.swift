internal import CoppiceFormat
internal import CoppicePlatform

/// An entry that is forgotten and no longer in the catalogue, until a collection has found out which
/// frames died with it.
struct ForgottenEntry {
  var entry: BranchEntry
  /// The root, and frames that its layers referred to.
  var refs: [Ref]
  /// What it alone had in memory and in the journal.
  var unsealed = UnsealedPages()
  /// With others that are to be gone at once.
  var departure: Departure?
}

/// Entries that were deleted to be gone at once, and how far that is. Guarded by `collecting`.
final class Departure: @unchecked Sendable {
  /// Stored bytes of pages and nodes that only they kept, by the segment that still holds them; `nil`
  /// until a collection has looked for them.
  var deadByteCounts: [SegmentID: Int]?
  var freedByteCount = 0
  /// What only they had in memory and in the journal.
  var unsealed = UnsealedPages()
  /// Of the collection that brought it to its end.
  var report: CollectionReport?

  /// The segments are gone.
  func noteReclaimed(_ segments: [SegmentID]) {
    for id in segments { freedByteCount += deadByteCounts?.removeValue(forKey: id) ?? 0 }
  }
}

/// What came of a deletion for good.
package struct DeletionReport: Sendable {
  package var collection: CollectionReport
  /// Stored bytes of pages and nodes that went with the entries, and bytes of their pages that were in
  /// memory and in the journal only.
  package var freedByteCount: Int
  /// Bytes of journal files that may hold records of the entries still.
  package var journalByteCount: UInt64
}

extension Engine {
  /// Deletes entries, all or none, forgets them in the same transaction, collects, and erases the
  /// journal: every segment that holds something which only they kept is emptied. Other deleted
  /// entries can be restored as before.
  ///
  /// Once the record is durable nothing brings the entries back. A collection under way took them for
  /// roots or began after the record; it ends first, and a later one reclaims their frames. A crash,
  /// or a collection that fails, leaves them to the next one.
  ///
  /// - Parameter forgotten: called before the collection, once the record is durable.
  package func deleteForGood(_ targets: [EngineBranch], forgotten: () -> Void = {})
    throws(StoreError) -> DeletionReport
  {
    try checkWritable()
    let departure = Departure()
    let lsn = try makingRoomForRecords { () throws(StoreError) in
      try control.withLock { () throws(StoreError) in try forget(targets, departure) }
    }
    try journal.flush(through: lsn)
    forgotten()
    let report = try collecting.withLock { () throws(StoreError) in try finish(departure) }
    let left = try eraseJournal()
    let unsealedByteCount = left == 0 ? departure.unsealed.byteCount(pageByteCount) : 0
    return DeletionReport(
      collection: report, freedByteCount: departure.freedByteCount + Int(unsealedByteCount),
      journalByteCount: left)
  }

  /// One transaction deletes and forgets. The caller holds `control`.
  private func forget(_ targets: [EngineBranch], _ departure: Departure) throws(StoreError) -> LSN {
    for target in targets { try understoodEntry(of: target) }
    let ids = targets.map(\.id)
    let staying = layersStaying(without: Set(ids))
    var gone: [ForgottenEntry] = []
    for id in ids {
      guard var entry = catalogue.branches[id] else { continue }
      entry.flags.insert(.deleted)
      entry.deletedAt = clock.wallNanoseconds()
      gone.append(forgottenEntry(entry, departure, staying: staying))
    }
    for entry in gone { departure.unsealed.formUnion(entry.unsealed) }
    var records: [(branch: BranchID, record: ControlRecord)] = ids.map { ($0, .delete) }
    records += Self.pieces(ids, of: 1024).map { (BranchID(0), .forget(Array($0))) }
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

  /// Of an entry that is still there. The caller holds `control`.
  ///
  /// - Parameter staying: layers that others go on with.
  func forgottenEntry(
    _ entry: BranchEntry, _ departure: Departure? = nil, staying: Set<ObjectIdentifier>
  ) -> ForgottenEntry {
    var gone = ForgottenEntry(entry: entry, refs: [entry.root], departure: departure)
    branches[entry.id]?.state.withLock { state in
      for layer in state.sealed.frozen.layers + [state.open] {
        gone.refs += layer.storedRefs
        if !staying.contains(ObjectIdentifier(layer)) { gone.unsealed.add(layer) }
      }
    }
    return gone
  }

  /// The frozen layers of all other branches, and of readers. The caller holds `control`.
  func layersStaying(without ids: Set<BranchID>) -> Set<ObjectIdentifier> {
    var staying: Set<ObjectIdentifier> = []
    for branch in branches.values where !ids.contains(branch.id) {
      let layers = branch.state.withLock { $0.sealed.frozen.layers }
      staying.formUnion(layers.map(ObjectIdentifier.init))
    }
    for layer in pins.all.flatMap({ $0.state?.frozen.layers ?? [] }) {
      staying.insert(ObjectIdentifier(layer))
    }
    return staying
  }

  /// The caller holds `collecting`.
  private func finish(_ departure: Departure) throws(StoreError) -> CollectionReport {
    // Another collection may have come first.
    if let report = departure.report { return report }
    defer { control.withLock { departures.removeAll { $0 === departure } } }
    var options = CollectionOptions()
    options.forgetsAll = false
    options.restoreWindow = .max
    return try collect(options) { _ in }
  }
}
