internal import CoppiceFormat

/// Finds everything reachable from roots. A node is visited once, however many roots share it; the
/// node's checksum is verified when it is read. The full node that another builds on is visited too,
/// so what its overrides hide stays until the node is stored in full again.
///
/// A node that cannot be read is reported, and everything it could refer to, all frames of its
/// domain with smaller names, counts as live in this cycle.
struct MarkWalk {
  let frames: FrameReader
  let cycle: CollectionCycle
  let domain: (SegmentID) -> DomainID?
  private(set) var unreadable: [FrameName] = []
  /// By domain: frames up to this name count as live.
  private(set) var liveThrough: [DomainID: FrameName] = [:]

  init(
    frames: FrameReader, cycle: CollectionCycle, domain: @escaping (SegmentID) -> DomainID?
  ) {
    self.frames = frames
    self.cycle = cycle
    self.domain = domain
  }

  mutating func visit(_ ref: Ref) {
    guard !ref.isHole, cycle.mark(ref.locator.name), ref.locator.form.kind != .page else { return }
    do throws(StoreError) {
      let node = try frames.node(ref)
      if let base = node.base, cycle.mark(base.name) {
        visitChildren(of: try frames.baseNode(base))
      }
      visitChildren(of: node)
    } catch {
      let name = ref.locator.name
      unreadable.append(name)
      if let domain = domain(name.segment) {
        liveThrough[domain] = max(liveThrough[domain] ?? name, name)
      }
    }
  }

  private mutating func visitChildren(of node: Node) {
    for slot in 0..<Node.slotCount { visit(node.refs[slot]) }
  }
}
