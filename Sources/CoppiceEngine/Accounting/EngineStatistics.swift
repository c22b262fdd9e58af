package import CoppiceFormat
internal import CoppicePlatform
internal import Synchronization

/// How much of a cache is in use, and how often it helped since the store was opened.
package struct CacheStatistics: Hashable, Sendable {
  package var entryCount: Int
  package var byteCount: Int
  package var hitCount: Int
  package var missCount: Int
}

/// Counters of an open store that cost nothing to read.
package struct EngineStatistics: Hashable, Sendable {
  package var pageCache: CacheStatistics
  package var nodeCache: CacheStatistics
  /// RAM of unsealed pages, and the limit at which writers wait.
  package var overlayByteCount: Int
  package var overlayByteCountMax: Int
  /// RAM held for pages of all kinds, in use or free.
  package var pageBufferByteCount: Int
  package var windowByteCount: Int
  /// Journal files with records that are still needed.
  package var journalByteCount: UInt64
  package var lastLSN: LSN
  package var durableLSN: LSN
  /// A journal write failed: the store must be reopened.
  package var isPoisoned: Bool
  /// What was sealed since the store was opened.
  package var seals: SealCounts
  package var branchCount: Int
  package var snapshotCount: Int
  package var deletedCount: Int
  package var segmentCount: Int
  /// The published part of all segment files.
  package var segmentByteCount: UInt64
}

/// What collections did last.
package struct CollectionState: Hashable, Sendable {
  /// Whether they start by themselves.
  package var isAutomatic: Bool
  /// The last one's number; 0: there was none.
  package var cycleNumber: UInt64
  /// When it ended, in nanoseconds since 1970.
  package var endedAt: Int64
  /// Bytes that are dead, by estimate.
  package var deadByteCount: UInt64
}

extension Accounts {
  package var collectionState: CollectionState {
    let hints = core.hints.collection.withLock { $0 }
    return CollectionState(
      isAutomatic: core.options.collection.isEnabled && core.options.usesThreads,
      cycleNumber: hints.cycleNumber, endedAt: hints.endedAt,
      deadByteCount: hints.oldDeadByteCount + hints.youngDeadByteCount)
  }

  /// What a branch's seals stored over time, as far as it is remembered.
  package func growth(of branch: BranchID) -> [GrowthHints.Sample] {
    core.hints.growth.withLock { $0.samples(of: branch) }
  }

  /// What the store took over time, as far as it is remembered.
  package var spaceHistory: [SpaceHints.Sample] { core.hints.space.withLock { $0.samples } }

  package var statistics: EngineStatistics {
    let (entries, segments, seals) = core.keeper.read { kept in
      (
        Array(kept.catalogue.branches.values), Array(kept.catalogue.segments.values),
        kept.sealCounts
      )
    }
    let kept = entries.filter { !$0.flags.contains(.deleted) }
    let snapshotCount = kept.count { $0.flags.contains(.readOnly) }
    return EngineStatistics(
      pageCache: CacheStatistics(core.frames.pages.statistics, entryByteCount: core.pageByteCount),
      nodeCache: CacheStatistics(core.frames.nodes.statistics, entryByteCount: Node.byteCount),
      overlayByteCount: core.meter.byteCount, overlayByteCountMax: core.options.overlayByteCountMax,
      pageBufferByteCount: core.buffers.byteCountHeld, windowByteCount: core.window.byteCount,
      journalByteCount: core.journal.usedByteCount, lastLSN: core.journal.lastLSN,
      durableLSN: core.journal.durableLSN, isPoisoned: core.journal.isPoisoned, seals: seals,
      branchCount: kept.count - snapshotCount, snapshotCount: snapshotCount,
      deletedCount: entries.count - kept.count, segmentCount: segments.count,
      segmentByteCount: segments.reduce(0) { $0 + $1.byteCount })
  }
}

extension CacheStatistics {
  fileprivate init(
    _ counts: (entryCount: Int, hitCount: Int, missCount: Int), entryByteCount: Int
  ) {
    self.init(
      entryCount: counts.entryCount, byteCount: counts.entryCount * entryByteCount,
      hitCount: counts.hitCount, missCount: counts.missCount)
  }
}
