package import CoppiceFormat
internal import CoppicePlatform
internal import Synchronization

extension Branches {
  /// Gives `target` the state of `source` at this moment. With `oldName` the state that the target
  /// had becomes a branch of that name, in the same transaction.
  ///
  /// - Parameters:
  ///   - annotations: what changes in the target's, asked under the keeper's lock: it must not ask
  ///     the engine for anything, and may refuse.
  ///   - oldAnnotations: to those that the branch with the old state inherits.
  package func reset(
    _ target: EngineBranch, to source: EngineBranch, keepingOldAs oldName: String?,
    annotations: (BranchEntry) throws(StoreError) -> [FieldChange] = { _ in [] },
    oldAnnotations: [FieldChange] = []
  ) throws(StoreError) {
    try core.gate.checkWritable()
    if target === source {
      try checkReset(target, to: source, keepingOldAs: oldName)
      return try annotate([target], annotations)
    }
    try checkReset(target, to: source)
    var plan = ResetPlan(
      target: target, source: source, oldName: oldName, oldAnnotations: oldAnnotations,
      now: core.clock.wallNanoseconds())
    let (first, second) = target.id < source.id ? (target, source) : (source, target)
    let lsn = try first.writer.withLockFirst { () throws(StoreError) in
      try second.writer.withLockFirst { () throws(StoreError) in
        try core.keeper.change { kept throws(StoreError) in
          plan.annotations = try annotations(try kept.understoodEntry(of: target))
          return try reset(&kept, plan)
        }
      }
    }
    try core.journal.flush(through: lsn)
  }

  /// Throws what `reset` with these arguments would now, but for a store that is only read.
  package func checkReset(
    _ target: EngineBranch, to source: EngineBranch, keepingOldAs oldName: String?
  ) throws(StoreError) {
    guard target !== source || oldName == nil else {
      throw StoreError(
        .invalid, "a branch is what it is: there is no other state to keep",
        object: core.name(of: target.id), remedy: "make a branch of it")
    }
    try checkReset(target, to: source)
    let now = core.clock.wallNanoseconds()
    try core.keeper.read { kept throws(StoreError) in
      try kept.checkReset(target, to: source, at: now)
      if let oldName { try kept.checkFree(oldName) }
    }
  }

  private func checkReset(
    _ target: EngineBranch, to source: EngineBranch
  ) throws(StoreError) {
    guard target.domain == source.domain else {
      let (from, to) = (core.name(of: source.id), core.name(of: target.id))
      throw StoreError(
        .invalid, "the two branches are in different trust domains", object: to,
        remedy: "\(step: .copy(of: from, into: to, domain: nil))")
    }
    guard !target.isReadOnly else {
      throw StoreError(
        .denied, "a snapshot cannot be reset", object: core.name(of: target.id),
        remedy: "reset a branch")
    }
  }

  /// The caller holds both branches' `writer`.
  private func reset(_ kept: inout Kept, _ plan: ResetPlan) throws(StoreError) -> LSN {
    let (target, source) = (plan.target, plan.source)
    try kept.checkReset(target, to: source, plan.annotations, at: plan.now)
    var records: [(branch: BranchID, record: ControlRecord)] = []
    var old: BranchID?
    if let oldName = plan.oldName {
      try kept.checkFree(oldName)
      let id = kept.catalogue.takeBranchID()
      old = id
      records.append(
        (
          target.id,
          .fork(
            child: id, name: oldName, isReadOnly: false, sharesThrough: target.writtenThrough)
        ))
    }
    records.append(
      (target.id, .reset(source: source.id, sharesThrough: source.writtenThrough)))
    let structural = records.count
    if !plan.annotations.isEmpty { records.append((target.id, .annotate(plan.annotations))) }
    if let old, !plan.oldAnnotations.isEmpty {
      records.append((old, .annotate(plan.oldAnnotations)))
    }
    let last = try kept.record(records)
    let lsn = LSN(last.rawValue - UInt64(records.count - structural))
    if let old {
      let forkLSN = LSN(lsn.rawValue - 1)
      target.freezeOpenLayer(through: forkLSN)
      let branch = makeBranch(&kept, old, target.state.withLock { $0.sealed }, from: forkLSN)
      branch.noteControl(last)
    }
    source.freezeOpenLayer(through: lsn)
    target.replace(source.state.withLock { $0.sealed }, from: lsn)
    target.noteControl(last)
    core.hints.added.withLock { $0.forget(target.id) }
    return last
  }
}

/// What a reset is to do.
private struct ResetPlan {
  var target: EngineBranch
  var source: EngineBranch
  var oldName: String?
  var annotations: [FieldChange] = []
  var oldAnnotations: [FieldChange]
  var now: Int64
}

extension Kept {
  /// - Parameter changes: what the reset does to the target's annotations besides.
  func checkReset(
    _ target: EngineBranch, to source: EngineBranch, _ changes: [FieldChange] = [], at now: Int64
  ) throws(StoreError) {
    let own = try understoodEntry(of: target)
    try own.checkUnprotected(at: now)
    try own.checkNotExpired(after: changes)
    let taken = try understoodEntry(of: source)
    try own.annotations.inheriting(from: taken.annotations).check(changes, of: own.name)
  }
}
