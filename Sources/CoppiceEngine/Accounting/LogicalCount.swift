internal import CoppiceFormat

/// Counts the volumes of states and their bytes, without the volume of names; table nodes that
/// states share are counted once.
struct LogicalCount {
  struct Total {
    var byteCount: UInt64 = 0
    var volumeCount = 0
  }

  private let frames: FrameReader
  private var known: [FrameName: Total] = [:]

  init(frames: FrameReader) { self.frames = frames }

  mutating func total(of entry: StoreMoment.Entry) throws(StoreError) -> Total {
    var total = try total(below: entry.root.root)
    for (volume, attributes) in entry.overlay.attributes where volume != .names {
      if let old = try entry.root.attributes(of: volume) {
        total.byteCount -= old.byteCount
        total.volumeCount -= 1
      }
      if let attributes {
        total.byteCount += attributes.byteCount
        total.volumeCount += 1
      }
    }
    return total
  }

  mutating func total(below ref: Ref) throws(StoreError) -> Total {
    if ref.isHole { return Total() }
    let node = try frames.node(ref)
    if node.header.kind == .volumeNode {
      return Total(byteCount: node.header.byteCount, volumeCount: 1)
    }
    if let known = known[ref.locator.name] { return known }
    var total = Total()
    let isFirst = node.header.level == 0 && node.header.firstKey == VolumeNumber.names.rawValue
    for (slot, child) in node.effectiveRefs where slot > 0 || !isFirst {
      let part = try self.total(below: child)
      total.byteCount += part.byteCount
      total.volumeCount += part.volumeCount
    }
    known[ref.locator.name] = total
    return total
  }
}
