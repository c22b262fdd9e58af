internal import CoppiceEngine
internal import CoppiceFormat
internal import CoppicePlatform
internal import Synchronization

extension Store {
  // MARK: Creating

  /// A new branch: with the state of `source`, a branch or snapshot, at this moment, or without one
  /// empty. Takes no longer for a large source than for a small one, and does not wait for those
  /// who write to it.
  ///
  /// Throws `invalid` for the name and for a domain that is not the source's, `conflict`,
  /// `notFound`.
  /// - Parameters:
  ///   - domain: the name of the trust domain; `nil`: that of the source, `raw` without one. The
  ///     name of a class is that of a domain for its data, which is made at first use.
  ///   - terms: when it ends, whose it is and what is said of it.
  ///   - annotations: set as well in the transaction that makes the branch, over what it inherits.
  @discardableResult
  public func createBranch(
    _ name: String, from source: String? = nil, domain: String? = nil,
    terms: EntryTerms = EntryTerms(), annotations: [AnnotationChange] = []
  ) throws(StoreError) -> Branch {
    try EntryName.validate(branch: name)
    let changes =
      try terms.changes(of: name, at: engine.clock.wallNanoseconds()) + annotations.map(\.field)
    guard let source else {
      let id = try domainID(orStandard: domain)
      let branch = try engine.branches.create(
        named: name, domain: id, annotations: changes)
      defer { watchers.tell(.added) }
      return try prepare(branch)
    }
    let parent = try engineBranch(source)
    if let domain, try domainIfMade(domain)?.number != parent.domain.rawValue {
      throw StoreError(
        .invalid, "a branch is in the trust domain of its source, \(knownDomain(parent.domain))",
        object: name, remedy: "\(step: .copy(of: source, into: name, domain: domain))")
    }
    _ = try engine.branches.fork(parent, named: name, isReadOnly: false, annotations: changes)
    watchers.tell(.added)
    return try branch(name)
  }

  /// Gives the root directory of an empty branch its times, and to whoever makes the branch.
  private func prepare(_ branch: EngineBranch) throws(StoreError) -> Branch {
    let branch = try self.branch(engine.name(of: branch.id))
    try branch.transaction { changes throws(StoreError) in
      let now = changes.time
      try changes.setAttributes(
        of: .root,
        AttributeChanges(
          userID: HostProcess.user, groupID: HostProcess.group, accessed: now, modified: now,
          created: now))
    }
    try branch.flush()
    return branch
  }

  /// A snapshot `branch@name` of the branch in its name, or of `source`. As fast as a branch.
  /// - Parameters:
  ///   - terms: as for `createBranch`.
  ///   - annotations: likewise.
  @discardableResult
  public func createSnapshot(
    _ name: String, of source: String? = nil, terms: EntryTerms = EntryTerms(),
    annotations: [AnnotationChange] = []
  ) throws(StoreError) -> Snapshot {
    let branch = try EntryName.validate(snapshot: name)
    let changes =
      try terms.changes(of: name, at: engine.clock.wallNanoseconds()) + annotations.map(\.field)
    _ = try engineBranch(branch)
    _ = try engine.branches.fork(
      engineBranch(source ?? branch), named: name, isReadOnly: true, annotations: changes)
    watchers.tell(.added)
    return try snapshot(name)
  }

  // MARK: Changing

  /// Gives an entry another name; the snapshots of a branch go with it.
  /// Throws `notFound`, `conflict`, `invalid`, `inUse` while files are open.
  /// - Parameters:
  ///   - force: also while files are open; a mount shows them under another name then.
  ///   - isDryRun: changes nothing, and throws what it would.
  public func rename(
    _ name: String, to newName: String, force: Bool = false, isDryRun: Bool = false
  ) throws(StoreError) {
    let target = try engineBranch(name)
    try checkUnused([target], force: force)
    var renames = [(branch: target, name: newName)]
    if target.isReadOnly {
      _ = try engineBranch(EntryName.validate(snapshot: newName))
    } else {
      try EntryName.validate(branch: newName)
      for (snapshot, suffix) in snapshots(of: name) {
        renames.append((snapshot, "\(newName)@\(suffix)"))
      }
    }
    if isDryRun { return try engine.branches.checkRename(renames) }
    defer { watchers.tell(.removed) }
    try engine.branches.rename(renames)
  }

  /// Gives a branch the state that another entry has at this moment.
  ///
  /// Throws `inUse` while files of the branch are open, `invalid` across trust domains, `notFound`,
  /// `denied` for a snapshot.
  /// - Parameters:
  ///   - oldName: a name under which the state before stays, as a branch.
  ///   - oldTerms: when that branch ends, and whose it is.
  ///   - force: resets all the same; open files are stale then.
  ///   - isDryRun: changes nothing, and throws what it would.
  public func reset(
    _ name: String, to source: String, keepingOldAs oldName: String? = nil,
    oldTerms: EntryTerms = EntryTerms(), force: Bool = false, isDryRun: Bool = false
  ) throws(StoreError) {
    if let oldName { try EntryName.validate(branch: oldName) }
    let target = try engineBranch(name)
    let origin = try engineBranch(source)
    guard !target.isReadOnly else {
      throw StoreError(
        .denied, "a snapshot cannot be reset", object: name, remedy: "reset a branch",
        reason: .readOnlyTree)
    }
    let oldChanges = try oldTerms.changes(
      of: oldName ?? name, at: engine.clock.wallNanoseconds())
    if isDryRun {
      try tree(target).checkUnused(force: force)
      return try engine.branches.checkReset(target, to: origin, keepingOldAs: oldName)
    }
    try reset(target, to: origin, force: force) { () throws(StoreError) in
      try engine.branches.reset(
        target, to: origin, keepingOldAs: oldName, oldAnnotations: oldChanges)
    }
    if oldName != nil { watchers.tell(.added) }
  }

  /// Gives a branch another state by `change`, and what has files of it open.
  func reset(
    _ target: EngineBranch, to origin: EngineBranch, force: Bool,
    by change: () throws(StoreError) -> Void
  ) throws(StoreError) {
    let tree = try tree(target)
    try tree.checkUnused(force: force)
    try tree.core.replace(change)
    try tree.core.removeOrphans()
  }

  func snapshots(of branch: String) -> [(branch: EngineBranch, suffix: String)] {
    let prefix = "\(branch)@".utf8
    var snapshots: [(branch: EngineBranch, suffix: String)] = []
    for entry in engine.branches.entries()
    where !entry.flags.contains(.deleted) && entry.name.utf8.starts(with: prefix) {
      if let snapshot = engine.branches.with(entry.id) {
        snapshots.append((snapshot, String(Substring(entry.name.utf8.dropFirst(prefix.count)))))
      }
    }
    return snapshots
  }
}
