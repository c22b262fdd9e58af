internal import Coppice
internal import CoppicePlatform

/// Files that the kernel uses or knows.
extension MountSession {
  func closeFile(_ address: UInt64) {
    handles.removeFile(address)
    noteUnused()
  }

  func closeDirectory(_ address: UInt64) {
    handles.removeDirectory(address)
    noteUnused()
  }

  /// A mount that is shown nowhere in this process's tree ends when nothing of it is open.
  private func noteUnused() {
    if place.isHidden, handles.isEmpty { place.changes.wake() }
  }

  /// The kernel has forgotten that many answers with a file.
  func forget(_ node: NodeID, count: UInt64 = 1) {
    // What it knew of a branch that was replaced went with that.
    guard node != .top, let tree = branches.treeIfPresent(node) else { return }
    if tree.release(node.file, count: count) { chores.insert(.remove(node)) }
  }

  // MARK: Chores

  private static let removedCountMax = 256

  /// Does chores until the connection ends.
  func doChores() {
    noteServer()
    chores.run { chores in
      var forgotten: [NodeID] = []
      for case .remove(let node) in chores { forgotten.append(node) }
      remove(forgotten)
      for case .tell(let notification) in chores { notify(notification) }
    }
  }

  private func remove(_ nodes: [NodeID]) {
    for (index, nodes) in Dictionary(grouping: nodes, by: \.index) {
      guard let tree = branches.treeIfPresent(NodeID(index, .root)) else { continue }
      let files = nodes.map(\.file).sorted()
      for start in stride(from: 0, to: files.count, by: Self.removedCountMax) {
        tree.removeAbandoned(Array(files[start...].prefix(Self.removedCountMax)))
      }
    }
  }
}
