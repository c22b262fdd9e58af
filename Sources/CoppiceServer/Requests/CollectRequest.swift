package import Coppice

package struct CollectRequest: StoreRequest {
  package static let route = Route(
    .post, "/v1/gc", "Reclaim what no branch or snapshot refers to.")

  /// Empty every segment that holds anything dead, however little.
  package var full: Bool
  /// Say what would be reclaimed, and change nothing.
  package var dryRun: Bool

  package init(full: Bool, dryRun: Bool) {
    self.full = full
    self.dryRun = dryRun
  }

  package var isReadOnly: Bool { false }

  package func run(_ context: RequestContext) throws(StoreError) -> Answer {
    Answer(
      try context.store.collectGarbage(isFull: full, isDryRun: dryRun), isDryRun: dryRun)
  }

  package struct Answer: Codable, Sendable {
    package var isDryRun: Bool
    package var forgottenCount: Int
    package var liveByteCount: Int
    package var deadByteCount: Int
    package var reclaimedSegmentCount: Int
    package var reclaimedByteCount: Int
    package var copiedByteCount: Int
    package var leftByteCount: Int
    package var unreadable: [String]

    init(_ summary: CollectionSummary, isDryRun: Bool) {
      self.isDryRun = isDryRun
      forgottenCount = summary.forgottenCount
      liveByteCount = summary.liveByteCount
      deadByteCount = summary.deadByteCount
      reclaimedSegmentCount = summary.reclaimedSegmentCount
      reclaimedByteCount = summary.reclaimedByteCount
      copiedByteCount = summary.copiedByteCount
      leftByteCount = summary.leftByteCount
      unreadable = summary.unreadable
    }
  }
}
