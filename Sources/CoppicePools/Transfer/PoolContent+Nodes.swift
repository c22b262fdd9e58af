internal import CoppiceEngine
internal import CoppiceErrors
internal import CoppiceFormat
internal import CoppicePlatform

/// Nodes and segments of nodes that were read, bounded: past their limits all are let go of.
struct NodeTable {
  private static let nodeCountMax = 4096
  private static let byteCountMax = 64 << 20

  let codec = NodeCodec()
  private var nodes: [FrameName: Node] = [:]
  private var contents: [SegmentID: [UInt8]] = [:]
  private var byteCount = 0

  func node(_ name: FrameName) -> Node? { nodes[name] }

  mutating func insert(_ node: Node) {
    if nodes.count >= Self.nodeCountMax { nodes = [:] }
    nodes[node.locator.name] = node
  }

  func content(_ id: SegmentID) -> [UInt8]? { contents[id] }

  mutating func insert(_ content: [UInt8], _ id: SegmentID) {
    if byteCount + content.count > Self.byteCountMax {
      contents = [:]
      byteCount = 0
    }
    contents[id] = content
    byteCount += content.count
  }

  mutating func remove(_ id: SegmentID) {
    byteCount -= contents.removeValue(forKey: id)?.count ?? 0
  }
}

// Nodes lie in segments of their own, a hundredth of what pages take. So a node that is missing
// brings all of its segment.
extension PoolContent: NodeSource {
  func node(_ ref: Ref) throws(StoreError) -> Node {
    let node = try node(ref.locator)
    guard node.header.id == ref.hash else {
      throw damaged(ref.locator, "its content does not have the hash it was stored under")
    }
    return node
  }

  /// A node by its place alone, as bases are named.
  func node(_ locator: Locator) throws(StoreError) -> Node {
    if let known = nodeTable.withLock({ $0.node(locator.name) }) { return known }
    let id = locator.name.segment
    return try twice { () throws(StoreError) in
      do throws(StoreError) { return try read(locator, try nodeSegment(id)) } catch {
        // The copy here may be what is damaged.
        nodeTable.withLock { $0.remove(id) }
        cache?.remove([id])
        throw error
      }
    }
  }

  private func read(_ locator: Locator, _ content: [UInt8]) throws(StoreError) -> Node {
    let end = Int(locator.offset) + locator.storedByteCount
    guard end <= content.count else { throw damaged(locator, "its segment ends before it does") }
    let stored = content[Int(locator.offset)..<end]
    let isDerived = locator.form.encoding == .overridesOnBase
    let base = isDerived ? try node(try baseLocator(of: locator, stored)) : nil
    let refs = Node.allocateRefs()
    do throws(FormatError) {
      let header = try nodeTable.withLock { table throws(FormatError) in
        try stored.withBytes { bytes throws(FormatError) in
          if let base {
            return try table.codec.decodeOverrides(bytes, baseRefs: base.refs, into: refs)
          }
          return try table.codec.decodeFull(bytes, into: refs)
        }
      }
      guard NodeCodec.identify(header, refs: refs, secret: secret) == header.id else {
        throw FormatError.malformed(what: "node")
      }
      let node = Node(header: header, refs: refs, locator: locator, base: base?.locator)
      nodeTable.withLock { $0.insert(node) }
      return node
    } catch {
      refs.deallocate()
      throw damaged(locator, "is not what was stored", cause: "\(error)")
    }
  }

  private func baseLocator(
    of locator: Locator, _ stored: ArraySlice<UInt8>
  ) throws(StoreError) -> Locator {
    do throws(FormatError) {
      return try stored.withBytes { bytes throws(FormatError) in
        try NodeCodec.baseLocator(of: bytes)
      }
    } catch {
      throw damaged(locator, "is not what was stored", cause: "\(error)")
    }
  }

  private func nodeSegment(_ id: SegmentID) throws(StoreError) -> [UInt8] {
    if let known = nodeTable.withLock({ $0.content(id) }) { return known }
    let content: [UInt8]
    if let cached = cache?.bytes(.nodes, id) {
      content = cached
    } else {
      content = try self.content(of: id)
      cache?.insert(content, .nodes, id)
    }
    nodeTable.withLock { $0.insert(content, id) }
    return content
  }

  /// The nodes that lie on what a place of the tree has in the pool: that itself, and the full one
  /// that a new node may be stored on.
  func foundation(of node: Node?) throws(StoreError) -> Node? {
    guard let node else { return nil }
    guard let base = node.base else { return node }
    return try self.node(base)
  }
}

extension ArraySlice<UInt8> {
  /// As `withUnsafeBytes`, with a typed error.
  func withBytes<Result, Failure: Error>(
    _ body: (UnsafeRawBufferPointer) throws(Failure) -> Result
  ) throws(Failure) -> Result {
    try span.bytes.withUnsafeBytes(body)
  }
}
