internal import CoppiceFormat
internal import CoppicePlatform

/// Numbers of an open store that cost nothing to ask for.
package struct EngineStatistics: Hashable, Sendable {
  package var branchCount = 0
  package var snapshotCount = 0
  /// Entries that were deleted and not forgotten yet.
  package var deletedCount = 0
  package var segmentCount = 0
  package var segmentByteCount: UInt64 = 0
  package var frameCount: UInt64 = 0
  package var journalByteCount: UInt64 = 0
  /// RAM of changes that are not in segments yet.
  package var overlayByteCount = 0
  /// RAM of pages in caches, layers and use.
  package var pageBufferByteCount = 0
  /// What seals stored since opening, by how it was stored.
  package var sealed = SealCounts()
}

extension Engine {
  package func statistics() throws(StoreError) -> EngineStatistics {
    try checkOpen()
    var statistics = control.withLock {
      var statistics = EngineStatistics()
      for entry in catalogue.branches.values {
        if entry.flags.contains(.deleted) {
          statistics.deletedCount += 1
        } else if entry.flags.contains(.readOnly) {
          statistics.snapshotCount += 1
        } else {
          statistics.branchCount += 1
        }
      }
      for segment in catalogue.segments.values {
        statistics.segmentByteCount += segment.byteCount
        statistics.frameCount += UInt64(segment.frameCount)
      }
      statistics.segmentCount = catalogue.segments.count
      statistics.sealed = sealCounts
      return statistics
    }
    statistics.journalByteCount = journal.usedByteCount
    statistics.overlayByteCount = meter.byteCount
    statistics.pageBufferByteCount = buffers.byteCountInUse
    return statistics
  }
}
