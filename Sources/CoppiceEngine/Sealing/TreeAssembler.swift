internal import CoppiceFormat

/// A child that a radix tree gets, for the keys from `key` on.
struct ChildChange {
  var key: UInt64
  var ref: Ref
}

/// Rebuilds the nodes of a radix tree above changed children, bottom-up, keeping every subtree that
/// did not change.
struct TreeAssembler {
  let nodes: NodeSealer
  let kind: FrameKind
  let volume: VolumeNumber
  /// The level of the children that `changes` name: -1 for refs in leaf nodes, 0 for leaf nodes.
  let changeLevel: Int
  /// Of a volume: the attributes its top node gets. `nil` for the table.
  let attributes: VolumeAttributes?
  /// Key ranges whose old children are gone.
  let holes: IntervalSet

  /// The top of a volume's tree, of which these leaves are all that there is. A volume of one leaf
  /// has that as its top.
  ///
  /// - Parameter leaves: ascend.
  static func assemble(
    _ volume: VolumeNumber, leaves: [ChildChange], _ attributes: VolumeAttributes, oldTop: Ref,
    _ context: SealContext, counts: inout SealCounts
  ) throws(StoreError) -> Ref {
    let level = attributes.topLevel(pageByteCount: context.pageByteCount)
    if level == 0, let leaf = leaves.first {
      context.replaced.countAll(above: 0, top: oldTop, &counts)
      return leaf.ref
    }
    var holes = IntervalSet()
    var next: UInt64 = 0
    for leaf in leaves {
      holes.insert(next..<leaf.key)
      next = leaf.key + UInt64(Node.slotCount)
    }
    holes.insert(next..<max(next, Radix.coverage(level: level)))
    return try TreeAssembler(
      nodes: NodeSealer(context: context), kind: .volumeNode, volume: volume, changeLevel: 0,
      attributes: attributes, holes: holes
    ).assemble(topLevel: level, oldTop: oldTop, changes: leaves, counts: &counts)
  }

  /// The ref of the new top node, of that level.
  func assemble(
    topLevel: UInt8, oldTop: Ref, changes: [ChildChange], counts: inout SealCounts
  ) throws(StoreError) -> Ref {
    nodes.context.replaced.countAll(above: topLevel, top: oldTop, &counts)
    let old = try descend(oldTop, to: topLevel)
    return try build(
      level: topLevel, firstKey: 0, old: old, changes: changes[...], isTop: true,
      counts: &counts)
  }

  /// The old subtree of that level at key 0; the old top itself when it is lower.
  private func descend(_ top: Ref, to level: UInt8) throws(StoreError) -> Ref {
    var ref = top
    while !ref.isHole {
      let node = try nodes.context.frames.node(ref)
      if node.header.level <= level { return ref }
      ref = node[0]
    }
    return ref
  }

  private func build(
    level: UInt8, firstKey: UInt64, old: Ref, changes: ArraySlice<ChildChange>, isTop: Bool,
    counts: inout SealCounts
  ) throws(StoreError) -> Ref {
    let refs = Node.allocateRefs()
    defer { refs.deallocate() }
    var lowerTop = Ref.hole
    if !old.isHole {
      let node = try nodes.context.frames.node(old)
      if node.header.level == level {
        refs.update(from: node.refs, count: Node.slotCount)
      } else {
        // The tree grows: the old top becomes a descendant at key 0, without attributes.
        lowerTop = old
      }
    }
    var rest = changes
    let span = Radix.slotCoverage(level: level)
    for slot in 0..<Node.slotCount {
      let start = firstKey + UInt64(slot) * span
      let end = start + span
      let own = rest.prefix { $0.key < end }
      rest = rest.dropFirst(own.count)
      refs[slot] = try child(
        level: level, start..<end, old: slot == 0 && !lowerTop.isHole ? lowerTop : refs[slot],
        isLowerTop: slot == 0 && !lowerTop.isHole, changes: own, counts: &counts)
    }
    let content = NodeSealer.Content(
      kind: kind, level: level, firstKey: firstKey, attributes: isTop ? attributes : nil,
      volume: volume)
    return try nodes.seal(content, refs: refs, old: lowerTop.isHole ? old : .hole, counts: &counts)
  }

  private func child(
    level: UInt8, _ keys: Range<UInt64>, old: Ref, isLowerTop: Bool,
    changes: ArraySlice<ChildChange>, counts: inout SealCounts
  ) throws(StoreError) -> Ref {
    if Int(level) - 1 == changeLevel {
      if let change = changes.first { return change.ref }
    }
    let isCovered = holes.contains(keys)
    if isCovered, changes.isEmpty { nodes.context.replaced.countAll(old, &counts) }
    if changes.isEmpty, !isLowerTop {
      if old.isHole || isCovered { return .hole }
      if !holes.intersects(keys) || level == 0 { return old }
    }
    return try build(
      level: level - 1, firstKey: keys.lowerBound, old: isCovered ? .hole : old,
      changes: changes, isTop: false, counts: &counts)
  }
}

extension VolumeAttributes {
  /// The level of the top node of a volume with that many bytes.
  func topLevel(pageByteCount: Int) -> UInt8 {
    let pageCount = (byteCount + UInt64(pageByteCount) - 1) / UInt64(pageByteCount)
    return Radix.level(forKeyCount: max(1, pageCount))
  }
}
