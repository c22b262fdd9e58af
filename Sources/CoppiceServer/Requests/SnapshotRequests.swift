package import Coppice
internal import CoppiceLifecycle
internal import CoppicePlatform

package struct SnapshotCreateRequest: StoreRequest {
  package typealias Answer = EntriesAnswer

  package static let route = Route(.post, "/v1/snapshots", "Keep the state of a branch.")

  /// `branch@name`.
  package var name: String
  /// First write what the kernel holds back of the branch.
  package var sync: Bool
  /// When it ends, whose it is, what is said of it.
  package var terms: RequestedTerms?

  package init(name: String, sync: Bool = false, terms: RequestedTerms? = nil) {
    self.name = name
    self.sync = sync
    self.terms = terms
  }

  package var isReadOnly: Bool { false }

  package var access: Access { Access(.create, .new(name)) }

  package func run(_ context: RequestContext) throws(StoreError) -> Answer {
    if sync, let branch = name.split(byte: UInt8(ascii: "@"), keepsEmpty: true).first {
      try context.doors.writeDirtyPages(of: branch)
    }
    let branch = String(Substring(name.utf8.prefix { $0 != UInt8(ascii: "@") }))
    guard terms?.maxStoredByteCount == nil else {
      throw StoreError(
        .invalid, "a snapshot adds nothing that could be limited", object: name,
        remedy: "limit its branch")
    }
    var granted = try context.store.granted(
      terms ?? RequestedTerms(), to: name, in: try context.store.entry(branch).domain,
      for: context.principal)
    granted.terms.maxStoredByteCount = nil
    _ = try context.store.createSnapshot(name, terms: granted.terms)
    return Answer(entries: [name], isDryRun: false)
  }
}

package struct SnapshotListRequest: StoreRequest {
  package static let route = Route(
    .get, "/v1/snapshots", "List the snapshots, of one branch or of all.")

  package var branch: String?
  /// Those in this state; live and expired ones without.
  package var state: EntryChoice?

  package init(branch: String?, state: EntryChoice? = nil) {
    self.branch = branch
    self.state = state
  }

  package var isReadOnly: Bool { true }

  package var access: Access { Access(.see, branch.map { .entry($0) } ?? .store) }

  package func run(_ context: RequestContext) throws(StoreError) -> Answer {
    let entries = try context.store.entries(in: state?.states ?? .named).filter { entry in
      entry.isSnapshot && (branch.map { entry.name.utf8.starts(with: "\($0)@".utf8) } ?? true)
    }
    // A deleted snapshot's branch may be gone.
    let isDeletedMeant = state == .deleted || state == .all
    if let branch, !isDeletedMeant || entries.isEmpty { _ = try context.store.branch(branch) }
    return Answer(snapshots: entries)
  }

  package struct Answer: Codable, Sendable {
    package var snapshots: [EntryInfo]
  }
}

package struct SnapshotDeleteRequest: StoreRequest {
  package typealias Answer = EntriesAnswer

  package static let route = Route(.delete, "/v1/snapshots", "Delete snapshots, all or none.")

  package var names: [String]
  /// Also while files of the snapshots are open.
  package var force: Bool
  /// Check everything, but delete nothing.
  package var dryRun: Bool

  package init(names: [String], force: Bool = false, dryRun: Bool) {
    self.names = names
    self.force = force
    self.dryRun = dryRun
  }

  package var isReadOnly: Bool { dryRun }

  package var access: Access { Access(.end, entries: names) }

  package func run(_ context: RequestContext) throws(StoreError) -> Answer {
    for name in names { _ = try context.store.snapshot(name) }
    _ = try context.store.deletionPlan(names)
    if !force { try BranchUse.refuse(names, context) }
    if !dryRun {
      try context.store.delete(
        names, force: force,
        annotations: try context.store.keeping(names, for: context.principal))
    }
    return Answer(entries: names, isDryRun: dryRun)
  }
}
