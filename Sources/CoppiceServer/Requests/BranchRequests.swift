package import Coppice

package struct BranchListRequest: StoreRequest {
  package static let route = Route(.get, "/v1/branches", "List the branches.")

  /// The deleted ones instead, which can still be restored.
  package var deleted: Bool

  package init(deleted: Bool) { self.deleted = deleted }

  package var isReadOnly: Bool { true }

  package func run(_ context: RequestContext) throws(StoreError) -> Answer {
    Answer(
      branches: try context.store.entries(includingDeleted: deleted)
        .filter { !$0.isSnapshot && $0.isDeleted == deleted }
        .map(EntryAnswer.init))
  }

  package struct Answer: Codable, Sendable {
    package var branches: [EntryAnswer]
  }
}

package struct BranchShowRequest: StoreRequest {
  package static let route = Route(
    .get, "/v1/branches/{name}", "Tell what is known of a branch or snapshot.")

  package var name: String

  package init(name: String) { self.name = name }

  package var isReadOnly: Bool { true }

  package func run(_ context: RequestContext) throws(StoreError) -> Answer {
    let store = context.store
    let entry = try store.entry(name)
    let snapshots = try store.entries(includingDeleted: false)
      .filter { $0.isSnapshot && $0.name.utf8.starts(with: "\(name)@".utf8) }
    let usage = try store.usage([name]).first
    return Answer(
      name: name, isSnapshot: entry.isSnapshot, created: RFC3339.text(entry.created),
      parent: entry.parent, domain: entry.domain.description,
      class: entry.domain.dataClass.rawValue, snapshots: snapshots.map(\.name),
      fileCount: usage?.fileCount ?? 0, logicalByteCount: usage?.logicalByteCount ?? 0,
      sharedByteCount: usage?.sharedByteCount ?? 0,
      exclusiveByteCount: usage?.exclusiveByteCount ?? 0)
  }

  package struct Answer: Codable, Sendable {
    package var name: String
    package var isSnapshot: Bool
    package var created: String
    package var parent: String?
    package var domain: String
    package var `class`: String
    package var snapshots: [String]
    package var fileCount: Int
    package var logicalByteCount: UInt64
    package var sharedByteCount: UInt64
    package var exclusiveByteCount: UInt64
  }
}

package struct BranchRenameRequest: StoreRequest {
  package static let route = Route(
    .post, "/v1/branches/{name}/rename", "Give a branch and its snapshots another name.")

  package var name: String
  package var newName: String
  /// Also while files of the branch are open.
  package var force: Bool

  package init(name: String, newName: String, force: Bool = false) {
    self.name = name
    self.newName = newName
    self.force = force
  }

  package var isReadOnly: Bool { false }

  package func run(_ context: RequestContext) throws(StoreError) -> Answer {
    if !force { try BranchUse.refuse([name], context) }
    try context.store.rename(name, to: newName, force: force)
    return Answer(name: newName, oldName: name)
  }

  package struct Answer: Codable, Sendable {
    package var name: String
    package var oldName: String
  }
}

package struct BranchRestoreRequest: StoreRequest {
  package typealias Answer = EntriesAnswer

  package static let route = Route(
    .post, "/v1/branches/{name}/restore", "Bring a deleted branch or snapshot back.")

  package var name: String
  /// The name it comes back under; its own without.
  package var newName: String?

  package init(name: String, newName: String?) {
    self.name = name
    self.newName = newName
  }

  package var isReadOnly: Bool { false }

  package func run(_ context: RequestContext) throws(StoreError) -> Answer {
    try context.store.restore(name, as: newName)
    return Answer(entries: [newName ?? name], isDryRun: false)
  }
}
