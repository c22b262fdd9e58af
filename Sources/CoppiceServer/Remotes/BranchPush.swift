internal import Coppice
internal import CoppiceEngine
internal import CoppiceFormat
internal import CoppicePlatform
internal import CoppicePools

/// A branch or snapshot of a store that a pool is to have.
struct BranchPush {
  /// Of the store.
  private let entry: EntryInfo
  private let branch: EngineBranch
  /// What the pool calls it.
  let name: String
  /// Of the pool. A domain that lost its name has none that could be another store's.
  private let domain: String
  private let store: Store

  /// Throws `notFound`, and `invalid` for a name that none can have.
  ///
  /// - Parameter name: in the pool; `nil`: as here. A branch that is given a snapshot's name is
  ///   pushed as a snapshot.
  init(_ entry: String, as name: String?, in store: Store) throws(StoreError) {
    branch = try store.engineBranch(entry)
    guard let info = store.entry(ofID: branch.id.rawValue) else {
      throw StoreError(.notFound, "was deleted meanwhile", object: entry)
    }
    self.entry = info
    self.store = store
    self.name = name ?? info.name
    if EntryName.isSnapshot(self.name) {
      try EntryName.validate(snapshot: self.name)
    } else {
      try EntryName.validate(branch: self.name)
    }
    domain = info.domain.name ?? "d\(info.domain.number)"
  }

  /// All that was written so far, as it is put into the pool.
  func sealed() throws(StoreError) -> SealedTree { try store.engine.sealedTree(of: branch) }

  /// What the pool has already of it; `nil` where something is to be pushed. Throws `conflict` for
  /// a snapshot's name that is taken, `invalid` where what has the name lies in another domain.
  func existing(
    _ tree: SealedTree, in access: inout PoolAccess, _ head: PoolHead
  ) throws(StoreError) -> PoolEntryName? {
    try head.require(store.family)
    guard let known = head.domains.first(where: { $0.name.hasBytes(of: domain) }) else {
      return nil
    }
    guard let newest = try access.newest(name) else { return nil }
    guard newest.entry.domain == known.number else {
      throw StoreError(
        .invalid, "lies in another trust domain in the pool, and stays there", object: name,
        remedy: "push it under another name")
    }
    // An earlier change that may still land could make something else of the pool.
    guard access.isSettled else { return nil }
    if newest.entry.root.hash == tree.root.hash { return newest.name }
    guard !newest.entry.flags.contains(.snapshot) else {
      throw StoreError(
        .conflict, "the pool has a snapshot of that name, with another content", object: name,
        remedy: "push it under another name, or delete that one first", reason: .exists)
    }
    return nil
  }

  func push(
    _ tree: SealedTree, by writer: PoolWriter, _ options: TransferOptions
  ) throws(StoreError) -> PushResult {
    let domain = try writer.domain(named: domain, entry.domain.dataClass.stored)
    return try writer.push(tree, as: state(of: tree, in: domain), options)
  }

  private func state(of tree: SealedTree, in domain: DomainID) -> PushedState {
    var state = PushedState(
      name: name, domain: domain, lsn: tree.lsn,
      createdAt: entry.isSnapshot
        ? entry.createdAt.nanoseconds : store.clock.wallNanoseconds())
    state.annotations = store.engine.branches.annotations(of: branch).inherited
    return state
  }
}
