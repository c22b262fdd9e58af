package import Coppice
internal import CoppiceLifecycle

package struct StatisticsRequest: StoreRequest {
  package static let route = Route(
    .get, "/v1/stats", "Tell what the whole store holds, stores and uses.")

  package init() {}

  package var isReadOnly: Bool { true }

  package var access: Access { Access(.status, .store) }

  package func run(_ context: RequestContext) throws(StoreError) -> Answer {
    let counts = context.endProofs.counts
    return Answer(
      try context.store.statistics(),
      Answer.Addition(
        endProofs: Answer.EndProofCounts(
          waitingCount: context.store.waitingEndCount, reclaimedCount: counts[.reclaimed] ?? 0,
          heldCount: counts[.held] ?? 0, incompleteCount: counts[.incomplete] ?? 0,
          missedCount: context.store.missedEndCount)))
  }

  package struct Answer: ReportAnswer {
    /// Proofs of branches that ended by themselves.
    package struct EndProofCounts: Codable, Sendable {
      /// Branches that nothing brings back and whose last proof is to come.
      package var waitingCount: Int
      /// Proofs since the store was opened that say that nothing is left.
      package var reclaimedCount: Int
      /// That name what holds something.
      package var heldCount: Int
      /// That say that not all is known which the branch alone held.
      package var incompleteCount: Int
      /// Branches since then of which there will be none.
      package var missedCount: Int
    }

    package struct Addition: Codable, Sendable {
      package var endProofs: EndProofCounts
    }

    package var report: Statistics
    package var addition: Addition

    package init(_ report: Statistics, _ addition: Addition) {
      self.report = report
      self.addition = addition
    }
  }
}
