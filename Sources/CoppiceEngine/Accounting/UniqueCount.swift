internal import CoppiceFormat

/// Counts the bytes of files' different pages: a stored page once, however many files share it, and
/// of a file's last page no more than the file has. So one state never counts more than its files
/// hold.
struct UniqueCount {
  private(set) var byteCount: UInt64 = 0
  private let frames: FrameReader
  private let visited = FrameSet()
  private let unit: UInt64

  init(frames: FrameReader) {
    self.frames = frames
    unit = UInt64(frames.pageByteCount)
  }

  mutating func add(_ entry: StoreMoment.Entry) throws(StoreError) {
    try addTable(entry.root.root, entry.overlay.attributes)
    for overlay in entry.overlay.refs where overlay.volume != .names {
      guard let end = entry.overlay.attributes[overlay.volume]??.byteCount else { continue }
      if let page = overlay.page {
        addPage(overlay.ref, page.rawValue, end)
      } else {
        try addVolume(overlay.ref, end, isShared: false)
      }
    }
  }

  /// - Parameter changed: volumes that layers have changed, with what they are now.
  private mutating func addTable(_ ref: Ref, _ changed: [VolumeNumber: VolumeAttributes?])
    throws(StoreError)
  {
    if ref.isHole { return }
    // Where a layer hides some of it, the next state may count more.
    if changed.isEmpty, !visited.insert(ref.locator.name) { return }
    let node = try frames.node(ref)
    let step = Radix.slotCoverage(level: node.header.level)
    for (slot, ref) in node.effectiveRefs {
      let volume = VolumeNumber(node.header.firstKey + UInt64(slot) * step)
      if node.header.level > 0 {
        try addTable(ref, changed)
      } else if volume != .names {
        let now = changed[volume]
        if case .some(nil) = now { continue }
        try addVolume(ref, now??.byteCount ?? .max, isShared: now == nil)
      }
    }
  }

  private mutating func addVolume(_ ref: Ref, _ end: UInt64, isShared: Bool) throws(StoreError) {
    if isShared, !visited.insert(ref.locator.name) { return }
    let top = try frames.node(ref)
    try addPages(of: top, min(end, top.header.byteCount), isShared: isShared)
  }

  private mutating func addPages(of node: Node, _ end: UInt64, isShared: Bool) throws(StoreError) {
    let step = Radix.slotCoverage(level: node.header.level)
    for (slot, ref) in node.effectiveRefs {
      let first = node.header.firstKey + UInt64(slot) * step
      if node.header.level == 0 {
        addPage(ref, first, end)
      } else if !isShared || visited.insert(ref.locator.name) {
        try addPages(of: try frames.node(ref), end, isShared: isShared)
      }
    }
  }

  private mutating func addPage(_ ref: Ref, _ page: UInt64, _ end: UInt64) {
    let start = page * unit
    guard start < end, visited.insert(ref.locator.name) else { return }
    byteCount += min(unit, end - start)
  }
}
