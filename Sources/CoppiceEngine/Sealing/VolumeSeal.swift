internal import CoppiceFormat

/// What sealing one volume of a layer takes: which leaves change, and how the tree comes together.
/// Planning reads old nodes and writes nothing.
struct VolumeSealPlan {
  let volume: VolumeNumber
  let layer: VolumeLayer
  let attributes: VolumeAttributes
  let oldTop: Ref
  let topLevel: UInt8
  /// Independent of one another and of other volumes'.
  let jobs: [LeafJob]

  /// Plans a volume that the layer keeps; dropped ones need no plan.
  init(
    volume: VolumeNumber, layer: VolumeLayer, attributes: VolumeAttributes, oldTop: Ref,
    frames: FrameReader
  ) throws(StoreError) {
    self.volume = volume
    self.layer = layer
    self.attributes = attributes
    self.oldTop = layer.replaces ? layer.adopted ?? .hole : oldTop
    let pageByteCount = UInt64(frames.pageByteCount)
    let pageCount = (attributes.byteCount + pageByteCount - 1) / pageByteCount
    topLevel = Radix.level(forKeyCount: max(1, pageCount))
    let pages = layer.pages.sortedKeys()
    let leaves = Self.dirtyLeaves(pages, layer.holes, isSingleLeaf: topLevel == 0)
    let top = self.oldTop.isHole ? nil : try frames.node(self.oldTop)
    var jobs: [LeafJob] = []
    var rest = pages[...]
    for leaf in leaves {
      let firstPage = leaf << Radix.bitCount
      rest = rest.drop { $0 < firstPage }
      let own = rest.prefix { $0 >> Radix.bitCount == leaf }
      if firstPage >= max(1, pageCount) { continue }
      let isTop = topLevel == 0
      let old = try Self.oldLeaf(top, firstPage, frames)
      if own.isEmpty, old.isHole, !isTop { continue }
      jobs.append(
        LeafJob(
          volume: volume, firstPage: firstPage, old: old,
          pages: .layer(layer, pages: own), attributes: isTop ? attributes : nil))
    }
    self.jobs = jobs
  }

  /// Leaves that hold changed pages or edges of holes, ascending. Leaves wholly inside a hole are
  /// left to the assembler.
  private static func dirtyLeaves(_ pages: [UInt64], _ holes: IntervalSet, isSingleLeaf: Bool)
    -> [UInt64]
  {
    if isSingleLeaf { return [0] }
    var leaves = Set(pages.map { $0 >> Radix.bitCount })
    for hole in holes.ranges {
      if hole.lowerBound & 0xFF != 0 { leaves.insert(hole.lowerBound >> Radix.bitCount) }
      if hole.upperBound & 0xFF != 0 { leaves.insert(hole.upperBound >> Radix.bitCount) }
    }
    return leaves.sorted()
  }

  /// The old tree's leaf at a page; a hole if none.
  static func oldLeaf(_ top: Node?, _ page: UInt64, _ frames: FrameReader)
    throws(StoreError) -> Ref
  {
    guard var node = top, page < Radix.coverage(level: node.header.level) else { return .hole }
    if node.header.level == 0 { return Ref(hash: node.header.id, locator: node.locator) }
    while node.header.level > 1 {
      let ref = node[Radix.slot(of: page, level: node.header.level)]
      if ref.isHole { return .hole }
      node = try frames.node(ref)
    }
    return node[Radix.slot(of: page, level: 1)]
  }

  /// Builds the tree once all jobs are done; `leaves` are their results in order.
  func assemble(_ leaves: ArraySlice<Ref>, _ context: SealContext, counts: inout SealCounts)
    throws(StoreError) -> Ref
  {
    if topLevel == 0, let leaf = leaves.first {
      context.replaced.countAll(above: 0, top: oldTop, &counts)
      return leaf
    }
    let changes = zip(jobs, leaves).map { ChildChange(key: $0.firstPage, ref: $1) }
    var holes = layer.holes
    let pageByteCount = UInt64(context.pageByteCount)
    let pageCount = (attributes.byteCount + pageByteCount - 1) / pageByteCount
    holes.insert(pageCount..<max(pageCount, Radix.coverage(level: topLevel)))
    return try TreeAssembler(
      nodes: NodeSealer(context: context), kind: .volumeNode, volume: volume, changeLevel: 0,
      attributes: attributes, holes: holes
    ).assemble(topLevel: topLevel, oldTop: oldTop, changes: changes, counts: &counts)
  }
}

/// Puts volumes' new top nodes into the table, whose top is a branch state's root.
struct TableSeal {
  let context: SealContext

  /// `tops` ascend by volume; a hole removes the volume.
  func assemble(root: Ref, tops: [ChildChange], counts: inout SealCounts) throws(StoreError) -> Ref
  {
    guard let last = tops.last else { return root }
    var level = Radix.level(forKeyCount: last.key + 1)
    if !root.isHole { level = max(level, try context.frames.node(root).header.level) }
    return try TreeAssembler(
      nodes: NodeSealer(context: context), kind: .tableNode, volume: .names, changeLevel: -1,
      attributes: nil, holes: IntervalSet()
    ).assemble(topLevel: level, oldTop: root, changes: tops, counts: &counts)
  }
}
