internal import CoppiceFormat
internal import CoppicePlatform
internal import Synchronization

extension GarbageCollector {
  /// Goes on with unfinished deletions for good; else collects if the estimates ask for it, `nil`
  /// when they do not. What the store's own thread does, and the owner of a store without threads
  /// may.
  package func collectAutomatically() throws(StoreError) -> CollectionReport? {
    if core.journal.isPoisoned { return nil }
    if hasUnfinishedDeletions.load(ordering: .relaxed), let report = try finishDeletions() {
      return report
    }
    let need = collectionNeed()
    guard let kind = need.kind(core.options.collection) else { return nil }
    // What others replaced and have not sealed yet died with what is forgotten now.
    if need.hasForgettable || kind == .forSpace { try sealer.sealForCollection() }
    var collection = CollectionOptions()
    collection.restoreWindow = core.options.collection.restoreWindow
    collection.byteCountPerSecond = core.options.collection.byteCountPerSecond
    switch kind {
    case .young:
      collection.isYoung = true
      collection.forgetting = .overdue
    case .all: collection.forgetting = .overdue
    case .forSpace:
      collection.forgetting = .all
      collection.byteCountPerSecond = nil
      thread.noteSpaceCollection(at: core.journal.lastLSN)
    }
    return try collectGarbage(collection)
  }

  /// How long what ended by itself waits at most for a collection that forgets it, and so for its
  /// proof, once nothing keeps it any more.
  private static let proofIntervalNanoseconds: Int64 = 24 * 3600 * 1_000_000_000

  /// Until a collection of all segments is due whatever there is to gain.
  private static func nanosecondsUntilProof(
    _ hints: CollectionHints, _ moment: RestoreWindow.Moment
  ) -> UInt64 {
    let passed = moment.wall.subtractingReportingOverflow(hints.fullAt)
    guard !passed.overflow, passed.partialValue < proofIntervalNanoseconds else { return 0 }
    return UInt64(proofIntervalNanoseconds - max(passed.partialValue, 0))
  }

  private func collectionNeed() -> CollectionNeed {
    var need = CollectionNeed()
    let hints = core.hints.collection.withLock { $0 }
    need.oldDeadByteCount = hints.oldDeadByteCount
    need.youngDeadByteCount = hints.youngDeadByteCount
    let window = core.options.collection.restoreWindow
    let moment = RestoreWindow.Moment(core.clock)
    let (hasDeleted, condemned, forgettable) = core.keeper.read { kept in
      for segment in kept.catalogue.segments.values {
        if segment.id < hints.youngFrom {
          need.oldByteCount += segment.byteCount
        } else {
          need.youngByteCount += segment.byteCount
        }
      }
      let condemned = kept.unexamined.filter { $0.departure == nil }.map(\.entry)
      let deleted = kept.catalogue.branches.values.filter { $0.flags.contains(.deleted) }
      var forgettable = condemned
      for entry in deleted
      where RestoreWindow.isOver(window, entry, kept.branches[entry.id], at: moment) {
        forgettable.append(entry)
      }
      return (!deleted.isEmpty, condemned, forgettable)
    }
    need.hasForgettable = !forgettable.isEmpty
    need.hasDeletedBranches = hasDeleted || !condemned.isEmpty
    // A crash ended the collection that was to look at them.
    need.isProofDue =
      condemned.contains(where: \.endedByItself)
      || forgettable.contains(where: \.endedByItself)
        && Self.nanosecondsUntilProof(hints, moment) == 0
    for entry in forgettable {
      let stored = core.hints.growth.withLock { $0.storedByteCount(of: entry.id) }
      if entry.createdAt >= hints.endedAt, !entry.root.isHole, !entry.endedByItself {
        need.youngForgettableByteCount += stored
      } else {
        need.oldForgettableByteCount += stored
      }
    }
    // Without an answer there is no lack.
    need.freeByteCount = try? core.disk.freeByteCount()
    if sealer.hasRemovals, let free = need.freeByteCount {
      need.hasRemovals = core.room.isGivenUp || free < core.room.reservedByteCount
    }
    need.hasChanged = thread.spaceCollectionLSN != core.journal.lastLSN
    return need
  }

  /// One step of the thread that collects.
  func performCollection() throws(StoreError) -> StepOutcome {
    if core.journal.isPoisoned { return .idle(nanoseconds: nil) }
    // It grows with the store.
    core.room.restoreReserve()
    if try collectAutomatically() != nil { return .worked }
    let next = nanosecondsUntilForgettable
    guard isWaitingForBorrowers else { return .idle(nanoseconds: next) }
    // Readers end without a word.
    return .idle(nanoseconds: min(next ?? .max, Self.borrowerIntervalNanoseconds))
  }

  /// Between two looks whether readers have ended for which a deletion for good waits.
  private static let borrowerIntervalNanoseconds: UInt64 = 1_000_000_000

  /// Until the restore window of the next deleted branch ends, or a collection is due for its
  /// proof.
  private var nanosecondsUntilForgettable: UInt64? {
    let moment = RestoreWindow.Moment(core.clock)
    let window = core.options.collection.restoreWindow
    let untilProof = core.hints.collection.withLock { Self.nanosecondsUntilProof($0, moment) }
    return core.keeper.read { kept in
      var next: UInt64?
      for entry in kept.catalogue.branches.values where entry.flags.contains(.deleted) {
        let rest = RestoreWindow.rest(window, entry, kept.branches[entry.id], at: moment)
        if let rest, rest > 0 {
          next = min(next ?? .max, rest)
        } else if rest == 0, entry.endedByItself, untilProof > 0 {
          next = min(next ?? .max, untilProof)
        }
      }
      return next
    }
  }
}
