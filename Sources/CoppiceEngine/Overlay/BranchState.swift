internal import CoppiceFormat
internal import CoppicePlatform

/// A branch at one moment: the sealed part and the frozen layers above it. Immutable.
///
/// A lookup asks the layers from the top down, then the root. It begins with what is known above:
/// by a branch's open layer, whose lock is held for no longer than to ask it, or by a change.
struct SealedState: Sendable {
  var root: RootView
  var frozen: LayerStack

  /// - Parameter above: outer `nil`: the volume is not known there; inner `nil`: it was dropped.
  func attributes(
    of volume: VolumeNumber, above: VolumeAttributes?? = nil
  ) throws(StoreError) -> VolumeAttributes? {
    if let answer = above ?? frozen.attributes(of: volume) { return answer }
    return try root.attributes(of: volume)
  }

  /// Takes in a durable publish: drops the lowest layers if they are these, on this root. Returns
  /// whether they are.
  @discardableResult
  mutating func applyPublish(of layers: [Layer], oldRoot: Ref, newRoot: RootView) -> Bool {
    guard root.root == oldRoot, frozen.begins(with: layers) else { return false }
    self = SealedState(root: newRoot, frozen: frozen.removingLowest(layers.count))
    return true
  }

  /// `nil` stands for a page of zeros.
  func page(
    _ above: VolumeLayer.Answer, _ volume: VolumeNumber, _ page: PageNumber,
    _ frames: FrameReader
  ) throws(StoreError) -> PageBuffer? {
    // An answer is handed on, never copied: that would retain the page.
    guard above.isBelow else { return try found(above, volume, page, frames) }
    return try found(frozen.lookup(volume, page), volume, page, frames)
  }

  /// - Parameter answer: of all layers.
  private func found(
    _ answer: VolumeLayer.Answer, _ volume: VolumeNumber, _ page: PageNumber,
    _ frames: FrameReader
  ) throws(StoreError) -> PageBuffer? {
    switch answer {
    case .page(.bytes(let buffer)): return buffer
    case .page(.shared(let ref)): return try frames.page(ref)
    case .page(.unreadable(let error)): throw error
    case .hole: return nil
    case .adopted(let top):
      return try frames.page(under: try frames.node(top), page)
    case .below:
      guard let top = try root.top(volume) else { return nil }
      return try frames.page(under: top, page)
    }
  }

  /// Begins reading what pages that are read next will need. Layers that hide some of them are not
  /// looked at.
  func beginReading(_ volume: VolumeNumber, _ pages: Range<UInt64>, _ frames: FrameReader)
    throws(StoreError)
  {
    guard let top = try root.top(volume) else { return }
    try frames.beginReading(under: top, pages)
  }
}

/// What a branch holds in RAM: the sealed state and the layer that takes writes.
struct BranchState: Sendable {
  var sealed: SealedState
  var open: Layer

  /// Copies from a page whose content is in RAM; see `CachedRead`.
  func copyCached(_ read: CachedRead, core: Int) -> Int? {
    var byteCount: UInt64?
    if !open.isEmpty, let part = open[read.volume] {
      guard let attributes = part.attributes else { return 0 }
      byteCount = attributes.byteCount
      switch copyCached(read, part.lookup(PageNumber(read.page)), attributes.byteCount) {
      case .done(let count): return count
      case .below: break
      case .elsewhere: return nil
      }
    }
    if !sealed.frozen.isEmpty {
      if byteCount == nil, let attributes = sealed.frozen.attributes(of: read.volume) {
        guard let attributes else { return 0 }
        byteCount = attributes.byteCount
      }
      let answer = sealed.frozen.lookup(read.volume, PageNumber(read.page))
      switch copyCached(read, answer, byteCount ?? .max) {
      case .done(let count): return count
      case .below: break
      case .elsewhere: return nil
      }
    }
    return sealed.root.copyCached(read, byteCount: byteCount, core: core)
  }

  private enum LayerOutcome {
    case done(Int)
    case below
    case elsewhere
  }

  private func copyCached(
    _ read: CachedRead, _ answer: VolumeLayer.Answer, _ end: UInt64
  ) -> LayerOutcome {
    let count = read.count(before: end)
    switch answer {
    case .page(.bytes(let buffer)):
      read.copy(count, from: buffer.bytes)
      return .done(count)
    case .hole:
      read.zero(count)
      return .done(count)
    case .below: return .below
    case .page(.shared), .page(.unreadable), .adopted: return .elsewhere
    }
  }
}
