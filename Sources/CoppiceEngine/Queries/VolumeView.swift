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

  private let frames: FrameReader
  private let state: SealedState
  let volume: VolumeNumber
  let attributes: VolumeAttributes?
  let parts: [Part]
  let top: Node?

  /// - Parameter open: the part of the branch's open layer, copied under its lock.
  init(
    _ state: SealedState, _ volume: VolumeNumber, open: (part: Part, adopted: Ref?)? = nil,
    attributes openAttributes: VolumeAttributes? = nil, frames: FrameReader
  ) throws(StoreError) {
    self.state = state
    self.volume = volume
    self.frames = frames
    var parts: [Part] = []
    var isReplaced = false
    var adopted: Ref?
    if let open {
      parts.append(open.part)
      isReplaced = open.part.replaces
      adopted = open.adopted
    }
    for layer in state.frozen.layers.reversed() where !isReplaced {
      guard let part = layer[volume] else { continue }
      parts.append(Part(part, of: layer))
      isReplaced = part.replaces
      adopted = part.adopted
    }
    self.parts = parts
    if isReplaced {
      top = try adopted.map { ref throws(StoreError) in try frames.node(ref) }
    } else {
      top = try state.root.top(volume)
    }
    attributes = open == nil ? try state.attributes(of: volume) : openAttributes
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
    let answer: VolumeLayer.Answer =
      state.frozen.isEmpty ? .below : state.frozen.lookup(volume, page)
    switch answer {
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
    let (open, openAttributes, sealed) = state.withLock { state in
      let part = state.open[volume]
      return (
        part.map { (part: VolumeView.Part($0, of: nil), adopted: $0.adopted) }, part?.attributes,
        state.sealed
      )
    }
    let view = try VolumeView(
      sealed, volume, open: open, attributes: openAttributes, frames: core.frames)
    return try view.storedRanges(in: range, pageByteCount: pageByteCount)
  }
}
