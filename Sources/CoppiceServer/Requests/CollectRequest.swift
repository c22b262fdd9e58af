package import Coppice

package struct CollectRequest: StoreRequest {
  package static let route = Route(
    .post, "/v1/collections", "Reclaim what no branch or snapshot refers to.")

  /// Empty every segment that holds anything dead, however little.
  package var full: Bool
  /// Say what would be reclaimed, and change nothing.
  package var dryRun: Bool
  /// Say for every byte that is still stored afterwards what holds it.
  package var explain: Bool

  package init(full: Bool, dryRun: Bool, explain: Bool) {
    self.full = full
    self.dryRun = dryRun
    self.explain = explain
  }

  package var isReadOnly: Bool { false }

  package func run(_ context: RequestContext) throws(StoreError) -> Answer {
    let work = context.work
    var progress: ((CollectionProgress) -> Void)?
    if let tell = work.tell {
      progress = { tell(.collection(stage: $0.stage.rawValue, count: $0.count)) }
    }
    let summary = try context.store.collectGarbage(
      isFull: full, isDryRun: dryRun, isCancelled: { work.isCancelled }, progress: progress)
    var answer = Answer(summary, isDryRun: dryRun)
    if explain { answer.space = SpaceAnswer(try context.store.spaceUsage()) }
    return answer
  }

  package struct Answer: Codable, Sendable {
    package var isDryRun: Bool
    package var collectionNumber: UInt64
    package var forgottenCount: Int
    package var liveByteCount: Int
    package var deadByteCount: Int
    package var reclaimedSegmentCount: Int
    package var reclaimedByteCount: Int
    package var copiedByteCount: Int
    package var leftByteCount: Int
    package var unreadable: [String]
    /// With `full`: bytes of journal files that may have records of what is gone still.
    package var journalByteCount: UInt64?
    /// With `explain`.
    package var space: SpaceAnswer?

    init(_ summary: CollectionSummary, isDryRun: Bool) {
      self.isDryRun = isDryRun
      collectionNumber = summary.collectionNumber
      forgottenCount = summary.forgottenCount
      liveByteCount = summary.liveByteCount
      deadByteCount = summary.deadByteCount
      reclaimedSegmentCount = summary.reclaimedSegmentCount
      reclaimedByteCount = summary.reclaimedByteCount
      copiedByteCount = summary.copiedByteCount
      leftByteCount = summary.leftByteCount
      unreadable = summary.unreadable
      journalByteCount = summary.journalByteCount
    }
  }
}
