package import Coppice

package struct ReclaimRequest: StoreRequest {
  package static let route = Route(
    .get, "/v1/reclaim/verify", "Prove that a deleted branch's own bytes are gone.")

  package var name: String

  package init(name: String) { self.name = name }

  package var isReadOnly: Bool { true }

  package func run(_ context: RequestContext) throws(StoreError) -> Answer {
    Answer(try context.store.verifyReclaim(of: name))
  }

  package struct Answer: Codable, Sendable {
    package var name: String
    package var isReclaimed: Bool
    package var isComplete: Bool
    /// Its removal is under way, or was interrupted and is to go on.
    package var isPending: Bool
    package var deleted: String
    package var forgotten: String?
    package var collectionNumber: UInt64?
    package var uniquePageCount: UInt64
    package var uniqueByteCount: UInt64
    package var reclaimedByteCount: UInt64
    package var held: [SpaceAnswer.Part]
    /// What it shared with others; not known once it is forgotten.
    package var sharedByteCount: UInt64?
    /// Who keeps of that.
    package var sharers: [SharerAnswer]
    /// Unless it is complete: why not.
    package var reason: String?
    /// Unless it is complete, through, and nothing of it is in the journal: what to do.
    package var remedy: String?

    init(_ verification: ReclaimVerification) {
      name = verification.name
      isReclaimed = verification.isReclaimed
      isComplete = verification.isComplete
      isPending = verification.isPending
      deleted = RFC3339.text(verification.deleted)
      forgotten = verification.forgotten.map(RFC3339.text)
      collectionNumber = verification.collectionNumber
      uniquePageCount = verification.uniquePageCount
      uniqueByteCount = verification.uniqueByteCount
      reclaimedByteCount = verification.reclaimedByteCount
      held = verification.held.map(SpaceAnswer.Part.init)
      sharedByteCount = verification.sharedByteCount
      sharers = verification.sharers.map(SharerAnswer.init)
      if !verification.isComplete {
        reason =
          "the collection that forgot the branch did not look at old segments, which may hold more "
          + "of it, or could not read all of it"
      }
      if !verification.isComplete || verification.held.contains(where: { $0.holder == .journal }) {
        remedy = "run 'coppice gc --full', which leaves nothing of it, and verify again"
      } else if verification.isPending {
        remedy = "run 'coppice gc', which goes on with it, and verify again"
      }
    }
  }
}
