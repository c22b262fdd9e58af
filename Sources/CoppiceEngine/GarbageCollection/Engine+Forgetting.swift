internal import CoppiceFormat
internal import CoppicePlatform

/// An entry that is forgotten and no longer in the catalogue, until a collection has found out which
/// frames died with it.
struct ForgottenEntry {
  var entry: BranchEntry
  /// The root, and frames that its layers referred to.
  var refs: [Ref]
  /// With others that are to be gone at once.
  var departure: Departure?
}

/// Entries that were deleted to be gone at once, and how far that is. Guarded by `collecting`.
final class Departure: @unchecked Sendable {
  /// Stored bytes of pages and nodes that only they kept, by the segment that still holds them; `nil`
  /// until a collection has looked for them.
  var deadByteCounts: [SegmentID: Int]?
  var freedByteCount = 0
  /// Of the collection that brought it to its end.
  var report: CollectionReport?

  /// The segments are gone.
  func noteReclaimed(_ segments: [SegmentID]) {
    for id in segments { freedByteCount += deadByteCounts?.removeValue(forKey: id) ?? 0 }
  }
}

extension Engine {
  /// Deletes entries, all or none, forgets them in the same transaction, and collects: every segment
  /// that holds something which only they kept is emptied. Other deleted entries can be restored
  /// as before.
  ///
  /// Once the record is durable nothing brings the entries back. A collection under way took them for
  /// roots or began after the record; it ends first, and a later one reclaims their frames. A crash,
  /// or a collection that fails, leaves them to the next one.
  ///
  /// - Parameter forgotten: called before the collection, once the record is durable.
  /// - Returns: the collection's report, and the stored bytes of pages and nodes that went with the
  ///   entries.
  package func deleteForGood(_ targets: [EngineBranch], forgotten: () -> Void = {})
    throws(StoreError) -> (report: CollectionReport, freedByteCount: Int)
  {
    try checkWritable()
    let departure = Departure()
    let lsn = try control.withLock { () throws(StoreError) in
      try forget(targets, departure)
    }
    try journal.flush(through: lsn)
    forgotten()
    return try collecting.withLock { () throws(StoreError) in
      (try finish(departure), departure.freedByteCount)
    }
  }

  /// One transaction deletes and forgets. The caller holds `control`.
  private func forget(_ targets: [EngineBranch], _ departure: Departure) throws(StoreError) -> LSN {
    for target in targets { try checkExists(target) }
    let ids = targets.map(\.id)
    var gone: [ForgottenEntry] = []
    for id in ids {
      guard var entry = catalogue.branches[id] else { continue }
      entry.flags.insert(.deleted)
      entry.deletedAt = clock.wallNanoseconds()
      gone.append(forgottenEntry(entry, departure))
    }
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
  func forgottenEntry(_ entry: BranchEntry, _ departure: Departure? = nil) -> ForgottenEntry {
    var refs = [entry.root]
    branches[entry.id]?.state.withLock { state in
      refs += state.open.storedRefs
      for layer in state.sealed.frozen.layers { refs += layer.storedRefs }
    }
    return ForgottenEntry(entry: entry, refs: refs, departure: departure)
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
