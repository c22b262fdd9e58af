package import CoppiceFormat
internal import CoppicePlatform

/// How much of a volume is stored, nearly, for listings of files: cheap where nothing is a hole,
/// and exact where large parts are.
///
/// Never less than what is stored: pages that layers hold are taken for more than the tree has,
/// until they are sealed. A node of the tree that stands for pages without a hole is not looked
/// into.
struct StoredCount {
  /// Leaves that are looked at in a volume that seems to have no holes.
  private static let denseLeafCountMax: UInt64 = 16
  /// Nodes that are looked at in one that has some.
  private static let nodeCountMax = 256

  private let pageByteCount: UInt64
  private var layerPageCount = 0
  private var holes = IntervalSet()
  private var descent = VolumeDescent()

  init(pageByteCount: Int) { self.pageByteCount = UInt64(pageByteCount) }

  /// Adds what a layer holds of the volume, topmost first.
  mutating func add(_ part: VolumeLayer) {
    guard descent.enter(part) else { return }
    layerPageCount += part.pages.count
    for range in part.holes.ranges { holes.insert(range) }
  }

  /// The stored bytes, once all layers are added.
  func byteCount(
    of volume: VolumeNumber, _ attributes: VolumeAttributes, below root: RootView,
    _ frames: FrameReader
  ) throws(StoreError) -> UInt64 {
    let end = attributes.byteCount
    let pageCount = (end + pageByteCount - 1) / pageByteCount
    var count = UInt64(layerPageCount)
    if count < pageCount, let top = try descent.top(of: volume, below: root, frames) {
      count += try pages(below: top, pageCount, frames)
    }
    return count < pageCount ? min(end, count * pageByteCount) : end
  }

  /// Pages that a volume's tree stores and no layer hides.
  private func pages(
    below top: Node, _ pageCount: UInt64, _ frames: FrameReader
  ) throws(StoreError) -> UInt64 {
    var search = Search(holes: holes, pageCount: pageCount, frames: frames)
    guard top.header.level > 0 else { return try search.pages(below: top) }
    if holes.isEmpty, let known = top.storedPageCount { return known }
    var count = try search.pages(below: top)
    let leafCount = (pageCount + Radix.coverage(level: 0) - 1) / Radix.coverage(level: 0)
    if count < pageCount || leafCount <= Self.denseLeafCountMax {
      search.nodeCountMax = Self.nodeCountMax
      count = try search.pages(below: top)
    }
    if holes.isEmpty { top.storedPageCount = count }
    return count
  }

  private struct Search {
    let holes: IntervalSet
    let pageCount: UInt64
    let frames: FrameReader
    /// How many more nodes may be read; without them, children count as if they had no holes.
    var nodeCountMax = 0

    mutating func pages(below node: Node) throws(StoreError) -> UInt64 {
      let span = Radix.slotCoverage(level: node.header.level)
      var count: UInt64 = 0
      for slot in 0..<Node.slotCount where !node.refs[slot].isHole {
        let first = node.header.firstKey + UInt64(slot) * span
        guard first < pageCount else { break }
        if !holes.isEmpty, holes.contains(first..<first + span) { continue }
        if span > 1, nodeCountMax > 0 {
          nodeCountMax -= 1
          count += try pages(below: try frames.node(node.refs[slot]))
        } else {
          count += min(span, pageCount - first)
        }
      }
      return count
    }
  }
}

extension EngineBranch {
  /// About how many bytes of a volume are stored: never fewer than are, and at most its byte count.
  package func storedByteCount(of volume: VolumeNumber) throws(StoreError) -> UInt64 {
    while true {
      let generation = core.retired.generation
      var count = StoredCount(pageByteCount: pageByteCount)
      let (open, sealed) = state.withReadLock { state, _ -> (VolumeAttributes??, SealedState) in
        guard let part = state.open[volume] else { return (nil, state.sealed) }
        count.add(part)
        return (part.attributes, state.sealed)
      }
      for layer in sealed.frozen.layers.reversed() {
        if let part = layer[volume] { count.add(part) }
      }
      do throws(StoreError) {
        guard let attributes = try sealed.attributes(of: volume, above: open) else { return 0 }
        return try count.byteCount(of: volume, attributes, below: sealed.root, core.frames)
      } catch {
        // As for a read: a collection may have removed a node that this state still named.
        guard core.retired.generation != generation else { throw error }
      }
    }
  }
}
