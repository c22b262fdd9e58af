internal import CoppiceEngine
internal import CoppiceFormat
internal import CoppicePlatform

/// What a branch and its snapshots added since the branch's state began.
///
/// A state begins with a fork, with a reset to another entry, or with an import of all that the
/// branch has; of a branch made from nothing all that it holds was added. A reset to a snapshot of
/// its own gives nothing back. Counted are stored bytes of pages and nodes, also those that others
/// share, and whole pages of changes that are in memory and in the journal only. Snapshots are
/// those taken of the branch, deleted ones too as long as they can be restored.
///
/// Between two measurements all that comes is counted on top, though it may have taken the place of
/// something: the number is perhaps too high, and never too low.
public struct AddedSpace: Hashable, Sendable, Codable {
  public var addedByteCount: UInt64
  /// When it was last measured: exact then, but for changes in memory.
  public var measuredAt: Timestamp

  init(_ added: AddedBytes) {
    addedByteCount = added.byteCount
    measuredAt = Timestamp(nanoseconds: added.measuredAt)
  }
}

extension Store {
  /// What a branch added, as last known. Costs nothing. `nil` when nothing is known, as after a
  /// reset and after some crashes, until somebody measures it or a limit needs it; and of a
  /// snapshot, which counts as its branch's. Throws `notFound`.
  public func added(by name: String) throws(StoreError) -> AddedSpace? {
    engine.accounts.added(by: try engineBranch(name).id).map(AddedSpace.init)
  }

  /// Finds out what a branch added: takes time in proportion to that. Throws `notFound`, `invalid`
  /// for a snapshot.
  @discardableResult
  public func measureAdded(by name: String) throws(StoreError) -> AddedSpace {
    AddedSpace(try engine.accounts.measureAdded(by: try writableBranch(name).id))
  }

  /// Limits what a branch and its snapshots may add (see `AddedSpace`); `nil` takes the limit away.
  /// Durable on return; forks and snapshots do not inherit it.
  ///
  /// From 80 % on watchers hear a warning (`StoreChange.growth`). At 100 % files do not grow past
  /// 64 KiB any more: whoever tries gets `full` with reason `limit`. In a data directory of
  /// PostgreSQL that holds for what lies in `base` and in tablespaces, but for files that
  /// statements sort in: a server fails a statement and goes on with all that makes room.
  /// Overwriting, names and attributes are never refused, nor is removing; see `isBeyondLimit`. A
  /// branch that cannot be measured, because it is damaged, is not held to its limit.
  ///
  /// Throws `invalid` for a limit below what the branch has added, which is measured, and for a
  /// snapshot; `notFound`.
  public func setLimit(_ name: String, to byteCount: UInt64?) throws(StoreError) {
    let branch = try writableBranch(name)
    if let byteCount {
      let added = try engine.accounts.settleAdded(by: branch).byteCount
      guard byteCount > 0, byteCount >= added else {
        throw StoreError(
          .invalid,
          "the branch and its snapshots have added \(added) bytes already, more than \(byteCount)",
          object: name, remedy: "choose a greater limit, or remove files or snapshots first")
      }
    }
    try engine.branches.annotate(
      branch, [FieldChange(.limit, byteCount.map { EntryField.value(ofByteCount: $0) })])
  }

  /// Whether a branch has a limit and added so much more that it is to expire: half as much again,
  /// or 1 GiB if that is more. That comes of overwriting alone. Measures before it says so. Throws
  /// `notFound`.
  public func isBeyondLimit(_ name: String) throws(StoreError) -> Bool {
    try isBeyondLimit(name, by: GrowthLimit.excessByteCountMin)
  }

  /// As the other, with so many bytes above the limit at least.
  package func isBeyondLimit(
    _ name: String, by excessByteCountMin: UInt64
  ) throws(StoreError) -> Bool {
    let branch = try engineBranch(name)
    guard let byteCount = branch.growth.limit?.byteCount else { return false }
    let limit = GrowthLimit(byteCount, excessByteCountMin: excessByteCountMin)
    if let known = engine.accounts.added(by: branch.id),
      limit.state(ofAdded: known.byteCount) < .beyond
    {
      return false
    }
    let exact =
      isReadOnly
      ? try engine.accounts.measureAdded(by: branch.id)
      : try engine.accounts.settleAdded(by: branch)
    return limit.state(ofAdded: exact.byteCount) >= .beyond
  }

  /// Has a branch grow past its limit as long as the returned object lives: for a database that
  /// recovers, and cannot without. Throws `notFound`, `invalid` for a snapshot.
  public func suspendLimit(of name: String) throws(StoreError) -> LimitSuspension {
    LimitSuspension(try writableBranch(name))
  }

  /// From how little free space on the disk branches may not grow any more; `nil`, as after
  /// opening: they may as long as there is any. Looked up at most once a second. What holds for
  /// files at a limit holds here too.
  public var spaceMarks: SpaceMarks? {
    get { space.marks }
    set { space.marks = newValue }
  }

  private func writableBranch(_ name: String) throws(StoreError) -> EngineBranch {
    let branch = try engineBranch(name)
    guard !branch.isReadOnly else {
      throw StoreError(
        .invalid, "is a snapshot: what it keeps counts as its branch's", object: name,
        remedy: "name the branch")
    }
    return branch
  }
}

/// Keeps a branch's limit from refusing anything.
public final class LimitSuspension: Sendable {
  private let branch: EngineBranch

  fileprivate init(_ branch: EngineBranch) {
    self.branch = branch
    branch.growth.suspend()
  }

  deinit { branch.growth.resume() }
}

extension FileTree {
  /// The limit of the branch's growth and what it added, which is measured if nothing is known;
  /// `nil` without a limit.
  package var growthRoom: (limitByteCount: UInt64, addedByteCount: UInt64)? { core.growth?.room }
}
