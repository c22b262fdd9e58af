package import Coppice

package struct BranchResetRequest: StoreRequest {
  package static let route = Route(
    .post, "/v1/branches/{name}/reset", "Make a branch what another branch or a snapshot is.")

  package var name: String
  /// The branch or snapshot it becomes like.
  package var to: String
  /// The name under which the old state stays.
  package var keepOld: String?
  /// Also while files of the branch are open.
  package var force: Bool
  /// Check everything, but change nothing.
  package var dryRun: Bool

  package init(name: String, to: String, keepOld: String?, force: Bool, dryRun: Bool) {
    self.name = name
    self.to = to
    self.keepOld = keepOld
    self.force = force
    self.dryRun = dryRun
  }

  package var isReadOnly: Bool { dryRun }

  package func run(_ context: RequestContext) throws(StoreError) -> Answer {
    let store = context.store
    if dryRun {
      _ = try store.branch(name)
      _ = try store.entry(to)
    } else {
      try store.reset(name, to: to, keepingOldAs: keepOld, force: force)
    }
    return Answer(name: name, to: to, keptAs: keepOld, isDryRun: dryRun)
  }

  package struct Answer: Codable, Sendable {
    package var name: String
    package var to: String
    package var keptAs: String?
    package var isDryRun: Bool
  }
}
