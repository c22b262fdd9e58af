package import Coppice
internal import CoppiceLifecycle

/// What a pass over the ends of entries did, or would do.
package struct ReaperReport: Codable, Hashable, Sendable {
  /// Something that is due and stays for now.
  package struct Kept: Codable, Hashable, Sendable {
    package var name: String
    package var reason: String
  }

  /// A step that failed; the next pass tries it again.
  package struct Failure: Codable, Hashable, Sendable {
    package var name: String
    package var message: String
  }

  package var expired: [String] = []
  package var deleted: [String] = []
  package var pruned: [String] = []
  package var kept: [Kept]
  package var failures: [Failure] = []
  package var isDryRun: Bool
  /// Why nothing ends, or little; a sentence each.
  package var pauses: [String]
  /// Until when it is paused; null where it is not, or where that is not known.
  package var pausedUntil: Timestamp?

  init(_ plan: ReaperPlan, isDryRun: Bool) {
    kept = plan.kept.map { Kept(name: $0.name, reason: $0.reason.description) }
    self.isDryRun = isDryRun
    let found = plan.state.pauses
    pauses = found.map(\.reason.description)
    pausedUntil = found.compactMap(\.until).max().map { Timestamp(nanoseconds: $0) }
    if isDryRun { for step in plan.steps { note(step) } }
  }

  mutating func note(_ step: ReaperStep) {
    switch step.kind {
    case .expire: expired.append(step.name)
    case .delete: deleted.append(step.name)
    case .prune: pruned.append(step.name)
    }
  }
}
