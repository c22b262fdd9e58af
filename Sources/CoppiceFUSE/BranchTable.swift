internal import Coppice
internal import CoppicePlatform
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
    /// Under which name, by its bytes, the kernel looked up an index.
    var names: [[UInt8]: UInt32] = [:]
  }

  private let store: Store
  private let state = Mutex(State())

  init(_ store: Store) { self.store = store }

  /// Throws `unavailable` with reason `stale` for a retired index.
  func tree(_ node: NodeID) throws(StoreError) -> FileTree {
    guard let tree = treeIfPresent(node) else {
      throw .stale("branch \(node.index) of the mount")
    }
    return tree
  }

  func treeIfPresent(_ node: NodeID) -> FileTree? {
    let index = Int(node.index)
    return state.withLock { state in index < state.trees.count ? state.trees[index] : nil }
  }

  /// The index of an entry, by its name, for the kernel to keep: it is told when that is not so any
  /// more.
  func index(named name: String) throws(StoreError) -> (index: UInt32, tree: FileTree) {
    while true {
      let tree = try store.liveTree(name)
      let index = try index(of: tree, named: name)
      // What changed before the name was noted was told to nobody.
      let isKept = treeIfPresent(NodeID(index, .root)) != nil
      if isKept, try store.liveTree(name) === tree { return (index, tree) }
    }
  }

  private func index(of tree: FileTree, named name: String) throws(StoreError) -> UInt32 {
    let id = tree.id
    return try state.withLock { state throws(StoreError) in
      if let known = state.indexes[id] {
        state.names[name.nameKey] = known
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
      state.names[name.nameKey] = index
      return index
    }
  }

  func index(of entry: UInt64) -> UInt32? { state.withLock { $0.indexes[entry] } }

  /// The name by which the branch of a node is known now; `nil` for a retired one.
  func name(of node: UInt64) -> String? { (try? tree(NodeID(rawValue: node)))?.name }

  /// As `name(of:)`, by the inode number that programs see.
  func name(ofInode inode: UInt64) -> String? {
    trees.first { InodeNumber(rawValue: inode).isFile(of: $0) }?.name
  }

  var trees: [FileTree] { state.withLock { $0.trees.compactMap { $0 } } }

  /// The entry's state is another one now, or none.
  func retire(_ entry: UInt64) {
    state.withLock { state in
      guard let index = state.indexes.removeValue(forKey: entry) else { return }
      state.trees[Int(index)] = nil
    }
  }

  /// The names that lead the kernel to what they do not mean any more; told once.
  func takeOutdatedNames() -> [[UInt8]] {
    state.withLock { state in
      let outdated = state.names.filter { name, index in
        state.trees[Int(index)].map { $0.name.nameKey != name } ?? true
      }.map(\.key)
      for name in outdated { state.names[name] = nil }
      return outdated
    }
  }
}
