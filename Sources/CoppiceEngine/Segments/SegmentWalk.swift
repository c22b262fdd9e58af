internal import CoppiceFormat
internal import CoppicePlatform

// Whoever goes through segments takes long, and collections do not wait: they copy what is live out
// of a segment into hosts, record the move, and unlink the segment. So a reader that finds a
// segment gone looks at what the catalogue has now. If the segment is not in it any more, hosts
// that came since hold what was needed of it; only a segment that the catalogue still has and the
// disk has not is damage.

/// Goes through segments, though collections may empty and remove them meanwhile. What lay in them
/// at the beginning and is needed at the end is met once at least; what was copied may be met
/// twice.
struct SegmentWalk {
  enum Outcome {
    case done
    /// The segment is not in the catalogue any more, and was not looked at.
    case gone
    case stop
  }

  /// The segments that the catalogue has now.
  let current: () -> [SegmentID: SegmentEntry]

  /// Visits the segments in order of their ids, then hosts as far as they are needed. Returns
  /// whether the walk came to its end.
  @discardableResult
  func forEach<Failure: Error>(
    of segments: [SegmentEntry], _ visit: (SegmentEntry) throws(Failure) -> Outcome
  ) throws(Failure) -> Bool {
    var due = segments.sorted { $0.id < $1.id }
    // A host may be known, without frames, before it is complete.
    var known: [SegmentID: UInt64] = [:]
    while true {
      var isIncomplete = false
      for entry in due {
        known[entry.id] = entry.byteCount
        switch try visit(entry) {
        case .done: break
        case .gone: isIncomplete = true
        case .stop: return false
        }
      }
      if !isIncomplete { return true }
      due = current().values.filter { entry in
        entry.flags.contains(.host) && entry.byteCount > known[entry.id] ?? 0
      }.sorted { $0.id < $1.id }
    }
  }
}

extension Engine {
  func openSegment(_ id: SegmentID) throws(StoreError) -> any DiskFile {
    do throws(SystemError) { return try files.file(id) } catch {
      throw StoreError(error, while: "opening segment \(id.rawValue)")
    }
  }

  /// Of a walk over segments of this store, as the catalogue has them now.
  var segmentWalk: SegmentWalk {
    SegmentWalk { [self] in control.withLock { catalogue.segments } }
  }

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
    try segmentWalk.forEach(of: segments) { entry throws(StoreError) in
      let file: any DiskFile
      do throws(SystemError) { file = try files.file(entry.id) } catch {
        guard error.isMissing else {
          throw StoreError(error, while: "opening segment \(entry.id.rawValue)")
        }
        if control.withLock({ catalogue.segments[entry.id] == nil }) { return .gone }
        throw StoreError(
          .corrupt, "the segment is missing", object: SegmentFiles.path(entry.id),
          remedy: .damagedStructure)
      }
      try SegmentDirectory.forEachBundle(entry, file) { bundle throws(StoreError) in
        for index in bundle.directory.entries.indices {
          let name = bundle.name(ofEntry: index)
          if met.insert(name) { visit(name, bundle.directory.entries[index], entry) }
        }
      }
      return .done
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
