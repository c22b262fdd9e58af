internal import Coppice
internal import Synchronization

/// Which branch or snapshot each index of a `NodeID` means.
///
/// An index means one state of one entry for ever: when the entry is reset or deleted the index is
/// retired, and requests with it are answered `ESTALE`.
final class BranchTable: Sendable {
  private struct State {
    /// By index; 0 is the top directory's.
    var trees: [FileTree?] = [nil]
    var indexes: [UInt64: UInt32] = [:]
    /// Under which name the kernel looked up an index.
    var names: [String: UInt32] = [:]
  }

  private let store: Store
  private let state = Mutex(State())

  init(_ store: Store) { self.store = store }

  /// Throws `unavailable` with reason `stale` for a retired index.
  func tree(_ node: NodeID) throws(StoreError) -> FileTree {
    let index = Int(node.index)
    let tree = state.withLock { state in
      index < state.trees.count ? state.trees[index] : nil
    }
    guard let tree else { throw .stale("branch \(index) of the mount") }
    return tree
  }

  /// The index of an entry, by its name, for the kernel to keep.
  func index(named name: String) throws(StoreError) -> (index: UInt32, tree: FileTree) {
    let tree = try store.tree(name)
    let id = tree.id
    let index = try state.withLock { state throws(StoreError) in
      if let known = state.indexes[id] {
        state.names[name] = known
        return known
      }
      let index = UInt32(state.trees.count)
      guard index <= NodeID.indexMax else {
        throw StoreError(
          .unavailable, "the mount has shown \(index) branches, the most it can", object: name,
          remedy: "mount the store again")
      }
      state.trees.append(tree)
      state.indexes[id] = index
      state.names[name] = index
      return index
    }
    return (index, tree)
  }

  func index(of entry: UInt64) -> UInt32? { state.withLock { $0.indexes[entry] } }

  /// The name by which the branch of a node is known now; `nil` for a retired one.
  func name(of node: UInt64) -> String? { (try? tree(NodeID(rawValue: node)))?.name }

  var trees: [FileTree] { state.withLock { $0.trees.compactMap { $0 } } }

  /// The entry's state is another one now, or none.
  func retire(_ entry: UInt64) {
    state.withLock { state in
      guard let index = state.indexes.removeValue(forKey: entry) else { return }
      state.trees[Int(index)] = nil
    }
  }

  /// The names that lead the kernel to what they do not mean any more; told once.
  func takeOutdatedNames() -> [String] {
    state.withLock { state in
      let outdated = state.names.filter { name, index in
        state.trees[Int(index)].map { $0.name != name } ?? true
      }.map(\.key)
      for name in outdated { state.names[name] = nil }
      return outdated
    }
  }
}
