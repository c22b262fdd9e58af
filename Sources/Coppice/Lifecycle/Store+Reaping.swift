internal import CoppiceEngine
internal import CoppiceFormat
internal import CoppicePlatform
internal import Synchronization

/// Ends that were planned from what entries were a moment ago. Each takes place only if they are
/// still so: what was renewed, protected, given another name or another state since stays.
extension Store {
  /// Expires entries, all or none. What has files of them open finds them stale.
  ///
  /// - Parameter entries: a branch and snapshots of it, or one snapshot.
  /// - Returns: whether it did; `false` when one of them is not as it was.
  package func expire(
    asPlanned entries: [EntryInfo], for cause: EntryEnding.Cause
  ) throws(StoreError) -> Bool {
    guard let targets = present(entries), let leader = targets.first else { return false }
    let now = EntryField.value(ofTime: engine.clock.wallNanoseconds())
    let ending = Ending(cause.stored, group: leader.id).value
    let isDone = try unlessChanged { () throws(StoreError) in
      try engine.branches.annotate(targets) { entry throws(StoreError) in
        try entry.checkUnchanged(since: entries)
        return [FieldChange(.expired, now), FieldChange(.ending, ending)]
      }
    }
    guard isDone else { return false }
    let open = trees.withLock { trees in targets.compactMap { trees[$0.id] } }
    for tree in open { tree.core.replace {} }
    watchers.tell(.removed)
    return true
  }

  /// Deletes entries, all or none, as `delete` does.
  ///
  /// A branch that ended by itself is to have a proof: it is noted how, and what it took along.
  ///
  /// - Parameters:
  ///   - entries: a branch and its snapshots, or one snapshot.
  ///   - keepUntil: until when they can surely be restored while there is space; `nil`: for as long
  ///     as the store does that by itself.
  ///   - isRetracting: of approved snapshots, whose approval ends with that.
  /// - Returns: whether it did; `false` when one of them is not as it was.
  package func delete(
    asPlanned entries: [EntryInfo], keepUntil: Timestamp?, isRetracting: Bool = false
  ) throws(StoreError) -> Bool {
    guard let targets = present(entries), let leader = targets.first else { return false }
    var changes = isRetracting ? [FieldChange(.approval, nil)] : []
    if let keepUntil {
      changes.append(FieldChange(.keepUntil, EntryField.value(ofTime: keepUntil.nanoseconds)))
    }
    if !leader.isReadOnly {
      // Older versions noted nothing.
      var ending =
        engine.branches.annotations(of: leader).ending ?? Ending(.expire, group: leader.id)
      (ending.isByItself, ending.group) = (true, leader.id)
      changes.append(FieldChange(.ending, ending.value))
    }
    let isDone = try unlessChanged { () throws(StoreError) in
      try engine.branches.delete(targets, annotations: changes) {
        entry throws(StoreError) in
        try entry.checkUnchanged(since: entries)
      }
    }
    guard isDone else { return false }
    noteDeleted(trees.withLock { trees in targets.compactMap { trees[$0.id] } })
    return true
  }

  /// Whether a look for ends may find something to do: an end that has come, a grace that is over,
  /// or a limit. Looks at no more of each entry than that takes.
  ///
  /// - Parameters:
  ///   - wall: nanoseconds since 1970.
  ///   - grace: from expiry to deletion, in nanoseconds.
  package func mayHaveEnds(at wall: Int64, grace: Int64) -> Bool {
    engine.branches.contains { entry in
      let fields = entry.annotations
      switch entry.state {
      case .deleted: return false
      case .expired:
        let (end, isOver) = (fields.expiredSince ?? 0).addingReportingOverflow(grace)
        return !isOver && end <= wall
      case .live:
        return fields[.limit] != nil
          || [FieldTag.expiry, .lease].contains { tag in
            fields[tag].flatMap(EntryField.timeAndSpan).map { $0.time <= wall } ?? false
          }
      }
    }
  }

  /// Whether a repair put the catalogue together, and nobody has looked since: what ended branches
  /// is lost with the ends.
  package var isRepaired: Bool {
    engine.branches.setting(Setting.repaired.key) == Setting.repaired.value
  }

  /// The newest time that the store has recorded, by whatever clock that was.
  package var newestTime: Timestamp? {
    engine.branches.entries().flatMap { entry in
      [entry.createdAt, entry.deletedAt, entry.annotations.expiredSince ?? 0]
    }.max().flatMap { $0 > 0 ? Timestamp(nanoseconds: $0) : nil }
  }

  private func present(_ entries: [EntryInfo]) -> [EngineBranch]? {
    let targets = entries.compactMap { engine.branches.with(BranchID($0.id)) }
    return targets.count == entries.count ? targets : nil
  }

  private func unlessChanged(
    _ body: () throws(StoreError) -> Void
  ) throws(StoreError) -> Bool {
    do throws(StoreError) {
      try body()
      return true
    } catch {
      let isChanged =
        error.reason == .stale || error.reason == .protected || error.kind == .notFound
        || error.kind == .conflict
      guard isChanged else { throw error }
      return false
    }
  }
}

extension BranchEntry {
  fileprivate func checkUnchanged(since entries: [EntryInfo]) throws(StoreError) {
    func time(_ tag: FieldTag) -> Int64? {
      annotations[tag].flatMap(EntryField.timeAndSpan)?.time
    }
    guard let planned = entries.first(where: { $0.id == id.rawValue }), planned.state == state,
      planned.expiresAt?.nanoseconds == time(.expiry),
      planned.leaseUntil?.nanoseconds == time(.lease),
      planned.protectedUntil?.nanoseconds == annotations.protectedUntil,
      planned.expiredAt?.nanoseconds == annotations.expiredSince
    else {
      throw StoreError(.unavailable, "changed since its end was planned", reason: .stale)
    }
  }
}
