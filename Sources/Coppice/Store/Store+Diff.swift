public import CoppiceEngine
internal import CoppiceFormat
internal import CoppicePlatform

extension Store {
  /// What differs between two branches or snapshots as they are now, related or not. Takes time in
  /// proportion to what differs. Throws `notFound`.
  public func diff(_ old: String, _ new: String) throws(StoreError) -> Diff {
    try DiffBuilder.build(
      from: engine.pinnedView(of: engineBranch(old)), to: engine.pinnedView(of: engineBranch(new)))
  }

  /// A branch or snapshot as it is now, for reading: it stays so while others write, reset or delete
  /// the branch, and holds memory and space as long as it is in use.
  public func frozenTree(_ name: String) throws(StoreError) -> FileTree {
    let view = try engine.pinnedView(of: engineBranch(name))
    let core = TreeCore(
      space: view,
      allocateVolume: { () throws(StoreError) in throw .readOnlyTree(name) },
      wallNanoseconds: { [engine] in engine.clock.wallNanoseconds() })
    return FileTree(core: core, entry: FrozenEntry(view, of: engine))
  }
}

/// The entry of a tree that shows one moment.
private final class FrozenEntry: EntryHandle {
  private let view: PinnedView
  private let engine: Engine

  init(_ view: PinnedView, of engine: Engine) {
    self.view = view
    self.engine = engine
  }

  var id: BranchID { view.branch.id }
  var name: String { engine.name(of: view.branch.id) }
  var isSnapshot: Bool { view.branch.isReadOnly }
  var isReadOnly: Bool { true }
}
