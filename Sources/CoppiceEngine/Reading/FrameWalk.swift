internal import CoppiceFormat
internal import CoppicePlatform

/// Visits what keeps states readable: nodes, the full nodes they build on and all below those, and
/// pages. The bases of derived pages are not visited; bundle directories tell them.
///
/// A node's checksum is verified when it is read. Nodes below a base are kept as long as it is, even
/// where the node that builds on it overrides them.
struct FrameWalk {
  let frames: FrameReader

  /// A frame that was met; a base comes without the hash of its content.
  struct Met {
    var ref: Ref
    var isBase = false
    var locator: Locator { ref.locator }
  }

  /// Visits the frames that `roots` name and what is below every node that `enter` leaves.
  ///
  /// - Parameters:
  ///   - enter: called with all that one node refers to; it takes out what is not to be entered. A
  ///     frame may be met more than once.
  ///   - visited: called after each node.
  ///   - unreadable: called for a node that cannot be read; when it does not throw, the walk goes on.
  func walk(
    _ roots: [Ref], enter: (inout [Met]) -> Void,
    visited: () throws(StoreError) -> Void = {},
    unreadable: (Locator, StoreError) throws(StoreError) -> Void
  ) throws(StoreError) {
    var met = roots.filter { !$0.isHole }.map { Met(ref: $0) }
    enter(&met)
    var pending: [Met] = met.reversed()
    while let next = pending.popLast() {
      if !next.isBase, next.locator.form.kind == .page { continue }
      let node: Node
      do throws(StoreError) {
        node = next.isBase ? try frames.baseNode(next.locator) : try frames.node(next.ref)
      } catch {
        try unreadable(next.locator, error)
        continue
      }
      met.removeAll(keepingCapacity: true)
      if let base = node.base {
        met.append(Met(ref: Ref(hash: .hole, locator: base), isBase: true))
      }
      for slot in 0..<Node.slotCount where !node.refs[slot].isHole {
        met.append(Met(ref: node.refs[slot]))
      }
      enter(&met)
      // Backwards, so that the first is read next. Pages have nothing below them.
      for frame in met.reversed() where frame.isBase || frame.locator.form.kind != .page {
        pending.append(frame)
      }
      try visited()
    }
  }

  /// As above, frame by frame; the first node that cannot be read ends it.
  func walk(_ roots: [Ref], entering isWanted: (Locator) -> Bool) throws(StoreError) {
    try walk(
      roots, enter: { met in met.removeAll { !isWanted($0.locator) } },
      unreadable: { _, error throws(StoreError) in throw error })
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
        for index in bundle.directory.entries.indices {
          visit(bundle.name(ofEntry: index), bundle.directory.entries[index])
        }
      }
    }
  }
}

extension SegmentDirectory.Bundle {
  /// The name of a frame, which in a host is the one it had at home.
  func name(ofEntry index: Int) -> FrameName {
    header.hasHomeNames
      ? directory.entries[index].home
      : FrameName(segment: header.segment, ordinal: header.firstOrdinal + UInt32(index))
  }
}
