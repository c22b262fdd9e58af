package import Coppice
internal import CoppiceEngine
internal import CoppiceLifecycle

package struct CollectRequest: StoreRequest {
  package static let route = Route(
    .post, "/v1/collections", "Reclaim what no branch or snapshot refers to.")
  package static let isCancellable = true

  /// Empty every segment that holds anything dead, however little.
  package var full: Bool
  /// Forget also deleted branches that are to be kept until a time to come.
  package var forget: Bool
  /// Say what would be reclaimed, and change nothing.
  package var dryRun: Bool
  /// Say for every byte that is still stored afterwards what holds it.
  package var explain: Bool

  package init(full: Bool, dryRun: Bool, explain: Bool, forget: Bool = false) {
    self.full = full
    self.forget = forget
    self.dryRun = dryRun
    self.explain = explain
  }

  package var isReadOnly: Bool { false }

  package var access: Access { Access(.run, .store) }

  package func run(_ context: RequestContext) throws(StoreError) -> Answer {
    let work = context.work
    let summary = try context.store.collectGarbage(
      isFull: full, isForgettingAll: forget, isDryRun: dryRun, isCancelled: { work.isCancelled },
      progress: work.tell.map { tell in { tell(.collection($0)) } })
    let notes = dryRun ? [] : proveOwed(context) + proveEnds(context)
    let space = explain ? try context.store.spaceUsage() : nil
    return Answer(summary, Answer.Addition(isDryRun: dryRun, space: space, notes: notes))
  }

  private func proveOwed(_ context: RequestContext) -> [String] {
    do throws(StoreError) {
      try OwedProofs(context.store).make()
      return []
    } catch {
      return ["branches that were deleted have no proof yet: \(error.commandText)"]
    }
  }

  /// The collection is through, whatever comes of the proofs: they are made later then.
  private func proveEnds(_ context: RequestContext) -> [String] {
    do throws(StoreError) {
      try context.endProofs.make()
      return [context.store.missedEndsText].compactMap(\.self)
    } catch {
      return ["branches that ended have no proof yet: \(error.commandText)"]
    }
  }

  package struct Answer: ReportAnswer {
    package struct Addition: Codable, Sendable {
      package var isDryRun: Bool
      /// With `explain`.
      package var space: SpaceUsage?
      /// What is missing of proofs; a sentence each.
      package var notes: [String]
    }

    package var report: CollectionSummary
    package var addition: Addition

    package init(_ report: CollectionSummary, _ addition: Addition) {
      self.report = report
      self.addition = addition
    }
  }
}
