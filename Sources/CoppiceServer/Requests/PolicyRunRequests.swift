package import Coppice
internal import CoppiceLifecycle

package struct PolicyRunRequest: StoreRequest {
  package typealias Answer = ReaperReport

  package static let route = Route(
    .post, "/v1/policy/run", "End what is due, as far as policy, brakes and pauses allow.")

  /// Let so many go that are due at once, which would end one in a minute.
  package var accept: Int?
  /// Say what would end, and end nothing.
  package var dryRun: Bool

  package init(accept: Int? = nil, dryRun: Bool = false) {
    self.accept = accept
    self.dryRun = dryRun
  }

  package var isReadOnly: Bool { dryRun }
  package var access: Access { Access(.run, .store) }

  package func run(_ context: RequestContext) throws(StoreError) -> Answer {
    if let accept {
      guard accept > 0 else {
        throw StoreError(
          .invalid, "\(accept) ends cannot be let go", object: "policy",
          remedy: "name how many, as `coppice policy run --dry-run` tells")
      }
      guard !dryRun else {
        throw StoreError(
          .invalid, "ends are let go, or only told", object: "policy", remedy: "leave one out")
      }
      try context.reaper.accept(accept)
    }
    return try dryRun ? context.reaper.preview() : context.reaper.run()
  }
}

package struct PolicyPauseRequest: StoreRequest {
  package typealias Answer = PausesAnswer

  package static let route = Route(
    .post, "/v1/policy/pause", "Have nothing end by itself for some time.")
  package static var isBrief: Bool { true }

  /// For how long; until it is resumed without.
  package var forSeconds: UInt64?

  package init(forSeconds: UInt64? = nil) { self.forSeconds = forSeconds }

  package var isReadOnly: Bool { false }
  package var access: Access { Access(.run, .store) }

  package func run(_ context: RequestContext) throws(StoreError) -> Answer {
    let span = try forSeconds.map { seconds throws(StoreError) in
      guard seconds > 0 else {
        throw StoreError(
          .invalid, "a pause is longer than nothing", object: "policy",
          remedy: "name a time, or none: it then lasts until `coppice policy resume`")
      }
      return try TimeSpan(of: seconds, "policy")
    }
    try context.reaper.pause(for: span)
    return Answer(context.reaper)
  }
}

package struct PolicyResumeRequest: StoreRequest {
  package typealias Answer = PausesAnswer

  package static let route = Route(
    .post, "/v1/policy/resume", "End every pause of ends, and take the clock as it is.")
  package static var isBrief: Bool { true }

  package init() {}

  package var isReadOnly: Bool { false }
  package var access: Access { Access(.run, .store) }

  package func run(_ context: RequestContext) throws(StoreError) -> Answer {
    try context.reaper.resume()
    return Answer(context.reaper)
  }
}

/// Why nothing ends by itself, or little.
package struct PausesAnswer: Codable, Sendable {
  /// A sentence each; none while ends come.
  package var pauses: [String]
  package var pausedUntil: Timestamp?

  init(_ reaper: Reaper) {
    let found = reaper.pauses
    pauses = found.map(\.reason.description)
    pausedUntil = found.compactMap(\.until).max().map { Timestamp(nanoseconds: $0) }
  }
}
