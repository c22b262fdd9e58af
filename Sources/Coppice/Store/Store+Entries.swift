package import CoppiceEngine
internal import CoppiceFormat
internal import CoppicePlatform
internal import Synchronization

extension Store {
  // MARK: Looking

  /// The branches and snapshots in one of these states, in the order of their names' bytes.
  ///
  /// - Parameter labels: only those that have all of these.
  public func entries(
    in states: EntryStates = .live, having labels: Labels = [:]
  ) throws(StoreError) -> [EntryInfo] {
    let wanted = labels.map { EntryField.value(ofLabels: [($0.key, $0.value)]) }
    let found = engine.branches.entries { entry in
      guard states.includes(entry.state) else { return false }
      return wanted.isEmpty
        || entry.annotations[.labels].map { EntryField.labels(in: $0, have: wanted) } ?? false
    }
    let domains = engine.branches.namedDomains()
    let added = engine.accounts.added()
    return found.map { entry, parent in
      let domain = domains[entry.domain] ?? KnownDomain(entry.domain)
      return info(entry, Domain(domain), parent: parent, added[entry.id])
    }
    .sorted { $0.name.hasBytes(of: $1.name) ? $0.id < $1.id : $0.name.precedes($1.name) }
  }

  /// Throws `notFound`; the remedy names those that come closest.
  public func entry(_ name: String) throws(StoreError) -> EntryInfo {
    guard let entry = entry(ofID: try engineBranch(name).id.rawValue) else { throw notFound(name) }
    return entry
  }

  /// Of whatever state; `nil` when there is none of that number any more.
  package func entry(ofID id: UInt64) -> EntryInfo? {
    guard let entry = engine.branches.entry(BranchID(id)) else { return nil }
    let parent = engine.branches.entry(entry.parent)
    let isThere = parent.map { !$0.flags.contains(.deleted) } ?? false
    return info(
      entry, knownDomain(entry.domain), parent: isThere ? parent?.name : nil,
      engine.accounts.added(by: entry.id))
  }

  func info(
    _ entry: BranchEntry, _ domain: Domain, parent: String?, _ added: AddedBytes? = nil
  ) -> EntryInfo {
    let openFileCount = trees.withLock { $0[entry.id]?.openFileCount ?? 0 }
    return EntryInfo(
      entry, domain: domain, parent: parent, added: added, openFileCount: openFileCount)
  }

  /// The files of a branch or snapshot: a `Branch` or a `Snapshot`, one object as long as the entry
  /// exists. Throws `notFound`.
  public func tree(_ name: String) throws(StoreError) -> FileTree {
    try tree(engineBranch(name))
  }

  /// As `tree`; what has expired is `notFound`.
  package func liveTree(_ name: String) throws(StoreError) -> FileTree {
    let branch = try engineBranch(name)
    guard engine.branches.annotations(of: branch).expiredSince == nil else {
      throw StoreError(
        .notFound, "the branch has expired", object: name, remedy: "\(step: .renew(name))")
    }
    return try tree(branch)
  }

  /// A branch or snapshot as it is now. Throws `notFound`.
  public func moment(of name: String) throws(StoreError) -> Moment {
    try Moment(of: engineBranch(name))
  }

  /// Throws `notFound`, `invalid` for a snapshot's name.
  public func branch(_ name: String) throws(StoreError) -> Branch {
    guard let branch = try tree(name) as? Branch else {
      throw StoreError(
        .invalid, "is a snapshot", object: name, remedy: "create a branch from it")
    }
    return branch
  }

  /// Throws `notFound`, `invalid` for a branch's name.
  public func snapshot(_ name: String) throws(StoreError) -> Snapshot {
    guard let snapshot = try tree(name) as? Snapshot else {
      throw StoreError(.invalid, "is a branch", object: name)
    }
    return snapshot
  }

  package func engineBranch(_ name: String) throws(StoreError) -> EngineBranch {
    if let branch = EntryName.branch(ofNewest: name) { return try newestApproved(of: branch) }
    do throws(StoreError) {
      return try engine.branches.named(name)
    } catch {
      throw error.kind == .notFound ? notFound(name) : error
    }
  }

  private func notFound(_ name: String) -> StoreError {
    if name.isEmpty {
      return StoreError(
        .invalid, "a branch or snapshot has a name", remedy: "list them with \(step: .listBranches)"
      )
    }
    let names = engine.branches.entries().filter { !$0.flags.contains(.deleted) }.map(\.name)
    let near = NearestNames.find(name, among: names).joined(separator: ", ")
    let what = EntryName.isSnapshot(name) ? "snapshot" : "branch"
    return StoreError(
      .notFound, "there is no such \(what)", object: name,
      remedy: near.isEmpty ? "list them with \(step: .listBranches)" : "did you mean \(near)?")
  }

  func tree(_ branch: EngineBranch) throws(StoreError) -> FileTree {
    let (tree, isNew) = trees.withLock { trees -> (FileTree, Bool) in
      if let known = trees[branch.id] { return (known, false) }
      let tree = makeTree(branch)
      trees[branch.id] = tree
      return (tree, true)
    }
    if isNew, !tree.isReadOnly { try tree.core.removeOrphans() }
    return tree
  }

  private func makeTree(_ branch: EngineBranch) -> FileTree {
    let core = TreeCore(
      space: branch,
      growth: branch.isReadOnly ? nil : GrowthGate(branch, of: engine, space),
      allocateVolume: { [engine] () throws(StoreError) in try engine.branches.allocateVolumeNumber()
      },
      wallNanoseconds: { [engine] in engine.clock.wallNanoseconds() },
      changed: { [watchers, id = branch.id.rawValue] change in
        watchers.tell(change.map { .files(entry: id, $0) } ?? .replaced(entry: id))
      })
    let entry = StoreEntry(branch, of: engine)
    return branch.isReadOnly
      ? Snapshot(core: core, entry: entry) : Branch(core: core, entry: entry)
  }
}
