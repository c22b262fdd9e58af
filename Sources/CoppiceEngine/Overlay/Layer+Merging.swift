internal import CoppiceFormat

extension Layer {
  /// Layers of one branch, bottom first, laid over one another: what is hidden is not there any
  /// more. The layers themselves stay as they are, and share their pages with it.
  static func merging(_ layers: [Layer]) -> Layer {
    precondition(!layers.isEmpty, "nothing to merge")
    let bottom = layers[0]
    let merged = Layer(
      writer: bottom.writer, from: bottom.from, through: layers[layers.count - 1].through,
      meter: OverlayMeter())
    for layer in layers { merged.lay(layer) }
    return merged
  }

  /// What a seal of the layer takes at most: each page by itself, a node for each leaf of 256 pages
  /// that changes and for each node above it, and what a bundle adds.
  func sealedByteCountMax(_ pageByteCount: Int) -> UInt64 {
    var pageCount = 0
    var nodeCount = 0
    var tables: Set<UInt64> = []
    volumes.forEach { volume, part in
      for level in 1...5 as ClosedRange<UInt64> {
        tables.insert(level << 58 | volume >> (8 * level))
      }
      pageCount += part.pages.count
      nodeCount += part.nodeCountMax
    }
    let perPage = pageByteCount + Self.directoryEntryByteCountMax
    return UInt64(
      pageCount * perPage
        + (nodeCount + tables.count)
        * (NodeCodec.storedByteCountMax + Self.directoryEntryByteCountMax))
  }

  static let directoryEntryByteCountMax = 64
}

extension VolumeLayer {
  /// Nodes of the volume's tree that a seal writes at most.
  fileprivate var nodeCountMax: Int {
    // The top of a volume that grew may lie higher than its changes.
    var count = 5
    var last = [UInt64](repeating: .max, count: 5)
    for page in pages.sortedKeys() {
      for level in 0..<5 where last[level] != page >> (8 * UInt64(level + 1)) {
        last[level] = page >> (8 * UInt64(level + 1))
        count += 1
      }
    }
    // Of a hole only the leaves at its ends, and what is above them, are written again.
    return count + holes.ranges.count * 10
  }
}
