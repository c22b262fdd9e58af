package import Coppice
internal import CoppiceLifecycle
internal import CoppicePlatform

package struct BaselineListRequest: StoreRequest {
  package static let route = Route(.get, "/v1/baselines", "List the baselines.")

  package init() {}

  package var isReadOnly: Bool { true }

  package var access: Access { Access(.see, .store) }

  package func run(_ context: RequestContext) throws(StoreError) -> Answer {
    let registry = BaselineRegistry(context.store)
    let snapshots = try BaselineSnapshots(context.store)
    return Answer(
      baselines: try registry.all().map { BaselineAnswer($0, snapshots, at: registry.now) })
  }

  package struct Answer: Codable, Sendable {
    package var baselines: [BaselineAnswer]
  }
}

package struct BaselineShowRequest: StoreRequest {
  package static let route = Route(
    .get, "/v1/baselines/{name}", "Tell what is known of a baseline.")

  package var name: String

  package init(name: String) { self.name = name }

  package var isReadOnly: Bool { true }

  package var access: Access { Access(.see, .baseline(name)) }

  package func run(_ context: RequestContext) throws(StoreError) -> Answer {
    let registry = BaselineRegistry(context.store)
    let baseline = try registry.baseline(name).baseline
    let snapshots = try BaselineSnapshots(context.store)
    return Answer(
      BaselineAnswer(baseline, snapshots, at: registry.now),
      Answer.Addition(
        sourceClass: baseline.sourceClass, refresh: baseline.refresh,
        isRefreshing: context.refresher?.isRunning(name) ?? false,
        runs: (baseline.runs ?? []).map { RunAnswer($0) },
        snapshots: snapshots.approved(of: name).map { ApprovalAnswer($0.entry, $0.approval) }))
  }

  package struct Answer: ReportAnswer {
    package struct Addition: Codable, Sendable {
      /// What data its source holds.
      package var sourceClass: String
      /// When it is brought up to date by itself: a time of the day in UTC, or a span.
      package var refresh: String?
      package var isRefreshing: Bool
      /// The last times that it was brought up to date, the newest last.
      package var runs: [RunAnswer]
      /// The approved ones, in the order of their making.
      package var snapshots: [ApprovalAnswer]
    }

    package var report: BaselineAnswer
    package var addition: Addition

    package init(_ report: BaselineAnswer, _ addition: Addition) {
      self.report = report
      self.addition = addition
    }
  }
}

package struct BaselineRetireRequest: StoreRequest {
  package static let route = Route(
    .post, "/v1/baselines/{name}/retire", "Make no more branches of a baseline.")

  package var name: String
  /// Delete the snapshots that were approved, too.
  package var deleteSnapshots: Bool

  package init(name: String, deleteSnapshots: Bool) {
    self.name = name
    self.deleteSnapshots = deleteSnapshots
  }

  package var isReadOnly: Bool { false }

  package var access: Access { Access(.keepBaseline, .baseline(name)) }

  package func run(_ context: RequestContext) throws(StoreError) -> Answer {
    let store = context.store
    let registry = BaselineRegistry(store)
    if deleteSnapshots {
      let approved = try BaselineSnapshots(store).approved(of: name).map(\.entry.name)
      try BranchUse.refuse(approved, context)
    }
    let now = registry.now
    let (retiredAt, approved) = try registry.change(name) { baseline throws(StoreError) in
      guard let retiredAt = baseline.retiredNanoseconds else {
        var retired = baseline
        retired.retiredNanoseconds = now
        retired.revision += 1
        // Without their approval they are snapshots like others: what keeps them is gone.
        let approved = try store.entries(carrying: .approval).map(\.entry.name)
          .filter { BaselineSnapshots.branch(of: $0).hasBytes(of: name) }
        return (
          retired, approved.map { ($0, [AnnotationChange(.approval, nil)]) }, (now, approved)
        )
      }
      return (baseline, [], (retiredAt, []))
    }
    if deleteSnapshots, !approved.isEmpty { try store.delete(approved) }
    return Answer(
      name: name, retiredAt: Timestamp(nanoseconds: retiredAt),
      deleted: deleteSnapshots ? approved : [])
  }

  package struct Answer: Codable, Sendable {
    package var name: String
    package var retiredAt: Timestamp
    /// Snapshots that were deleted.
    package var deleted: [String]
  }
}
