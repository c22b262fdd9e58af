package import Coppice
internal import CoppiceLifecycle
internal import CoppicePlatform

package struct BaselineRefreshRequest: StoreRequest {
  package static let route = Route(
    .post, "/v1/baselines/{name}/refresh",
    "Bring a baseline up to date: a new snapshot, prepared and approved.")
  package static let isCancellable = true

  package var name: String

  package init(name: String) { self.name = name }

  package var isReadOnly: Bool { false }

  package var access: Access { Access(.keepBaseline, .baseline(name)) }

  package func run(_ context: RequestContext) throws(StoreError) -> Answer {
    let run = try context.needRefresher().refresh(name, BaselineRefresher.Asked(context))
    return Answer(RunAnswer(run), Answer.Addition(name: name))
  }

  package struct Answer: ReportAnswer {
    package struct Addition: Codable, Sendable {
      package var name: String
    }

    package var report: RunAnswer
    package var addition: Addition

    package init(_ report: RunAnswer, _ addition: Addition) {
      self.report = report
      self.addition = addition
    }
  }
}

/// One time that a baseline was brought up to date, or was to be.
package struct RunAnswer: Codable, Sendable {
  package var startedAt: Timestamp
  package var endedAt: Timestamp
  /// The last step that was begun.
  package var step: String
  /// `approved`, `made` when somebody must approve the snapshot, or `failed`.
  package var outcome: String
  /// Why it failed.
  package var message: String?
  package var snapshot: String?
  /// Of the files that were brought in.
  package var byteCount: UInt64
  /// What was stored for them.
  package var storedByteCount: UInt64

  init(_ run: BaselineRun) {
    startedAt = Timestamp(nanoseconds: run.startedNanoseconds)
    endedAt = Timestamp(nanoseconds: run.endedNanoseconds)
    step = run.step
    outcome = run.outcome.rawValue
    message = run.message
    snapshot = run.snapshot
    byteCount = run.byteCount
    storedByteCount = run.storedByteCount
  }
}

extension RequestContext {
  /// What works with servers of PostgreSQL. Throws `unavailable` without a server of the store.
  func needRefresher() throws(StoreError) -> BaselineRefresher {
    if let refresher { return refresher }
    throw StoreError(
      .unavailable, "the store has no server", object: store.directory,
      remedy: "start one with its mount: `coppice mount DIR`")
  }
}
