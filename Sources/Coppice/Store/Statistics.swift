internal import CoppiceEngine
internal import CoppicePlatform

/// Numbers of an open store.
public struct Statistics: Hashable, Sendable, Codable {
  /// Without snapshots.
  public var branchCount: Int
  /// Without deleted ones.
  public var snapshotCount: Int
  /// Deleted entries that can still be restored.
  public var deletedCount: Int
  /// Bytes of all files of all branches and snapshots as their readers see them.
  public var logicalByteCount: UInt64
  /// Of these, bytes of different pages that are stored, uncompressed.
  public var uniqueByteCount: UInt64
  /// Bytes of the blocks that the store's directory takes on its file system, with all that is in
  /// it: segments, journal, reserve, catalogue and hints.
  public var directoryByteCount: UInt64
  /// Bytes of all segments on disk.
  public var storedByteCount: UInt64
  /// Stored bytes of pages and nodes that something keeps.
  public var liveByteCount: UInt64
  /// Stored bytes that nothing keeps: what a garbage collection can reclaim.
  public var garbageByteCount: UInt64
  /// Stored bytes of headers and directories.
  public var metadataByteCount: UInt64
  /// Segment files.
  public var segmentCount: Int
  /// Bytes of journal files with records that are still needed.
  public var journalByteCount: UInt64
  /// Memory of changes that are not in segments yet, and the limit at which writers wait.
  public var overlayByteCount: Int
  /// At this limit writers wait.
  public var overlayByteCountMax: Int
  /// Memory held for pages of all kinds, in use or free.
  public var pageBufferByteCount: Int
  /// Reads of pages since opening that found them in memory, and that did not.
  public var pageCacheHitCount: Int
  /// Reads that had to go to the disk.
  public var pageCacheMissCount: Int
  /// Pages stored since opening: as differences, as duplicates of stored ones, and in full.
  public var deltaPageCount: Int
  /// Equal to a stored page.
  public var duplicatePageCount: Int
  /// Compressed by themselves, or raw.
  public var fullPageCount: Int
  /// Whether a write to the journal failed, so that the store must be opened again.
  public var isPoisoned: Bool
}

extension Store {
  /// Counts the store. Takes time in proportion to its manifests; nothing waits for it.
  public func statistics() throws(StoreError) -> Statistics {
    let usage = try engine.accounts.storeUsage()
    let now = engine.accounts.statistics
    let directoryByteCount: UInt64
    do throws(SystemError) {
      directoryByteCount = try engine.disk.allocatedByteCount()
    } catch {
      throw StoreError(error, while: "counting the store's files")
    }
    return Statistics(
      branchCount: usage.branchCount, snapshotCount: usage.snapshotCount,
      deletedCount: usage.deletedCount, logicalByteCount: usage.logicalByteCount,
      uniqueByteCount: usage.uniqueByteCount, directoryByteCount: directoryByteCount,
      storedByteCount: usage.storedByteCount,
      liveByteCount: usage.liveByteCount, garbageByteCount: usage.garbageByteCount,
      metadataByteCount: usage.metadataByteCount, segmentCount: usage.segmentCount,
      journalByteCount: usage.journalByteCount, overlayByteCount: now.overlayByteCount,
      overlayByteCountMax: now.overlayByteCountMax, pageBufferByteCount: now.pageBufferByteCount,
      pageCacheHitCount: now.pageCache.hitCount, pageCacheMissCount: now.pageCache.missCount,
      deltaPageCount: now.seals.deltaCount, duplicatePageCount: now.seals.duplicateCount,
      fullPageCount: now.seals.fullCount, isPoisoned: now.isPoisoned)
  }
}
