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
    let usage = try engine.storeUsage()
    let now = engine.statistics
    return Statistics(
      branchCount: usage.branchCount, snapshotCount: usage.snapshotCount,
      deletedCount: usage.deletedCount, logicalByteCount: usage.logicalByteCount,
      uniqueByteCount: usage.uniqueByteCount, storedByteCount: usage.storedByteCount,
      segmentCount: usage.segmentCount,
      garbageByteCount: usage.garbageByteCount, journalByteCount: usage.journalByteCount,
      overlayByteCount: now.overlayByteCount, pageBufferByteCount: now.pageBufferByteCount,
      deltaPageCount: now.seals.deltaCount, duplicatePageCount: now.seals.duplicateCount,
      fullPageCount: now.seals.fullCount)
  }
}
