internal import Coppice
internal import CoppiceLifecycle
internal import Logging

/// The threads of a server that end branches, and prove what became of them.
struct EndedBranches {
  private let threads: [PeriodicThread]
  private let proofs: EndProofs

  init(_ reaper: Reaper, _ proofs: EndProofs, _ store: Store, _ logger: Logger) throws(StoreError) {
    self.proofs = proofs
    let outdated = OutdatedProofs(store, reaper)
    let ends = try PeriodicThread(name: "reaper", "looking for ends", logger: logger) {
      () throws(StoreError) in
      try reaper.run().pauses.map { "ends are paused: \($0)" }
    }
    do throws(StoreError) {
      let proving = try PeriodicThread(name: "proofs", "proving ends", logger: logger) {
        () throws(StoreError) in
        let owedCount = try OwedProofs(store).make()
        if owedCount > 0 { logger.info("proofs that killed deletions owed are made: \(owedCount)") }
        for proof in try proofs.make() { logger.info("\(proof.text)") }
        let goneCount = try outdated.remove()
        if goneCount > 0 { logger.info("proofs that were too old are removed: \(goneCount)") }
        return store.missedEndsText.map { [$0] } ?? []
      }
      threads = [ends, proving]
    } catch {
      ends.stop()
      throw error
    }
  }

  /// Returns once none does anything any more.
  func stop() {
    proofs.stop()
    for thread in threads { thread.stop() }
  }
}

extension EndProofs.Made {
  fileprivate var text: String {
    let left =
      switch outcome {
      case .reclaimed: "nothing is left"
      case .held: "something is left"
      case .incomplete: "not all of it is known"
      }
    return "proof of \(name), number \(id), ended by \(cause.rawValue): \(left)"
  }
}

extension Store {
  /// `nil` when there is a proof of each end, or there will be.
  var missedEndsText: String? {
    let count = missedEndCount
    if count == 0 { return nil }
    return "no proof of \(count == 1 ? "a branch" : "\(count) branches") that ended since the "
      + "store was opened: what was known of them is lost, or too many waited"
  }
}
