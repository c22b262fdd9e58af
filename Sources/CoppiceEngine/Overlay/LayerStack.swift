internal import CoppiceFormat
internal import Synchronization

/// The frozen layers of a branch, bottom first. Immutable; branches that forked from one another
/// share the object itself.
///
/// A lookup visits at most three layers one by one. Over that, the first lookup builds an index:
/// the topmost answer for every page of every volume. Layers keep their identity, so an index
/// neither waits for a seal nor undoes one, and a thousand forks of a writer stay cheap to read.
final class LayerStack: Sendable {
  static let empty = LayerStack([])
  static let scannedLayerCountMax = 3

  let layers: [Layer]
  private let index = Mutex<LayerIndex?>(nil)

  init(_ layers: [Layer]) {
    self.layers = layers
  }

  var isEmpty: Bool { layers.isEmpty }
  var bottom: Layer? { layers.first }

  func pushing(_ layer: Layer) -> LayerStack { LayerStack(layers + [layer]) }

  func removingBottom() -> LayerStack {
    layers.count == 1 ? .empty : LayerStack(Array(layers.dropFirst()))
  }

  func lookup(_ volume: VolumeNumber, _ page: PageNumber) -> VolumeLayer.Answer {
    if layers.count > Self.scannedLayerCountMax {
      return builtIndex().lookup(volume, page)
    }
    for layer in layers.reversed() {
      guard let part = layer[volume] else { continue }
      let answer = part.lookup(page)
      if case .below = answer { continue }
      return answer
    }
    return .below
  }

  /// The attributes that the topmost layer which knows the volume gives it. Outer `nil`: no layer
  /// knows it; inner `nil`: it was dropped.
  func attributes(of volume: VolumeNumber) -> VolumeAttributes?? {
    for layer in layers.reversed() {
      if let part = layer[volume] { return .some(part.attributes) }
    }
    return nil
  }

  private func builtIndex() -> LayerIndex {
    index.withLock { slot in
      if let slot { return slot }
      let built = LayerIndex(layers)
      slot = built
      return built
    }
  }
}

/// The union of several frozen layers: one part per volume.
private final class LayerIndex: Sendable {
  // Parts are filled in `init` and only read afterwards.
  nonisolated(unsafe) private let parts: [VolumeNumber: VolumeLayer]

  init(_ layers: [Layer]) {
    var parts: [VolumeNumber: VolumeLayer] = [:]
    for layer in layers {
      for (volume, part) in layer.volumes {
        let union = parts[volume] ?? VolumeLayer(attributes: nil)
        _ = union.merge(part)
        parts[volume] = union
      }
    }
    self.parts = parts
  }

  func lookup(_ volume: VolumeNumber, _ page: PageNumber) -> VolumeLayer.Answer {
    parts[volume]?.lookup(page) ?? .below
  }
}
