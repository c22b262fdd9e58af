internal import CoppiceFormat
internal import CoppicePlatform

/// A branch at one moment: the sealed part and the frozen layers above it. Immutable.
///
/// A lookup asks the layers from the top down, then the root.
struct SealedState: Sendable {
  var root: RootView
  var frozen: LayerStack

  func attributes(of volume: VolumeNumber) throws(StoreError) -> VolumeAttributes? {
    if let answer = frozen.attributes(of: volume) { return answer }
    return try root.attributes(of: volume)
  }

  /// `nil` stands for a page of zeros.
  func page(_ volume: VolumeNumber, _ page: PageNumber, _ frames: FrameReader)
    throws(StoreError) -> PageBuffer?
  {
    try self.page(frozen.isEmpty ? .below : frozen.lookup(volume, page), volume, page, frames)
  }

  /// The page, given what the layers answered.
  func page(
    _ answer: VolumeLayer.Answer, _ volume: VolumeNumber, _ page: PageNumber,
    _ frames: FrameReader
  ) throws(StoreError) -> PageBuffer? {
    switch answer {
    case .page(.bytes(let buffer)): return buffer
    case .page(.shared(let ref)): return try frames.page(ref)
    case .hole: return nil
    case .adopted(let top):
      guard let ref = try frames.pageRef(under: try frames.node(top), page) else { return nil }
      return try frames.page(ref)
    case .below:
      guard let ref = try root.pageRef(volume, page) else { return nil }
      return try frames.page(ref)
    }
  }
}

/// What a branch holds in RAM: the sealed state and the layer that takes writes.
struct BranchState: Sendable {
  var sealed: SealedState
  var open: Layer
}
