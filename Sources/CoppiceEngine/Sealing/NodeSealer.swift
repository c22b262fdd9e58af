internal import CoppiceFormat
internal import CoppicePlatform

/// Stores nodes: in full, or as overrides on the full node that the old version builds on.
struct NodeSealer {
  let context: SealContext

  /// What the node is, and which place of the tree it takes.
  struct Content {
    var kind: FrameKind
    var level: UInt8
    var firstKey: UInt64
    /// Of a volume's top node; else nil.
    var attributes: VolumeAttributes?
    var volume: VolumeNumber
  }

  /// Appends the node unless it equals `old`, and returns its ref. A node without children is a
  /// hole, but for a volume's top node.
  func seal(
    _ content: Content, refs: UnsafeMutablePointer<Ref>, old: Ref, counts: inout SealCounts
  ) throws(StoreError) -> Ref {
    // A damaged old node only means that nothing can be built on it.
    let oldNode = old.isHole ? nil : try readable(context.frames.node(old))
    let isEmpty = (0..<Node.slotCount).allSatisfy { refs[$0].isHole }
    if isEmpty, content.attributes == nil {
      if let oldNode { context.replaced.count(oldNode, by: refs, &counts) }
      return .hole
    }
    var header = NodeHeader(
      kind: content.kind, level: content.level, firstKey: content.firstKey,
      byteCount: content.attributes?.byteCount ?? 0, modified: content.attributes?.modified ?? 0,
      id: .hole)
    header.id = NodeCodec.identify(header, refs: refs, secret: context.frames.secret)
    if let oldNode, header.id == old.hash, Self.areEqual(refs, oldNode.refs) { return old }
    if let oldNode { context.replaced.count(oldNode, by: refs, &counts) }
    let base = if let oldNode { try baseNode(of: oldNode) } else { Node?.none }
    return try context.frames.codecs.withSet { set throws(StoreError) in
      let node = NodeFrame(header, refs: refs, replacing: oldNode, on: base, set.nodes)
      let locator = try append(node, header, content.volume)
      counts.nodeCount += 1
      counts.nodeByteCount += node.stored.count
      remember(header, refs, locator, base: node.base)
      return Ref(hash: header.id, locator: locator)
    }
  }

  private func baseNode(of old: Node) throws(StoreError) -> Node? {
    guard let base = old.base else { return old }
    return try readable(context.frames.baseNode(base))
  }

  private static func areEqual(_ a: UnsafeMutablePointer<Ref>, _ b: UnsafePointer<Ref>) -> Bool {
    (0..<Node.slotCount).allSatisfy { a[$0] == b[$0] }
  }

  private func append(
    _ node: NodeFrame, _ header: NodeHeader, _ volume: VolumeNumber
  ) throws(StoreError) -> Locator {
    try node.stored.withBytes { bytes throws(StoreError) in
      try context.appender.append(node.pending(bytes, header, volume))
    }
  }

  /// The next seal of this node finds it in the cache.
  private func remember(
    _ header: NodeHeader, _ refs: UnsafeMutablePointer<Ref>, _ locator: Locator, base: Locator?
  ) {
    let copy = Node.allocateRefs()
    copy.update(from: refs, count: Node.slotCount)
    context.frames.nodes.insert(
      Node(header: header, refs: copy, locator: locator, base: base), name: locator.name,
      hash: header.id)
  }
}

extension SegmentAppender {
  /// Appends one frame.
  func append(_ frame: PendingFrame) throws(StoreError) -> Locator {
    var locator = Locator.hole
    try withUnsafePointer(to: frame) { pointer throws(StoreError) in
      try withUnsafeMutablePointer(to: &locator) { target throws(StoreError) in
        try append(
          UnsafeBufferPointer(start: pointer, count: 1),
          locators: UnsafeMutableBufferPointer(start: target, count: 1))
      }
    }
    return locator
  }
}
