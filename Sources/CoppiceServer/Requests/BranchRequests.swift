package import Coppice

package struct BranchListRequest: StoreRequest {
  package static let route = Route(.get, "/v1/branches", "List the branches.")

  /// The deleted ones instead, which can still be restored.
  package var deleted: Bool

  package init(deleted: Bool) { self.deleted = deleted }

  package var isReadOnly: Bool { true }

  package var access: Access { Access(.see, .store) }

  package func run(_ context: RequestContext) throws(StoreError) -> Answer {
    Answer(
      branches: try context.store.entries(in: deleted ? .deleted : .live)
        .filter { !$0.isSnapshot })
  }

  package struct Answer: Codable, Sendable {
    package var branches: [EntryInfo]
  }
}

package struct BranchShowRequest: StoreRequest {
  package static let route = Route(
    .get, "/v1/branches/{name}", "Tell what is known of a branch or snapshot.")

  package var name: String

  package init(name: String) { self.name = name }

  package var isReadOnly: Bool { true }

  package var access: Access { Access(.see, .entry(name)) }

  package func run(_ context: RequestContext) throws(StoreError) -> Answer {
    let store = context.store
    let entry = try store.entry(name)
    let snapshots = try store.entries(in: .named)
      .filter { $0.isSnapshot && $0.name.utf8.starts(with: "\(name)@".utf8) }
    guard let usage = try store.usage([name]).first else {
      preconditionFailure("there is a usage for each name")
    }
    let addition = Answer.Addition(
      usage, Answer.Snapshots(snapshots: snapshots.map(\.name)))
    return Answer(entry, addition)
  }

  package struct Answer: ReportAnswer {
    package struct Snapshots: Codable, Sendable {
      package var snapshots: [String]
    }

    package struct Addition: ReportAnswer {
      package var report: Usage
      package var addition: Snapshots

      package init(_ report: Usage, _ addition: Snapshots) {
        self.report = report
        self.addition = addition
      }
    }

    package var report: EntryInfo
    package var addition: Addition

    package init(_ report: EntryInfo, _ addition: Addition) {
      self.report = report
      self.addition = addition
    }
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

  package var access: Access { Access(.change, .entry(name), .new(newName)) }

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

  package var access: Access {
    Access(.end, .entry(name)).and(.create, newName.map { .new($0) })
  }

  package func run(_ context: RequestContext) throws(StoreError) -> Answer {
    try context.store.restore(name, as: newName)
    return Answer(entries: [newName ?? name], isDryRun: false)
  }
}
