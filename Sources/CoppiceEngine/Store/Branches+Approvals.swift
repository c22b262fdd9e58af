package import CoppiceFormat

// An approved snapshot is one that branches may be made of by others than whoever owns the store.
// Who approves, and by which rules, is no matter of the engine: it keeps such a snapshot what it is
// until the approval is taken away.

extension Branches {
  /// The approved snapshot of a branch that was made last, whatever clocks say; `nil` without one.
  package func newestApproved(of branch: String) throws(StoreError) -> EngineBranch? {
    try core.gate.checkOpen()
    let prefix = Array("\(branch)@".utf8)
    return core.keeper.read { kept in
      let approved = kept.catalogue.branches.values.filter {
        !$0.flags.contains(.deleted) && $0.annotations[.approval] != nil
          && $0.annotations.expiredSince == nil && $0.name.utf8.starts(with: prefix)
      }
      return approved.max { $0.id < $1.id }.flatMap { kept.branches[$0.id] }
    }
  }

  /// Gives a setting another value, and changes annotations of entries, in one transaction. Durable
  /// on return.
  ///
  /// Throws `conflict`, with the reason `stale`, when the setting's value is not `old` any more;
  /// `notFound` for an entry that was deleted; and as `set` and `annotate`.
  package func change(
    _ key: SettingKey, from old: [UInt8]?, to new: [UInt8]?,
    annotating changes: [(branch: EngineBranch, changes: [FieldChange])]
  ) throws(StoreError) {
    try core.gate.checkWritable()
    try key.checkLength(of: new)
    let lsn = try core.keeper.change { kept throws(StoreError) in
      guard kept.catalogue.settings[key] == old else {
        throw StoreError(
          .conflict, "the setting was changed meanwhile", object: key.description,
          remedy: "look what it is now, and ask again", reason: .stale)
      }
      try kept.checkRoom(for: key, new)
      var records: [(branch: BranchID, record: ControlRecord)] = [(BranchID(0), .set(key, new))]
      for (branch, changes) in changes {
        let entry = try kept.understoodEntry(of: branch)
        try entry.annotations.check(changes, of: entry.name)
        records.append((branch.id, .annotate(changes)))
      }
      let lsn = try kept.record(records)
      for change in changes { change.branch.noteControl(lsn) }
      return lsn
    }
    try core.journal.flush(through: lsn)
  }
}

extension BranchEntry {
  /// Throws `denied` while the entry is approved, and nothing in the changes ends that: it is not
  /// deleted, nor called otherwise.
  package func checkNotApproved(after changes: [FieldChange] = []) throws(StoreError) {
    var fields = annotations
    fields.apply(changes)
    guard fields[.approval] != nil else { return }
    let baseline = String(Substring(name.utf8.prefix { $0 != UInt8(ascii: "@") }))
    throw StoreError(
      .denied, "is approved: others make branches of it", object: name,
      remedy: "\(step: .retire(baseline: baseline)) first", reason: .protected)
  }
}
