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

  static func of(_ layers: [Layer]) -> LayerStack {
    layers.isEmpty ? .empty : LayerStack(layers)
  }

  var isEmpty: Bool { layers.isEmpty }
  var bottom: Layer? { layers.first }

  func pushing(_ layer: Layer) -> LayerStack { LayerStack(layers + [layer]) }

  func removingBottom() -> LayerStack {
    .of(Array(layers.dropFirst()))
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

  /// The newest record in these layers that changed the volume.
  func lastLSN(of volume: VolumeNumber) -> LSN {
    for layer in layers.reversed() {
      if let part = layer[volume] { return part.lastLSN }
    }
    return .zero
  }

  var byteCount: Int { layers.reduce(0) { $0 + $1.byteCount } }

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
  nonisolated(unsafe) private let parts: IntegerMap<VolumeLayer>

  init(_ layers: [Layer]) {
    var parts = IntegerMap<VolumeLayer>()
    for layer in layers {
      layer.volumes.forEach { volume, part in
        let union = parts[volume] ?? VolumeLayer(attributes: nil)
        _ = union.merge(part)
        parts.insert(union, at: volume)
      }
    }
    self.parts = parts
  }

  func lookup(_ volume: VolumeNumber, _ page: PageNumber) -> VolumeLayer.Answer {
    parts[volume.rawValue]?.lookup(page) ?? .below
  }
}
