internal import CoppiceFormat
internal import Synchronization

/// The frozen layers of a branch, bottom first. Immutable; branches that forked from one another
/// share the object itself.
///
/// A lookup visits at most three layers one by one. Over that, the first lookup in a volume builds
/// the union of its parts: the topmost answer for every page. A stack with one more layer goes on
/// with the unions of the volumes that this layer leaves alone. Layers keep their identity, so a
/// union neither waits for a seal nor undoes one, and a thousand forks of a writer stay cheap to
/// read.
final class LayerStack: Sendable {
  static let empty = LayerStack([])
  static let scannedLayerCountMax = 3

  let layers: [Layer]
  private let unions: Mutex<Unions>

  /// Parts are filled before they get here and only read afterwards.
  private struct Unions: @unchecked Sendable {
    var parts = IntegerMap<VolumeLayer>()
  }

  private init(_ layers: [Layer], _ unions: Unions = Unions()) {
    self.layers = layers
    self.unions = Mutex(unions)
  }

  static func of(_ layers: [Layer]) -> LayerStack {
    layers.isEmpty ? .empty : LayerStack(layers)
  }

  var isEmpty: Bool { layers.isEmpty }
  var bottom: Layer? { layers.first }

  func pushing(_ layer: Layer) -> LayerStack {
    var kept = unions.withLock { $0 }
    layer.volumes.forEach { volume, _ in kept.parts.remove(volume) }
    return LayerStack(layers + [layer], kept)
  }

  func removingLowest(_ count: Int) -> LayerStack {
    .of(Array(layers.dropFirst(count)))
  }

  func begins(with lowest: [Layer]) -> Bool {
    layers.count >= lowest.count && zip(layers, lowest).allSatisfy { $0 === $1 }
  }

  func lookup(_ volume: VolumeNumber, _ page: PageNumber) -> VolumeLayer.Answer {
    if layers.isEmpty { return .below }
    if layers.count > Self.scannedLayerCountMax {
      return union(of: volume).lookup(page)
    }
    return layers.lookup(volume, page)
  }

  /// As of the layers.
  func attributes(of volume: VolumeNumber) -> VolumeAttributes?? {
    layers.attributes(of: volume)
  }

  /// The newest record in these layers that changed the volume.
  func lastLSN(of volume: VolumeNumber) -> LSN {
    for layer in layers.reversed() {
      if let part = layer[volume] { return part.lastLSN }
    }
    return .zero
  }

  var byteCount: Int { layers.reduce(0) { $0 + $1.byteCount } }

  private func union(of volume: VolumeNumber) -> VolumeLayer {
    unions.withLock { unions in
      if let known = unions.parts[volume.rawValue] { return known }
      let union = VolumeLayer(attributes: nil)
      for layer in layers {
        if let part = layer[volume] { _ = union.merge(part) }
      }
      unions.parts.insert(union, at: volume.rawValue)
      return union
    }
  }
}

/// Layers that lie upon each other, bottom first.
extension [Layer] {
  func lookup(_ volume: VolumeNumber, _ page: PageNumber) -> VolumeLayer.Answer {
    for layer in reversed() {
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
    for layer in reversed() {
      if let part = layer[volume] { return .some(part.attributes) }
    }
    return nil
  }
}
