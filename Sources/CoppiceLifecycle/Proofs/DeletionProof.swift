package import Coppice
internal import CoppiceEngine
internal import CoppicePlatform

/// The proof of one deletion for good, of a branch and the snapshots that went with it: begun
/// before the deletion, while there is a branch to describe, owed from its record on, and kept from
/// its first moment on.
///
/// What is kept says that nothing is reclaimed until it is: after a crash `renew` looks again.
package struct DeletionProof: Sendable {
  /// A proof that is signed.
  package struct Signed: Sendable {
    package var envelope: Envelope
    package var statement: ReclaimStatement
    /// What the statement tells of.
    package var found: ReclaimVerification
    /// Why the store does not keep it: lack of space, say.
    package var keepingFailure: StoreError?
  }

  private let store: Store
  private let subject: [ReclaimStatement.Subject]
  private let branch: DeletedBranch
  private let snapshots: [DeletedSnapshot]
  private let deletedBy: String?
  /// When it ended by itself.
  private let ending: EntryEnding?
  private let keptAs: KeptProofs.Key
  /// With which it is signed.
  package let signing: ProofKeys.Signing

  /// Before the deletion: gathers what is known of the entries, and sees that there is a key to
  /// sign with.
  ///
  /// - Parameters:
  ///   - plan: what is deleted: one branch, and snapshots.
  ///   - principal: who deletes it.
  /// - Throws: `conflict` when several branches are, and what `ProofKeys.signing` does.
  package init(
    of plan: [EntryInfo], in store: Store, by principal: Principal
  ) throws(StoreError) {
    let branch = try Self.branch(of: plan)
    self.store = store
    let gone = plan.filter(\.isSnapshot).sorted { $0.name.precedes($1.name) }
    subject = ([branch] + gone).map {
      ReclaimStatement.Subject(
        name: $0.name, rootHash: store.provenState(ofEntry: $0.id).rootHash)
    }
    self.branch = DeletedBranch(branch, origin: store.provenState(ofEntry: branch.id).origin)
    snapshots = gone.map { DeletedSnapshot(name: $0.name, id: $0.id) }
    deletedBy = principal.knownName
    ending = nil
    signing = try ProofKeys(store).signing()
    keptAs = KeptProofs.Key(deletedAt: store.now, id: branch.id, name: branch.name)
  }

  /// The branch that a proof of a deletion is of. Throws `conflict` when there are several.
  private static func branch(of plan: [EntryInfo]) throws(StoreError) -> EntryInfo {
    let branches = plan.filter { !$0.isSnapshot }
    guard let branch = branches.first, branches.count == 1 else {
      let numbers = branches.map { "\($0.id)" }.joined(separator: ", ")
      throw StoreError(
        .conflict, "is what several deleted branches were called, numbers \(numbers)",
        object: branches.first?.name ?? "",
        remedy: "a proof is of one: restore each under a name of its own and delete it with a "
          + "proof, or leave --proof away")
    }
    return branch
  }

  /// Throws what the initializer does, and changes nothing.
  package static func check(_ plan: [EntryInfo], in store: Store) throws(StoreError) {
    _ = try branch(of: plan)
    try ProofKeys(store).check()
  }

  /// The numbers of the entries.
  package var ids: Set<UInt64> { Set([branch.id] + snapshots.map(\.id)) }

  /// Notes what the proof is made of should a crash come once the deletion is recorded. `end`
  /// follows. Throws `full` and what else keeps a proof from being kept: without the note a crash
  /// leaves no proof.
  ///
  /// - Returns: the setting that the deletion's transaction is to have.
  package func draft() throws(StoreError) -> (key: String, value: [UInt8]) {
    let statement = ReclaimStatement(
      subject: subject,
      predicate: ReclaimPredicate(
        store: store.identifier, branch: branch, snapshots: snapshots, deletedBy: deletedBy,
        deletedAt: store.now))
    return try OwedProofs(store).draft(statement, keptAs)
  }

  /// Whether or not the branch was deleted.
  package func end() { OwedProofs(store).end(keptAs) }

  /// Keeps a proof that says what is so once the deletion is recorded: nothing is gone yet. What
  /// fails stays owed; the deletion goes on all the same.
  package func keepFirst() { _ = try? sign(nil) }

  /// Looks for every page and node, signs what became of them, and keeps that. Throws what
  /// `Store.verifyReclaim` does.
  ///
  /// - Parameter summary: what came of the deletion, where that is known.
  package func sign(_ summary: DeletionSummary?) throws(StoreError) -> Signed {
    var found = try store.verifyReclaim(ofEntries: ids, named: branch.name)
    if let summary {
      found.setUnique(summary.uniquePageCount, summary.uniqueByteCount)
    }
    return try sign(found, covers: summary?.hasLeftNothing ?? false ? .replaced : [])
  }

  private func sign(
    _ found: ReclaimVerification, covers: Coverage
  ) throws(StoreError) -> Signed {
    let now = store.now
    let statement = ReclaimStatement(
      subject: subject,
      predicate: ReclaimPredicate(
        store: store.identifier, branch: branch, snapshots: snapshots, deletedBy: deletedBy,
        ending: ending, found, provedAt: now, covers: covers))
    var signed = Signed(
      envelope: try statement.signed(by: signing.key), statement: statement, found: found)
    do throws(StoreError) {
      try KeptProofs(store).keep(signed.envelope, as: keptAs)
      // What is owed still is settled when somebody looks the next time.
      try? OwedProofs(store).settle(keptAs)
    } catch {
      signed.keepingFailure = error
    }
    return signed
  }
}

