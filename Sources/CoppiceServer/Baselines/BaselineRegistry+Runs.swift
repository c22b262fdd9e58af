internal import Coppice
internal import CoppiceLifecycle
internal import CoppicePlatform

extension BaselineRegistry {
  /// Keeps a run with its baseline. In the same transaction the snapshot that came of it is no part
  /// any more, and is approved, unless somebody must attest what it holds.
  func note(
    _ run: BaselineRun, of name: String, approving entry: EntryInfo? = nil,
    _ approval: Approval? = nil
  ) throws(StoreError) {
    try change(name) { baseline throws(StoreError) in
      if entry != nil, baseline.isRetired {
        throw StoreError(
          .denied, "the baseline was retired meanwhile", object: name,
          remedy: "add another one", reason: .policy)
      }
      var changed = baseline
      changed.note(run)
      changed.revision += 1
      guard let entry, let approval else { return (changed, [], ()) }
      let ending = [AnnotationChange(.part, nil)]
      var changes = ending
      if run.outcome == .approved {
        changes += BaselineRegistry.approving(entry, of: name, approval)
      }
      // The first one makes the work branch what it is called.
      let isFirst = try store.entries(carrying: .part, in: .named).contains {
        $0.entry.name.hasBytes(of: name)
      }
      return (changed, [(entry.name, changes)] + (isFirst ? [(name, ending)] : []), ())
    }
  }

  /// What marks an entry as a part.
  static func part(of name: String) -> AnnotationChange {
    AnnotationChange(.part, JSON.encode(BaselinePart(of: name)))
  }

  /// What approves a snapshot. What is forked from it takes its origin from it.
  static func approving(
    _ entry: EntryInfo, of baseline: String, _ approval: Approval
  ) -> [AnnotationChange] {
    let origin = Origin(
      baseline: baseline, snapshot: entry.name, id: entry.id, rootHash: approval.rootHash)
    return [
      AnnotationChange(.approval, JSON.encode(approval)),
      AnnotationChange(.origin, JSON.encode(origin)),
    ]
  }
}
