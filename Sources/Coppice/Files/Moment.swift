internal import CoppiceEngine
internal import CoppiceFormat

/// A branch or snapshot as it was at one moment, for reading.
///
/// Names, attributes and content of all files are those of that moment, so whatever a transaction
/// changed together is seen together. They stay so while others write, reset or delete the branch.
/// A moment costs nothing to take. While it is in use it holds the space of what the branch refers
/// to no more, and no memory.
public final class Moment: FileTree, @unchecked Sendable {
  init(of branch: EngineBranch) throws(StoreError) {
    let view = try branch.pinnedView(followsSeals: true)
    let entry = MomentEntry(view)
    let core = TreeCore(
      space: view,
      allocateVolume: { () throws(StoreError) in throw .readOnlyTree(entry.name) },
      // Only changes have times.
      wallNanoseconds: { 0 })
    super.init(core: core, entry: entry)
  }
}

extension FileTree {
  /// The tree as it is now; a moment's is itself. Throws `notFound` once the entry is gone for
  /// good.
  public func moment() throws(StoreError) -> Moment {
    if let moment = self as? Moment { return moment }
    guard let branch = core.space as? EngineBranch else {
      preconditionFailure("only trees of a store have moments")
    }
    return try Moment(of: branch)
  }
}

/// The entry that a moment was taken of.
private final class MomentEntry: EntryHandle {
  private let view: PinnedView

  init(_ view: PinnedView) { self.view = view }

  var id: BranchID { view.branch.id }
  var name: String { view.branch.name }
  var isSnapshot: Bool { view.branch.isReadOnly }
  var isReadOnly: Bool { true }
}
