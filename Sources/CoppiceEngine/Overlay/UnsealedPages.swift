internal import CoppiceFormat

/// Pages that are in memory and in the journal only, by the layer that has them: layers are shared,
/// and each counts once.
struct UnsealedPages {
  private(set) var counts: [ObjectIdentifier: Int] = [:]

  /// The caller holds the lock that guards the layer.
  mutating func add(_ layer: Layer) {
    let count = layer.unsealedPageCount
    if count > 0 { counts[ObjectIdentifier(layer)] = count }
  }

  mutating func formUnion(_ other: UnsealedPages) {
    counts.merge(other.counts) { first, _ in first }
  }

  mutating func subtract(_ other: UnsealedPages) {
    for layer in other.counts.keys { counts[layer] = nil }
  }

  var count: UInt64 { UInt64(counts.values.reduce(0, +)) }

  func byteCount(_ pageByteCount: Int) -> UInt64 { count * UInt64(pageByteCount) }
}

extension Layer {
  /// Pages whose bytes the layer has itself.
  fileprivate var unsealedPageCount: Int {
    var count = 0
    volumes.forEach { _, part in
      part.pages.forEach { _, page in
        if case .bytes = page { count += 1 }
      }
    }
    return count
  }
}
