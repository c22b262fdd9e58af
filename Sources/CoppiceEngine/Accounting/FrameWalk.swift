internal import CoppiceFormat
internal import CoppicePlatform

/// Visits what keeps a state readable: nodes, the full nodes they build on and all below those, and
/// pages. The bases of derived pages are not visited; bundle directories tell them.
struct FrameWalk {
  let frames: FrameReader

  /// Visits the frame that `ref` names, and what is below every node that `enter` returns true for.
  /// A frame may be met more than once.
  func walk(_ ref: Ref, _ enter: (Locator) -> Bool) throws(StoreError) {
    if ref.isHole || !enter(ref.locator) || ref.locator.form.kind == .page { return }
    try descend(try frames.node(ref), enter)
  }

  private func descend(_ node: Node, _ enter: (Locator) -> Bool) throws(StoreError) {
    // Nodes below the base are kept as long as it is, even where this node overrides them.
    if let base = node.base, enter(base) { try descend(try frames.baseNode(base), enter) }
    for slot in 0..<Node.slotCount where !node.refs[slot].isHole {
      try walk(node.refs[slot], enter)
    }
  }
}

extension Engine {
  func openSegment(_ id: SegmentID) throws(StoreError) -> any DiskFile {
    do throws(SystemError) { return try files.file(id) } catch {
      throw StoreError(error, while: "opening segment \(id.rawValue)")
    }
  }

  /// Visits every frame of the published part of the segments, under its own name wherever it lies.
  func forEachFrame(
    of segments: [SegmentEntry],
    _ visit: (FrameName, BundleDirectoryEntry) -> Void
  ) throws(StoreError) {
    for segment in segments {
      let file = try openSegment(segment.id)
      try SegmentDirectory.forEachBundle(segment, file) { bundle throws(StoreError) in
        var ordinal = bundle.header.firstOrdinal
        for frame in bundle.directory.entries {
          let own = FrameName(segment: segment.id, ordinal: ordinal)
          visit(frame.home == .none ? own : frame.home, frame)
          ordinal += 1
        }
      }
    }
  }
}