extension DeletionProof {
  /// The proof that is kept of a deletion, once more signed and kept if it said that something was
  /// left: it says what is so now.
  ///
  /// Throws `corrupt` for one that no key of the store signed.
  package static func renew(_ key: KeptProofs.Key, in store: Store) throws(StoreError) -> Envelope {
    let kept = try KeptProofs(store).envelope(key)
    let statement = try ReclaimStatement(kept, signedByKeyOf: store)
    guard !statement.predicate.saysReclaimed, statement.predicate.store == store.identifier else {
      return kept
    }
    let proof = DeletionProof(statement, key, in: store, try ProofKeys(store).signing())
    do throws(StoreError) {
      var found = try store.verifyReclaim(ofEntries: proof.ids, named: key.name)
      if let pageCount = statement.predicate.uniquePageCount,
        let byteCount = statement.predicate.uniqueByteCount
      {
        found.setUnique(pageCount, byteCount)
      }
      return try proof.sign(found, covers: []).envelope
    } catch {
      // What is no longer known stays as it was said.
      guard error.kind == .notFound else { throw error }
      return kept
    }
  }

  /// Signs and keeps what is so now of a deletion that is on record, of which a draft tells; where
  /// nothing is known of it any more, what the draft says. Throws also what keeps it from being
  /// kept.
  static func keep(
    _ draft: ReclaimStatement, as key: KeptProofs.Key, in store: Store
  ) throws(StoreError) {
    let proof = DeletionProof(draft, key, in: store, try ProofKeys(store).signing())
    do throws(StoreError) {
      if let failure = try proof.sign(nil).keepingFailure { throw failure }
    } catch {
      guard error.kind == .notFound else { throw error }
      try KeptProofs(store).keep(try draft.signed(by: proof.signing.key), as: key)
    }
  }

  /// What the last proof that is kept of a branch says; `nil` where there is none that can be
  /// trusted.
  package static func kept(
    of id: UInt64, named name: String, in store: Store
  ) -> ReclaimPredicate? {
    // What cannot be read says nothing.
    guard let key = try? KeptProofs(store).key(of: name, id: id),
      let kept = try? KeptProofs(store).envelope(key),
      let statement = try? ReclaimStatement(kept, signedByKeyOf: store)
    else { return nil }
    return statement.predicate
  }

  private init(
    _ statement: ReclaimStatement, _ key: KeptProofs.Key, in store: Store,
    _ signing: ProofKeys.Signing
  ) {
    self.store = store
    subject = statement.subject
    branch = statement.predicate.branch
    snapshots = statement.predicate.snapshots
    deletedBy = statement.predicate.deletedBy
    ending = statement.predicate.ending
    keptAs = key
    self.signing = signing
  }
}

extension ReclaimStatement {
  /// What an envelope says, if a key that the store has or had signed it.
  fileprivate init(_ envelope: Envelope, signedByKeyOf store: Store) throws(StoreError) {
    let keys = ProofKeys(store).publicKeys
    guard let key = keys.first(where: { envelope.signatures.map(\.keyid).contains($0.id) }) else {
      throw StoreError(
        .corrupt, "is signed by no key that the store knows",
        remedy: "a repair of the catalogue forgets public keys: verify it with one of your own")
    }
    try self.init(envelope, signedBy: key)
  }
}

extension ReclaimVerification {
  /// Amounts that were found when it was deleted. What is held now is not gone.
  fileprivate mutating func setUnique(_ pageCount: UInt64, _ byteCount: UInt64) {
    uniquePageCount = pageCount
    uniqueByteCount = byteCount
    reclaimedByteCount = byteCount - min(heldByteCount, byteCount)
  }
}

extension Store {
  var now: Timestamp {
    Timestamp(nanoseconds: engine.clock.wallNanoseconds())
  }
}
