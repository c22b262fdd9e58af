package import Coppice
internal import CoppiceEngine
internal import CoppicePlatform
internal import Synchronization

/// Makes the proofs of branches that ended by themselves, for which nobody waits, and keeps them.
///
/// What is known of such a branch stays on record until its proof says that nothing is left of it,
/// or for a week: so a crash at any moment loses none, and one that came early is made anew once
/// collections went on. A proof that is not known to be kept is looked for, and what is not known
/// is said not to be. No collection waits for any of this.
package final class EndProofs: Sendable {
  /// What a proof says.
  package enum Outcome: String, Sendable, CaseIterable, Codable {
    /// Nothing is left.
    case reclaimed
    /// Something is, and it says what holds it.
    case held
    /// Not all that the branch alone held is known.
    case incomplete
  }

  /// A proof that was made and kept.
  package struct Made: Hashable, Sendable {
    package var name: String
    package var id: UInt64
    package var cause: EntryEnding.Cause
    package var outcome: Outcome
  }

  /// How long a proof that says that something is left is made anew.
  private static let secondCountMax: Int64 = 7 * 86_400
  /// The journal is overwritten for proofs no more often.
  private static let eraseIntervalNanoseconds: UInt64 = 3600 * 1_000_000_000
  /// Kept together, and then forgotten.
  private static let batchCount = 256

  private let store: Store
  private let state = Monitored(State())
  private let made = Mutex<[Outcome: Int]>([:])
  private let isStopping = Atomic<Bool>(false)

  private struct State {
    /// What was seen the last time: then there is nothing new to say.
    var seen: Seen?
    /// Whether some wait for nothing but the journal.
    var isJournalAwaited = false
    /// By the monotonic clock.
    var erasedAt: UInt64?
  }

  private struct Seen: Equatable {
    var collectionNumber: UInt64
    var ids: [UInt64]
  }

  package init(_ store: Store) { self.store = store }

  /// How many proofs were made since opening, by what they said.
  package var counts: [Outcome: Int] { made.withLock { $0 } }

  /// Has proofs that are not made yet wait for the next start.
  package func stop() { isStopping.store(true, ordering: .relaxed) }

  /// Makes the proofs that are due, and returns them. Costs little when nothing changed.
  ///
  /// Throws what `ProofKeys.signing` and `KeptProofs.keep` do; a later call goes on then.
  @discardableResult
  package func make() throws(StoreError) -> [Made] {
    try state.withLock { state throws(StoreError) in
      let ended = store.endedBranches()
      guard !ended.isEmpty else { return [] }
      let seen = Seen(
        collectionNumber: store.collectionNumber, ids: ended.map { $0.entries[0].id })
      guard seen != state.seen || isErasureDue(state) && state.isJournalAwaited else { return [] }
      let made = try make(of: ended, &state)
      state.seen = seen
      return made
    }
  }

  private func make(of ended: [EndedBranch], _ state: inout State) throws(StoreError) -> [Made] {
    let signing = try ProofKeys(store).signing()
    let kept = Set(try KeptProofs(store).keys())
    var found = try store.verifyReclaims(of: ended)
    state.isJournalAwaited = found.contains { $0?.isHeldByJournalAlone ?? false }
    if state.isJournalAwaited, isErasureDue(state) {
      state.erasedAt = store.engine.clock.monotonicNanoseconds()
      // What cannot be overwritten now is told by the proofs.
      if (try? store.eraseJournal()) != nil {
        found = try store.verifyReclaims(of: ended)
        state.isJournalAwaited = found.contains { $0?.isHeldByJournalAlone ?? false }
      }
    }
    var made: [Made] = []
    var batch: [Proof] = []
    for (branch, found) in zip(ended, found) {
      guard let found else { continue }
      let proof = Proof(branch, found, now: store.now)
      // One that says no more than the one before is not made.
      guard proof.isLast || !kept.contains(proof.key) else { continue }
      batch.append(proof)
      guard batch.count == Self.batchCount else { continue }
      if isStopping.load(ordering: .relaxed) { return made }
      made += try keep(&batch, signing)
    }
    return made + (try keep(&batch, signing))
  }

  private func keep(
    _ batch: inout [Proof], _ signing: ProofKeys.Signing
  ) throws(StoreError) -> [Made] {
    if batch.isEmpty { return [] }
    let now = store.now
    var signed: [(envelope: Envelope, key: KeptProofs.Key)] = []
    for proof in batch {
      signed.append(
        (try proof.statement(store, provedAt: now).signed(by: signing.key), proof.key))
    }
    try KeptProofs(store).keep(signed)
    try store.forget(batch.filter(\.isLast).map(\.branch))
    let made = batch.map { proof in
      Made(
        name: proof.key.name, id: proof.key.id, cause: proof.branch.ending.cause,
        outcome: proof.outcome)
    }
    self.made.withLock { counts in
      for proof in made { counts[proof.outcome, default: 0] += 1 }
    }
    batch = []
    return made
  }

  private func isErasureDue(_ state: State) -> Bool {
    guard let erasedAt = state.erasedAt else { return true }
    return store.engine.clock.monotonicNanoseconds() - erasedAt >= Self.eraseIntervalNanoseconds
  }

  /// What is to be said of one branch.
  private struct Proof {
    let branch: EndedBranch
    let found: ReclaimVerification
    let key: KeptProofs.Key
    /// Whether there is nothing more to find out.
    let isLast: Bool

    init(_ branch: EndedBranch, _ found: ReclaimVerification, now: Timestamp) {
      self.branch = branch
      self.found = found
      key = KeptProofs.Key(
        deletedAt: branch.deletedAt, id: branch.entries[0].id, name: branch.entries[0].name,
        cause: branch.ending.cause)
      let forgottenAt = found.forgottenAt ?? branch.deletedAt
      isLast =
        found.isReclaimed || now.seconds - forgottenAt.seconds > EndProofs.secondCountMax
    }

    var outcome: Outcome {
      if found.isReclaimed { return .reclaimed }
      return found.isComplete ? .held : .incomplete
    }

    func statement(_ store: Store, provedAt: Timestamp) -> ReclaimStatement {
      ReclaimStatement(
        subject: branch.entries.map {
          ReclaimStatement.Subject(name: $0.name, rootHash: $0.rootHash)
        },
        predicate: ReclaimPredicate(
          store: store.identifier, branch: DeletedBranch(branch),
          snapshots: branch.entries.dropFirst().map {
            DeletedSnapshot(name: $0.name, id: $0.id)
          }, deletedBy: nil, ending: branch.ending, found, provedAt: provedAt))
    }
  }
}

extension ReclaimVerification {
  /// Whether nothing but records in the journal is left.
  fileprivate var isHeldByJournalAlone: Bool {
    isComplete && !isReclaimed && !held.isEmpty && held.allSatisfy { $0.holder == .journal }
  }
}
