package import Coppice

package struct BranchCreateRequest: StoreRequest {
  package static let route = Route(
    .post, "/v1/branches", "Make a branch of another branch, of a snapshot, or empty.")

  package var name: String
  /// The branch or snapshot to start from; empty without.
  package var from: String?
  /// Do nothing when the branch exists.
  package var orExisting: Bool

  package init(name: String, from: String?, orExisting: Bool) {
    self.name = name
    self.from = from
    self.orExisting = orExisting
  }

  package var isReadOnly: Bool { false }

  package func run(_ context: RequestContext) throws(StoreError) -> Answer {
    let store = context.store
    if orExisting, try store.entries().contains(where: { $0.name == name }) {
      return Answer(name: name, from: from, isNew: false)
    }
    _ = try store.createBranch(name, from: from)
    return Answer(name: name, from: from, isNew: true)
  }

  package struct Answer: Codable, Sendable {
    package var name: String
    package var from: String?
    package var isNew: Bool

    private enum CodingKeys: String, CodingKey { case name, from, isNew }

    package func encode(to encoder: any Encoder) throws {
      var container = encoder.container(keyedBy: CodingKeys.self)
      try container.encode(name, forKey: .name)
      try container.encode(from, forKey: .from)
      try container.encode(isNew, forKey: .isNew)
    }
  }
}
