internal import CoppiceEngine
internal import CoppiceFormat

/// An entry of an open store.
final class StoreEntry: EntryHandle {
  let branch: EngineBranch
  private let engine: Engine

  init(_ branch: EngineBranch, of engine: Engine) {
    self.branch = branch
    self.engine = engine
  }

  var id: BranchID { branch.id }
  var name: String { engine.name(of: branch.id) }
  var isSnapshot: Bool { branch.isReadOnly }
  var isReadOnly: Bool { branch.isReadOnly || engine.options.isReadOnly }
}
