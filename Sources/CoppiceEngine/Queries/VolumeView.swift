package import CoppiceFormat
internal import CoppicePlatform
internal import Synchronization

/// One volume of a branch at one moment: what layers hold of it, top down, and the tree below them.
struct VolumeView {
  /// A layer's part of the volume; `layer` is `nil` for one that may still change.
  struct Part {
    var layer: Layer?
    var pages: PageRanges
    var holes: PageRanges
    var replaces: Bool
  }

  /// What the branch's open layer has of the volume, copied under its lock.
  struct Open {
    var part: Part
    var attributes: VolumeAttributes?
    var descent = VolumeDescent()

    init(_ layer: VolumeLayer) {
      part = Part(layer, of: nil)
      attributes = layer.attributes
      _ = descent.enter(layer)
    }
  }

  private let frames: FrameReader
  private let state: SealedState
  let volume: VolumeNumber
  let attributes: VolumeAttributes?
  let parts: [Part]
  let top: Node?

  /// - Parameter open: what an open layer above the state has.
  init(
    _ state: SealedState, _ volume: VolumeNumber, open: Open? = nil, frames: FrameReader
  ) throws(StoreError) {
    self.state = state
    self.volume = volume
    self.frames = frames
    var parts = open.map { [$0.part] } ?? []
    var descent = open?.descent ?? VolumeDescent()
    for layer in state.frozen.layers.reversed() {
      guard let part = layer[volume] else { continue }
      guard descent.enter(part) else { break }
      parts.append(Part(part, of: layer))
    }
    self.parts = parts
    top = try descent.top(of: volume, below: state.root, frames)
    attributes = try state.attributes(of: volume, above: open.map(\.attributes))
  }

  /// The pages that are not holes, within `pages`.
  func storedPages(in pages: Range<UInt64>) throws(StoreError) -> PageRanges {
    var stored = PageRanges()
    if let top { try collect(top, in: pages, into: &stored) }
    for part in parts.reversed() {
      stored = stored.subtracting(part.holes).union(part.pages)
    }
    return stored.clamped(to: pages)
  }

  /// As bytes, as far as they lie in `range` and before the volume's end.
  func storedRanges(
    in range: Range<UInt64>, pageByteCount: Int
  ) throws(StoreError) -> [Range<UInt64>] {
    let wanted = range.clamped(to: 0..<(attributes?.byteCount ?? 0))
    guard !wanted.isEmpty else { return [] }
    let unit = UInt64(pageByteCount)
    let pages = wanted.lowerBound / unit..<(wanted.upperBound + unit - 1) / unit
    return try storedPages(in: pages).ranges.map {
      ($0.lowerBound * unit..<$0.upperBound * unit).clamped(to: wanted)
    }
  }

  private func collect(
    _ node: Node, in pages: Range<UInt64>, into stored: inout PageRanges
  ) throws(StoreError) {
    let level = node.header.level
    let step = Radix.slotCoverage(level: level)
    for slot in 0..<Node.slotCount {
      let first = node.header.firstKey + UInt64(slot) * step
      guard first < pages.upperBound else { return }
      guard first + step > pages.lowerBound else { continue }
      let ref = node[slot]
      if ref.isHole { continue }
      if level == 0 {
        stored.append(first..<first + 1)
      } else {
        try collect(try frames.node(ref), in: pages, into: &stored)
      }
    }
  }

  /// What a page is, without reading what is stored.
  enum Content {
    case hole
    case stored(Ref)
    case bytes(PageBuffer)
  }

  func content(_ page: PageNumber) throws(StoreError) -> Content {
    switch state.frozen.lookup(volume, page) {
    case .page(.bytes(let buffer)): return .bytes(buffer)
    case .page(.shared(let ref)): return .stored(ref)
    case .page(.unreadable(let error)): throw error
    case .hole: return .hole
    case .adopted, .below:
      guard let top, let ref = try frames.pageRef(under: top, page) else { return .hole }
      return .stored(ref)
    }
  }
}

extension VolumeView.Part {
  init(_ part: VolumeLayer, of layer: Layer?) {
    self.init(
      layer: layer, pages: PageRanges(pages: part.pages.sortedKeys()),
      holes: PageRanges(ascending: part.holes.ranges), replaces: part.replaces)
  }
}

extension EngineBranch {
  /// The ranges of a volume that are not holes, ascending, by whole pages, as far as they lie in
  /// `range` and before the volume's end.
  package func storedRanges(
    of volume: VolumeNumber, in range: Range<UInt64>
  ) throws(StoreError) -> [Range<UInt64>] {
    let (open, sealed) = state.withLock { state in
      (state.open[volume].map(VolumeView.Open.init), state.sealed)
    }
    let view = try VolumeView(sealed, volume, open: open, frames: core.frames)
    return try view.storedRanges(in: range, pageByteCount: pageByteCount)
  }
}
