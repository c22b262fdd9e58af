internal import Coppice
internal import CoppiceLifecycle

extension BaselineRegistry {
  /// What became of the approved snapshots that a baseline's rules let go.
  struct Pruning {
    var deleted: [String] = []
    /// Why others are still there, one sentence each.
    var notes: [String] = []
  }

  /// Deletes the approved snapshots that the baseline's keep rules let go, each in one transaction
  /// with the end of its approval. What is protected, or has files open, stays for the next time.
  func prune(_ name: String, _ context: RequestContext) throws(StoreError) -> Pruning {
    var pruning = Pruning()
    let baseline = try baseline(name).baseline
    let approved = try BaselineSnapshots(store).approved(of: name).map(\.entry)
    let candidates = approved.map {
      PrunePlan.Candidate(id: $0.id, createdAt: $0.createdAt.nanoseconds)
    }
    let removed = Set(try baseline.pruned(candidates, at: now))
    for snapshot in approved where removed.contains(snapshot.id) {
      do throws(StoreError) {
        try BranchUse.refuse([snapshot.name], context)
        try store.delete([snapshot.name], annotations: [AnnotationChange(.approval, nil)])
        pruning.deleted.append(snapshot.name)
      } catch {
        switch error.kind {
        case .denied, .inUse: pruning.notes.append("\(snapshot.name) stays: \(error.message)")
        // Another one was quicker.
        case .notFound: continue
        default: throw error
        }
      }
    }
    return pruning
  }
}
