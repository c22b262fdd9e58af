internal import CoppiceFormat
internal import CoppicePlatform

// Reading ahead: while a thread waits for one frame, the kernel fetches the others that it is going
// to need. Segments are read through the kernel's cache, so asking is enough: it waits for nothing,
// needs no memory here, and what turns out wrong costs a read that nobody waits for.

extension FrameReader {
  /// A request of at least so many pages reads ahead.
  static let aheadPageCountMin = 4

  /// The page in the tree under a volume's top node; `nil` for a hole.
  func page(under top: Node, _ page: PageNumber) throws(StoreError) -> PageBuffer? {
    guard let leaf = try leaf(under: top, page) else { return nil }
    let slot = Radix.slot(of: page.rawValue, level: 0)
    let ref = leaf[slot]
    if ref.isHole { return nil }
    if ref.locator.form.isDerived, let base = likelyBase(leaf, slot),
      !pages.contains(ref.locator.name), !pages.contains(base.locator.name)
    {
      beginReading(Extent(base.locator))
    }
    return try self.page(ref)
  }

  /// A difference stands in a node of overrides, and its base, most likely, in the same slot of the
  /// node that this one builds on. What that node has there may be gone: then nothing is read.
  private func likelyBase(_ leaf: Node, _ slot: Int) -> Ref? {
    guard let base = leaf.base, let node = nodes.value(base.name) else { return nil }
    let ref = node[slot]
    return ref.isHole || ref.locator.form.isDerived ? nil : ref
  }

  /// Begins reading the frames of `pages` that are in no cache, neighbours together.
  func beginReading(under top: Node, _ pages: Range<UInt64>) throws(StoreError) {
    let pages = pages.clamped(to: 0..<Radix.coverage(level: top.header.level))
    var own: Extent?
    var bases: Extent?
    func take(_ ref: Ref, _ run: inout Extent?) {
      guard !ref.isHole, !self.pages.contains(ref.locator.name) else { return }
      let extent = Extent(ref.locator)
      if run?.join(extent) == true { return }
      if let run { beginReading(run) }
      run = extent
    }
    var number = pages.lowerBound
    while number < pages.upperBound {
      let end = min(pages.upperBound, (number | 0xFF) + 1)
      if let leaf = try leaf(under: top, PageNumber(number)) {
        for page in number..<end {
          let slot = Radix.slot(of: page, level: 0)
          take(leaf[slot], &own)
          if leaf[slot].locator.form.isDerived, let base = likelyBase(leaf, slot) {
            take(base, &bases)
          }
        }
      }
      number = end
    }
    for run in [own, bases] { if let run { beginReading(run) } }
  }

  /// A range of a segment's file.
  private struct Extent {
    /// Farther frames are not read for the gap between them.
    static let gapByteCountMax: UInt64 = 1 << 16

    let segment: SegmentID
    var range: Range<UInt64>

    init(_ locator: Locator) {
      segment = locator.name.segment
      let start = UInt64(locator.offset)
      range = start..<start + UInt64(locator.storedByteCount)
    }

    /// Whether `next`, which lies behind, became part of this one.
    mutating func join(_ next: Extent) -> Bool {
      guard next.segment == segment, next.range.lowerBound >= range.lowerBound,
        next.range.lowerBound <= range.upperBound + Self.gapByteCountMax
      else { return false }
      range = range.lowerBound..<max(range.upperBound, next.range.upperBound)
      return true
    }
  }

  /// Frames that a collection moved are read when they are asked for.
  private func beginReading(_ extent: Extent) {
    guard retired.hosts(of: extent.segment) == nil,
      let segment = try? segmentStore.open(extent.segment)
    else { return }
    segment.beginReading(offset: extent.range.lowerBound, byteCount: UInt64(extent.range.count))
  }
}
