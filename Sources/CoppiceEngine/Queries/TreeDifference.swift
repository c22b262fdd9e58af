internal import CoppiceFormat

/// Finds the keys at which two radix trees refer to different content, skipping equal subtrees.
///
/// The trees may differ in height: a lower one lies under slot 0 of a virtual higher one.
struct TreeDifference {
  private let frames: FrameReader

  private struct Subtree {
    var ref: Ref
    var level: UInt8
    var node: Node?
  }

  init(frames: FrameReader) { self.frames = frames }

  /// Calls `visit` in order of keys with those whose refs' hashes differ; a key that one tree lacks
  /// is a hole there.
  func forEach(
    _ old: Node?, _ new: Node?,
    _ visit: (_ key: UInt64, _ old: Ref, _ new: Ref) throws(StoreError) -> Void
  ) throws(StoreError) {
    let level = max(old?.header.level ?? 0, new?.header.level ?? 0)
    try compare(old.map(subtree), new.map(subtree), level: level, firstKey: 0, visit)
  }

  private func subtree(_ node: Node) -> Subtree {
    Subtree(
      ref: Ref(hash: node.header.id, locator: node.locator), level: node.header.level, node: node)
  }

  private func compare(
    _ old: Subtree?, _ new: Subtree?, level: UInt8, firstKey: UInt64,
    _ visit: (UInt64, Ref, Ref) throws(StoreError) -> Void
  ) throws(StoreError) {
    if let old, let new, old.level == new.level, old.ref.hash == new.ref.hash { return }
    guard old != nil || new != nil else { return }
    let oldNode = try node(old, level)
    let newNode = try node(new, level)
    for slot in 0..<Node.slotCount {
      let key = firstKey + UInt64(slot) * Radix.slotCoverage(level: level)
      if level == 0 {
        let before = oldNode?[slot] ?? .hole
        let after = newNode?[slot] ?? .hole
        if before.hash != after.hash { try visit(key, before, after) }
      } else {
        try compare(
          child(slot, of: old, oldNode, level), child(slot, of: new, newNode, level),
          level: level - 1, firstKey: key, visit)
      }
    }
  }

  /// The node of a subtree that really has this level.
  private func node(_ subtree: Subtree?, _ level: UInt8) throws(StoreError) -> Node? {
    guard let subtree, subtree.level == level else { return nil }
    if let node = subtree.node { return node }
    return try frames.node(subtree.ref)
  }

  private func child(_ slot: Int, of subtree: Subtree?, _ node: Node?, _ level: UInt8)
    -> Subtree?
  {
    if let node {
      let ref = node[slot]
      return ref.isHole ? nil : Subtree(ref: ref, level: level - 1, node: nil)
    }
    guard let subtree, slot == 0 else { return nil }
    return subtree
  }
}
