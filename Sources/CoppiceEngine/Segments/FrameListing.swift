internal import CoppiceFormat
internal import CoppicePlatform

/// The frames that the published part of segments has, as the bundles' directories tell.
/// Collections may move them meanwhile.
struct FrameListing {
  let segmentStore: SegmentStore
  /// The segments that the catalogue has now.
  let current: () -> [SegmentID: SegmentEntry]

  private var walk: SegmentWalk { SegmentWalk(current: current) }

  /// As `forEachPlacedFrame`, without the places.
  func forEachFrame(
    of segments: [SegmentEntry],
    _ visit: (FrameName, BundleDirectoryEntry) -> Void
  ) throws(StoreError) {
    try forEachPlacedFrame(of: segments) { name, frame, _ in visit(name, frame) }
  }

  /// Visits every frame of the published part of the segments, under its own name wherever it lies,
  /// once, segment by segment. One that a collection moves meanwhile is not missed; one that is
  /// dead may be.
  func forEachPlacedFrame(
    of segments: [SegmentEntry],
    _ visit: (FrameName, BundleDirectoryEntry, SegmentEntry) -> Void
  ) throws(StoreError) {
    let met = FrameSet()
    try walk.forEach(of: segments) { entry throws(StoreError) in
      let segment: SegmentHandle
      do throws(SegmentError) { segment = try segmentStore.open(entry.id) } catch {
        if case .missing = error, current()[entry.id] == nil { return .gone }
        throw .opening(entry.id, error)
      }
      try BundleReader(segment, entry).forEach { bundle in
        for index in bundle.directory.entries.indices {
          let name = bundle.name(ofEntry: index)
          if met.insert(name) { visit(name, bundle.directory.entries[index], entry) }
        }
      }
      return .done
    }
  }

  /// Visits every derived frame of the published part of the segments, page or node, with the full
  /// frame that it builds on: as long as the one is needed, the other's bytes are.
  func forEachBase(
    of segments: [SegmentEntry], _ visit: (_ derived: FrameName, _ base: FrameName) -> Void
  ) throws(StoreError) {
    try forEachFrame(of: segments) { name, frame in
      if frame.base != .none { visit(name, frame.base) }
    }
  }

  /// Adds to each set what its frames build on: a base is as needed as that (I7). Bases are full
  /// frames, so one pass is enough.
  func closeOverBases(of segments: [SegmentEntry], _ sets: FrameSet...) throws(StoreError) {
    try forEachBase(of: segments) { derived, base in
      for set in sets where set.contains(derived) { set.insert(base) }
    }
  }
}
