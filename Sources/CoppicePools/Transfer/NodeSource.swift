internal import CoppiceEngine
internal import CoppiceErrors
internal import CoppiceFormat

/// What has nodes of trees: a store, or a pool.
protocol NodeSource: Sendable {
  /// Throws `corrupt` for one that is not what was stored.
  func node(_ ref: Ref) throws(StoreError) -> Node
}

extension SealedTree: NodeSource {}
extension StagingImport: NodeSource {}

extension Node {
  /// What leads here.
  var ref: Ref { Ref(hash: header.id, locator: locator) }
}

/// Finds where a tree differs from others, which lie elsewhere: equal ids are equal content,
/// whatever lies below.
///
/// The trees may differ in height: a lower one lies under slot 0 of a virtual higher one.
struct TreeComparison<New: NodeSource, Old: NodeSource> {
  let new: New
  let old: Old

  /// Visits the volumes whose content none of the others has, in order.
  ///
  /// - Parameter visit: gets what the others have of the volume.
  func forEachVolume(
    _ root: Ref, _ others: [Ref],
    _ visit: (VolumeNumber, Ref, [Ref]) throws(StoreError) -> Void
  ) throws(StoreError) {
    guard !root.isHole, !others.contains(where: { $0.hash == root.hash }) else { return }
    let node = try new.node(root)
    let beside = try nodes(others, beside: node)
    for (slot, child) in node.effectiveRefs {
      let below = children(slot, of: beside, node.header.level)
      if node.header.level > 0 {
        try forEachVolume(child, below, visit)
      } else if !below.contains(where: { $0.hash == child.hash }) {
        try visit(VolumeNumber(node.header.firstKey + UInt64(slot)), child, below)
      }
    }
  }

  /// Visits the leaves of a volume, in order, with what the others have there; also those that
  /// are equal.
  func forEachLeaf(
    _ ref: Ref, _ others: [Ref], _ visit: (Ref, [Ref]) throws(StoreError) -> Void
  ) throws(StoreError) {
    // Leaves are not read: whether one is shows above it.
    let node = try new.node(ref)
    if node.header.level == 0 { return try visit(ref, others) }
    try forEachLeaf(below: node, others, visit)
  }

  private func forEachLeaf(
    below node: Node, _ others: [Ref], _ visit: (Ref, [Ref]) throws(StoreError) -> Void
  ) throws(StoreError) {
    let beside = try nodes(others, beside: node)
    for (slot, child) in node.effectiveRefs {
      let below = children(slot, of: beside, node.header.level)
      if node.header.level == 1 {
        try visit(child, below)
      } else {
        try forEachLeaf(below: try new.node(child), below, visit)
      }
    }
  }

  /// The others' nodes at the place of a node: of its level, or lower ones at its first key.
  func nodes(_ others: [Ref], beside node: Node) throws(StoreError) -> [Node] {
    var nodes: [Node] = []
    for ref in others where !ref.isHole {
      if let found = try self.node(ref, levelMax: node.header.level) { nodes.append(found) }
    }
    return nodes
  }

  /// `nil` where the tree has nothing there, or what it has is damaged: then nothing of it is used.
  private func node(_ top: Ref, levelMax: UInt8) throws(StoreError) -> Node? {
    do throws(StoreError) {
      var found = try old.node(top)
      while found.header.level > levelMax, !found[0].isHole { found = try old.node(found[0]) }
      return found.header.level <= levelMax ? found : nil
    } catch {
      guard error.kind == .corrupt else { throw error }
      return nil
    }
  }

  /// What these have in a slot of a node of that level; no holes.
  func children(_ slot: Int, of nodes: [Node], _ level: UInt8) -> [Ref] {
    nodes.compactMap { node in
      if node.header.level < level { return slot == 0 ? node.ref : nil }
      return node[slot].isHole ? nil : node[slot]
    }
  }
}
