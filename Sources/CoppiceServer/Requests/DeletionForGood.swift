internal import Coppice
internal import CoppiceInstances
internal import CoppiceLifecycle
internal import CoppicePlatform

/// Deletes branches for good, waits for those who hold some of what they held, looks for what is
/// left, and proves it.
struct DeletionForGood {
  static let waitSecondsDefault: UInt64 = 600
  private static let pauseNanoseconds: UInt64 = 50_000_000

  let names: [String]
  /// The entries that will be deleted.
  let plan: [EntryInfo]
  let ignoresMissing: Bool
  let includesSnapshots: Bool
  let force: Bool
  let isFull: Bool
  let isProven: Bool
  let waitSeconds: UInt64?

  struct Outcome {
    var summary: DeletionSummary
    /// `nil` where damage keeps from looking.
    var found: ReclaimVerification?
    var envelope: Envelope?
    var notes: [String] = []
  }

  /// `nil` when there was nothing to delete. Whoever asked may be gone before the end: that is
  /// waited for no longer then, and the proof is kept.
  func run(_ context: RequestContext) throws(StoreError) -> Outcome? {
    let store = context.store
    guard let name = plan.first?.name else { return nil }
    let ids = Set(plan.map(\.id))
    let proof = isProven ? try DeletionProof(of: plan, in: store, by: context.principal) : nil
    defer { proof?.end() }
    var notes: [String] = []
    let summary = try store.deleteForGood(
      names, includingSnapshots: includesSnapshots, ignoringMissing: ignoresMissing, force: force,
      ids: ids, isFull: isFull, setting: draft(proof, &notes), recorded: { proof?.keepFirst() })
    guard let summary else { return nil }
    InstanceSupervisor.removeTraces(ofStore: store.identifier, entries: ids)
    try awaitReaders(of: ids, context)
    var outcome = Outcome(summary: summary)
    guard let proof else {
      outcome.found = try verified(ids, name, store)
      return outcome
    }
    let signed = try proof.sign(summary)
    outcome.found = signed.found
    outcome.envelope = signed.envelope
    outcome.notes = [proof.signing.note].compactMap(\.self)
    if let failure = signed.keepingFailure {
      let isOwed = notes.isEmpty
      outcome.notes += notes
      outcome.notes.append(
        "the store does not keep the proof\(isOwed ? " yet, and will" : ""): \(failure.commandText)"
      )
    }
    return outcome
  }

  /// No deletion fails for it.
  private func draft(
    _ proof: DeletionProof?, _ notes: inout [String]
  ) -> (key: String, value: [UInt8])? {
    do throws(StoreError) { return try proof?.draft() } catch {
      notes.append("the store could not note that it owes a proof: \(error.commandText)")
      return nil
    }
  }

  private func awaitReaders(
    of ids: Set<UInt64>, _ context: RequestContext
  ) throws(StoreError) {
    let clock = SystemClock()
    let deadline =
      clock.monotonicNanoseconds()
      + (waitSeconds ?? Self.waitSecondsDefault) * 1_000_000_000
    while try context.store.isWaitingForReaders(ofDeleted: ids) {
      guard clock.monotonicNanoseconds() < deadline, !context.work.isCancelled else { return }
      Pause().wait(nanoseconds: Self.pauseNanoseconds) { !context.work.isCancelled }
    }
  }

  /// Damaged entries can be deleted too.
  private func verified(
    _ ids: Set<UInt64>, _ name: String, _ store: Store
  ) throws(StoreError) -> ReclaimVerification? {
    do throws(StoreError) { return try store.verifyReclaim(ofEntries: ids, named: name) } catch {
      guard error.kind == .corrupt else { throw error }
      return nil
    }
  }
}

extension DeletionForGood.Outcome {
  var isReclaimed: Bool { found?.isReclaimed ?? false }

  /// What readers and imports hold still.
  var held: [SpaceUsage.Part] {
    found?.held.filter { $0.holder == .reader || $0.holder == .import } ?? summary.held
  }

  var journalByteCount: UInt64 {
    guard let found else { return summary.journalByteCount }
    return found.held.reduce(0) { $0 + ($1.holder == .journal ? $1.byteCount : 0) }
  }

  /// With what went while readers were waited for.
  var freedByteCount: UInt64 {
    let (before, after) = (Self.sum(summary.held), Self.sum(held))
    return summary.freedByteCount + (before - min(before, after))
  }

  private static func sum(_ parts: [SpaceUsage.Part]) -> UInt64 {
    parts.reduce(0) { $0 + $1.byteCount }
  }
}
