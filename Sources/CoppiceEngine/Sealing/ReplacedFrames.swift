internal import CoppiceFormat

/// Counts the stored bytes of what an old state refers to and a new one does not. Hints for
/// collections: what other branches keep counts all the same, large parts that go as a whole are
/// estimated, and what cannot be read, for whatever reason, is left out.
struct ReplacedFrames {
  let frames: FrameReader
  let youngFrom: SegmentID

  /// An old node, and the pages and files that `refs`, which take the place of its own, leave out.
  /// Nodes below it that change count where they are sealed.
  func count(_ old: Node, by refs: UnsafePointer<Ref>, _ counts: inout SealCounts) {
    count(old.locator, old.locator.storedByteCount, &counts)
    guard old.header.level == 0 else { return }
    for (slot, ref) in old.effectiveRefs where ref != refs[slot] {
      if ref.locator.form.kind == .page || refs[slot].isHole { countAll(ref, &counts) }
    }
  }

  /// A frame and all below it. Reads no leaves of larger trees: pages mostly compress to a third.
  func countAll(_ ref: Ref, _ counts: inout SealCounts) {
    if ref.isHole { return }
    count(ref.locator, ref.locator.storedByteCount, &counts)
    guard ref.locator.form.kind != .page, let node = try? frames.node(ref) else { return }
    let isAboveLeaves = node.header.kind == .volumeNode && node.header.level == 1
    for (_, child) in node.effectiveRefs {
      if isAboveLeaves {
        let pages = Node.slotCount * frames.pageByteCount / 3
        count(child.locator, child.locator.storedByteCount + pages, &counts)
      } else {
        countAll(child, &counts)
      }
    }
  }

  /// What a volume's tree has above the node of that level at its first page, and beside it.
  func countAll(above level: UInt8, top: Ref, _ counts: inout SealCounts) {
    var ref = top
    while !ref.isHole, let node = try? frames.node(ref), node.header.level > level {
      count(node.locator, node.locator.storedByteCount, &counts)
      for (slot, child) in node.effectiveRefs where slot > 0 { countAll(child, &counts) }
      ref = node[0]
    }
  }

  private func count(_ locator: Locator, _ byteCount: Int, _ counts: inout SealCounts) {
    if locator.name.segment < youngFrom {
      counts.replacedOldByteCount += byteCount
    } else {
      counts.replacedYoungByteCount += byteCount
    }
  }
}
