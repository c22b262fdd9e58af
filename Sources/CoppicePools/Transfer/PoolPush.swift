internal import CoppiceEngine
internal import CoppiceErrors
internal import CoppiceFormat
internal import CoppicePlatform
internal import Synchronization

// A push copies what the pool does not have:
//
// 1. COMPARE: the tree is walked beside the supports, which the intent holds. Equal ids end the
//    walk: the pool's ref is taken over.
// 2. PAGES of leaves that differ: what a support has in the same slot is taken over; all else is
//    copied as it is stored, decoded and verified before. A page that builds on another goes with
//    that base: the one in the pool with the same bytes, or else it is sent first, as a page of its
//    own.
// 3. NODES above them, bottom-up: in full, or as overrides on what the first support has there.
//
// So the pool stores a page as the store does, and nothing is compressed again. All is sent before
// it is published.

/// One push of a tree on its way.
struct PoolPush {
  private let tree: SealedTree
  private let content: PoolContent
  private let upload: PoolUpload
  private let supports: [Ref]
  private let workers: WorkerPool
  private let comparison: TreeComparison<SealedTree, PoolContent>
  /// Nodes of the tree that are in the pool by now.
  private var nodes: [FrameName: Ref] = [:]
  private let placed: PlacedPages
  private var progress = TransferProgress(byteCount: 0, expectedByteCount: nil)
  private(set) var pageCount: UInt64 = 0
  /// The segments that what was sent refers to.
  private(set) var references: Set<SegmentID> = []
  private let codec = NodeCodec()

  private struct Leaf: Sendable {
    let ref: Ref
    let volume: VolumeNumber
    let supports: [Ref]
  }

  /// Leaves that are copied at once.
  private static let batchCount = 16

  /// - Parameters:
  ///   - supports: roots in the pool, the one that is most alike first.
  ///   - placed: pages that the pool has and that may be taken.
  init(
    _ tree: SealedTree, to content: PoolContent, _ upload: PoolUpload, supports: [Ref],
    placed: PlacedPages
  ) throws(StoreError) {
    self.tree = tree
    self.content = content
    self.upload = upload
    self.supports = supports.filter { !$0.isHole }
    self.placed = placed
    comparison = TreeComparison(new: tree, old: content)
    workers = try WorkerPool.transfers(content.options)
  }

  /// Returns the tree's root in the pool.
  mutating func run() throws(StoreError) -> Ref {
    var leaves: [Leaf] = []
    let comparison = comparison
    try comparison.forEachVolume(tree.root, supports) { volume, top, others throws(StoreError) in
      try comparison.forEachLeaf(top, others) { leaf, beside in
        guard !beside.contains(where: { $0.hash == leaf.hash }) else { return }
        leaves.append(Leaf(ref: leaf, volume: volume, supports: beside))
      }
    }
    var start = 0
    while start < leaves.count {
      if content.options.shouldStop() { throw .stopped }
      let end = min(start + Self.batchCount, leaves.count)
      try copy(leaves[start..<end])
      start = end
      content.options.report(progress)
    }
    return try place(tree.root, supports, volume: nil)
  }

  // MARK: Pages

  private mutating func copy(_ leaves: ArraySlice<Leaf>) throws(StoreError) {
    let copies = Mutex<[LeafCopy?]>(Array(repeating: nil, count: leaves.count))
    let copier = LeafCopier(tree: tree, content: content, placed: placed)
    try workers.performThrowing(count: leaves.count) { index throws(StoreError) in
      let leaf = leaves[leaves.startIndex + index]
      let copy = try copier.copy(leaf.ref, beside: leaf.supports)
      copies.withLock { $0[index] = copy }
    }
    for (leaf, copy) in zip(leaves, copies.withLock { $0 }) {
      if let copy { try place(leaf, copy) }
    }
  }

  private mutating func place(_ leaf: Leaf, _ copy: LeafCopy) throws(StoreError) {
    let refs = Node.allocateRefs()
    defer { refs.deallocate() }
    for (slot, ref) in copy.refs { refs[slot] = ref }
    for (index, page) in copy.pages.pages.enumerated() {
      let slot = copy.slots[index]
      refs[slot] = try place(
        page, base: copy.bases[index], copy.pages, leaf.volume,
        PageNumber(copy.node.header.firstKey + UInt64(slot)))
    }
    let old = copy.beside.first { $0.header.level == 0 && $0.header.kind == .volumeNode }
    nodes[leaf.ref.locator.name] = try store(copy.node.header, refs, leaf.volume, old: old)
  }

  private mutating func place(
    _ page: CopiedPages.Page, base known: Ref?, _ copies: CopiedPages, _ volume: VolumeNumber,
    _ number: PageNumber
  ) throws(StoreError) -> Ref {
    // The same page may have come before, in this very batch.
    if let ref = placed.ref(of: page.ref) { return ref }
    var base = known
    if base == nil, let wanted = page.base, let range = page.basePayload {
      base =
        if let ref = placed.fullRef(of: wanted) { ref } else {
          try append(wanted, copies.bytes(range), base: nil, volume, number)
        }
    }
    pageCount += 1
    return try append(page.ref, copies.bytes(page.payload), base: base, volume, number)
  }

  private mutating func append(
    _ page: Ref, _ payload: UnsafeRawBufferPointer, base: Ref?, _ volume: VolumeNumber,
    _ number: PageNumber
  ) throws(StoreError) -> Ref {
    if let base { references.insert(base.locator.name.segment) }
    let ref = try upload.append(
      page: page.hash, page.locator.form, payload, base: base, volume, number)
    placed.note(ref, of: page)
    progress.byteCount += UInt64(ref.locator.storedByteCount)
    return ref
  }

  // MARK: Nodes

  private mutating func place(
    _ ref: Ref, _ others: [Ref], volume: VolumeNumber?
  ) throws(StoreError) -> Ref {
    if ref.isHole { return .hole }
    if let same = others.first(where: { $0.hash == ref.hash }) { return same }
    if let done = nodes[ref.locator.name] { return done }
    let node = try tree.node(ref)
    let beside = try comparison.nodes(others, beside: node)
    let isAboveVolumes = node.header.kind == .tableNode && node.header.level == 0
    let refs = Node.allocateRefs()
    defer { refs.deallocate() }
    for (slot, child) in node.effectiveRefs {
      let below = comparison.children(slot, of: beside, node.header.level)
      refs[slot] = try place(
        child, below,
        volume: isAboveVolumes ? VolumeNumber(node.header.firstKey + UInt64(slot)) : volume)
    }
    let old = beside.first {
      $0.header.level == node.header.level && $0.header.kind == node.header.kind
    }
    let placed = try store(node.header, refs, volume ?? .names, old: old)
    nodes[ref.locator.name] = placed
    return placed
  }

  private mutating func store(
    _ header: NodeHeader, _ refs: UnsafeMutablePointer<Ref>, _ volume: VolumeNumber, old: Node?
  ) throws(StoreError) -> Ref {
    guard NodeCodec.identify(header, refs: refs, secret: tree.secret) == header.id else {
      throw StoreError(
        .corrupt, "a node of the branch would be another one in the pool", remedy: .damagedContent)
    }
    for slot in 0..<Node.slotCount where !refs[slot].isHole {
      references.insert(refs[slot].locator.name.segment)
    }
    let frame = NodeFrame(
      header, refs: refs, replacing: old, on: try content.foundation(of: old), codec)
    if let base = frame.base { references.insert(base.name.segment) }
    return try upload.append(frame, header, volume)
  }
}

extension StoreError {
  static let stopped = StoreError(.unavailable, "was told to stop")
}
