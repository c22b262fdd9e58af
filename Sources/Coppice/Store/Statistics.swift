public import CoppiceEngine
internal import CoppiceFormat

/// Numbers of an open store.
public struct Statistics: Hashable, Sendable {
  public var branchCount: Int
  public var snapshotCount: Int
  /// Deleted entries that can still be restored.
  public var deletedCount: Int
  /// Bytes of all files of all branches and snapshots as their readers see them.
  public var logicalByteCount: UInt64
  /// Bytes of the different pages among them, uncompressed.
  public var uniqueByteCount: UInt64
  /// Bytes of all segments on disk.
  public var storedByteCount: UInt64
  public var segmentCount: Int
  /// Bytes of segments that no branch or snapshot refers to: what `coppice gc` can reclaim.
  public var garbageByteCount: UInt64
  /// Bytes of journal files that hold records.
  public var journalByteCount: UInt64
  /// Memory of changes that are not in segments yet.
  public var overlayByteCount: Int
  /// Memory of pages in caches and in use, the overlay's included.
  public var pageBufferByteCount: Int
  /// Pages stored since opening: as differences, as duplicates of stored ones, and in full.
  public var deltaPageCount: Int
  public var duplicatePageCount: Int
  public var fullPageCount: Int
}

extension Store {
  /// Counts the store. Reads all manifests that are in use and the directories of all segments.
  public func statistics() throws(StoreError) -> Statistics {
    var group: [EngineBranch] = []
    var logicalByteCount: UInt64 = 0
    for entry in engine.branchEntries() where !entry.flags.contains(.deleted) {
      if let branch = engine.branch(entry.id) { group.append(branch) }
    }
    let usage = try engine.usage(of: [group])
    for counted in usage.groups { logicalByteCount += counted.logicalByteCount }
    let now = try engine.statistics()
    return Statistics(
      branchCount: now.branchCount, snapshotCount: now.snapshotCount,
      deletedCount: now.deletedCount, logicalByteCount: logicalByteCount,
      uniqueByteCount: usage.uniqueByteCount, storedByteCount: usage.segmentByteCount,
      segmentCount: now.segmentCount,
      garbageByteCount: usage.garbageByteCount, journalByteCount: now.journalByteCount,
      overlayByteCount: now.overlayByteCount, pageBufferByteCount: now.pageBufferByteCount,
      deltaPageCount: now.sealed.deltaCount, duplicatePageCount: now.sealed.duplicateCount,
      fullPageCount: now.sealed.fullCount)
  }
}
