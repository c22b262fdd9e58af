package import Coppice
internal import CoppiceEngine
package import CoppiceLifecycle
internal import CoppicePlatform

package struct ReclaimRequest: StoreRequest {
  package static let route = Route(
    .get, "/v1/reclaim/verify", "Prove that a deleted branch's own bytes are gone.")

  package var name: String

  package init(name: String) { self.name = name }

  package var isReadOnly: Bool { true }

  package var access: Access { Access(.proofs, .entry(name)) }

  package func run(_ context: RequestContext) throws(StoreError) -> Answer {
    let verification = try context.store.verifyReclaim(of: name)
    return Answer(verification, Answer.Addition(verification, context.store))
  }

  package struct Answer: ReportAnswer {
    package struct Addition: Codable, Sendable {
      /// Unless it is complete: why not.
      package var reason: String?
      /// Unless it is complete, through, and nothing of it is in the journal or held by a reader:
      /// what to do.
      package var remedy: String?
      /// What a proof that is signed has besides: see `ReclaimPredicate`.
      package var schema: Int
      package var store: String
      /// The last of the branches. More than its name and number, and who deleted it, is known
      /// where a proof is kept.
      package var branch: DeletedBranch
      package var deletedBy: String?
      package var ending: EntryEnding?
      package var cycleNumber: UInt64?
      package var heldByteCount: UInt64
      package var exports: [ExportedCopy]
      package var auditHead: String?
      package var notCovered: [String]
      package var provedAt: Timestamp
      package var version: String

      init(_ verification: ReclaimVerification, _ store: Store) {
        let id = verification.entries.last?.id ?? 0
        let kept = DeletionProof.kept(of: id, named: verification.name, in: store)
        let predicate = ReclaimPredicate(
          store: store.identifier,
          branch: kept?.branch ?? DeletedBranch(name: verification.name, id: id),
          snapshots: [], deletedBy: kept?.deletedBy, ending: kept?.ending, verification,
          provedAt: Timestamp(nanoseconds: store.engine.clock.wallNanoseconds()))
        schema = predicate.schema
        self.store = predicate.store
        branch = predicate.branch
        deletedBy = predicate.deletedBy
        ending = predicate.ending
        cycleNumber = predicate.cycleNumber
        heldByteCount = predicate.heldByteCount
        exports = predicate.exports
        auditHead = predicate.auditHead
        notCovered = predicate.notCovered
        provedAt = predicate.provedAt
        version = predicate.version
        if !verification.isComplete {
          reason =
            "the collection that forgot the branch did not look at old segments, which may hold "
            + "more of it, or could not read all of it"
        }
        if !verification.isComplete || verification.held.contains(where: { $0.holder == .journal })
        {
          remedy = "run 'coppice gc --full', which leaves nothing of it, and verify again"
        } else if verification.isHeldByReaders {
          remedy =
            verification.isPending
            ? "wait until the readers and imports that hold it have ended, and verify again"
            : "wait until the readers and imports that hold it have ended, "
              + "run 'coppice gc --full', and verify again"
        } else if verification.isPending {
          remedy = "run 'coppice gc', which goes on with it, and verify again"
        } else if verification.baseByteCount > 0 {
          remedy =
            "delete the branches whose differences build on it, or overwrite these pages, run "
            + "'coppice gc --full', and verify again"
        }
      }
    }

    package var report: ReclaimVerification
    package var addition: Addition

    package init(_ report: ReclaimVerification, _ addition: Addition) {
      self.report = report
      self.addition = addition
    }
  }
}

extension ReclaimVerification {
  /// Whether readers or imports hold some of it, which goes once they have ended.
  package var isHeldByReaders: Bool {
    held.contains { $0.holder == .reader || $0.holder == .import }
  }
}
