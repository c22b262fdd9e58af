internal import CoppiceFormat
internal import CoppicePlatform

/// What a whole store takes.
package struct StoreUsage: Hashable, Sendable {
  /// The sum over branches and snapshots, without deleted ones.
  package var logicalByteCount: UInt64 = 0
  /// Different pages of the files of these, uncompressed.
  package var uniqueByteCount: UInt64 = 0
  /// The published part of all segment files.
  package var storedByteCount: UInt64 = 0
  /// Stored bytes of frames that some entry or reader keeps.
  package var liveByteCount: UInt64 = 0
  /// Stored bytes of frames that nothing keeps.
  package var garbageByteCount: UInt64 = 0
  /// Headers, bundle directories, and notes of what was published.
  package var metadataByteCount: UInt64 = 0
  /// Journal files with records that are still needed.
  package var journalByteCount: UInt64 = 0
  package var branchCount = 0
  package var snapshotCount = 0
  /// Deleted entries that can still be restored.
  package var deletedCount = 0
  package var segmentCount = 0
  package var frameCount = 0
  package var liveFrameCount = 0

  package init() {}
}

extension Accounts {
  /// Counts the whole store. Takes time in proportion to its nodes; nothing waits for it.
  ///
  /// - Throws: `corrupt` when a node or a bundle directory cannot be read.
  package func storeUsage() throws(StoreError) -> StoreUsage {
    let moment = try StoreMoment(core)
    let live = FrameSet()
    let walk = FrameWalk(frames: core.frames)
    var usage = StoreUsage()
    var logical = LogicalCount(frames: core.frames)
    var unique = UniqueCount(frames: core.frames)
    for entry in moment.entries {
      usage.count(entry.entry)
      if !entry.entry.flags.contains(.deleted) {
        usage.logicalByteCount += try logical.total(of: entry).byteCount
        try unique.add(entry)
      }
      try walk.walk(entry.refs) { live.insert($0.name) }
    }
    usage.uniqueByteCount = unique.byteCount
    try walk.walk(moment.pinnedRoots) { live.insert($0.name) }
    try core.listing.closeOverBases(of: moment.segments, live)
    try count(live, in: moment.segments, into: &usage)
    usage.journalByteCount = core.journal.usedByteCount
    return usage
  }

  private func count(
    _ live: FrameSet, in segments: [SegmentEntry], into usage: inout StoreUsage
  ) throws(StoreError) {
    var counted = usage
    try core.listing.forEachFrame(of: segments) { name, frame in
      counted.frameCount += 1
      if frame.form.kind == .note { return }
      if live.contains(name) {
        counted.liveFrameCount += 1
        counted.liveByteCount += UInt64(frame.storedByteCount)
      } else {
        counted.garbageByteCount += UInt64(frame.storedByteCount)
      }
    }
    usage = counted
    usage.segmentCount = segments.count
    let framesByteCount = usage.liveByteCount + usage.garbageByteCount
    // What moved meanwhile may be counted where it lies now.
    usage.storedByteCount = max(framesByteCount, segments.reduce(0) { $0 + $1.byteCount })
    usage.metadataByteCount = usage.storedByteCount - framesByteCount
  }
}

extension StoreUsage {
  fileprivate mutating func count(_ entry: BranchEntry) {
    if entry.flags.contains(.deleted) {
      deletedCount += 1
    } else if entry.flags.contains(.readOnly) {
      snapshotCount += 1
    } else {
      branchCount += 1
    }
  }
}
