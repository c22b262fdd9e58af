internal import CoppiceEngine

/// What a garbage collection found and did. Byte counts are of stored pages and nodes, unless they
/// say otherwise.
public struct CollectionSummary: Hashable, Sendable, Codable {
  /// Counts the collections of a store.
  public var collectionNumber: UInt64
  /// Whether only what came since the last collection was looked at.
  public var isYoung: Bool
  /// Nodes of manifests that were read.
  public var nodeCount: Int
  /// Memory that telling live from dead took: about a bit for each page or node.
  public var markByteCount: Int
  /// Pages and nodes that were looked at.
  public var frameCount: Int
  /// Deleted branches and snapshots that can no longer be restored.
  public var forgottenCount: Int
  public var liveByteCount: Int
  public var deadByteCount: Int
  public var reclaimedSegmentCount: Int
  /// Bytes of the segment files that were removed.
  public var reclaimedByteCount: Int
  /// Live bytes that were copied out of them.
  public var copiedByteCount: Int
  /// Dead bytes in segments that were not worth emptying.
  public var leftByteCount: Int
  /// Structures that could not be read; everything that they may refer to was kept.
  public var unreadable: [String]
  /// Of a full collection: bytes of journal files that may have records of what is gone still. 0,
  /// unless damage or a full disk kept changes from being sealed, whose records share these files,
  /// or writers left no moment to overwrite them in. `nil` of others.
  public var journalByteCount: UInt64?
}

/// How far a garbage collection is.
public struct CollectionProgress: Hashable, Sendable, Codable {
  public enum Stage: String, Sendable, CaseIterable, Codable {
    /// Finding what is needed, node by node.
    case marking
    /// Counting what is not, segment by segment.
    case counting
    /// Copying what is needed out of segments, bundle by bundle, and removing them.
    case copying
  }

  public var stage: Stage
  /// What was visited in this stage.
  public var count: Int

  /// Returns whether that is worth telling.
  mutating func advance(by step: CollectionStep) -> Bool {
    switch step {
    case .marking:
      count += 1
      return count & 63 == 0
    case .copying:
      count += 1
      return true
    case .marked: self = CollectionProgress(stage: .counting, count: 0)
    case .chosen: self = CollectionProgress(stage: .copying, count: 0)
    default: return false
    }
    return true
  }
}

extension Store {
  /// Reclaims what no branch or snapshot refers to, beside readers and writers. Deleted branches
  /// and snapshots are forgotten first, but for those that are to be kept until a time to come:
  /// from then on they cannot be restored. Changes are sealed
  /// before, so that what they removed counts as garbage. Journal files past those that an idle
  /// store keeps, 16 MiB, are given back too.
  ///
  /// - Parameters:
  ///   - isYoung: looks only at what came since the last collection, which takes time in proportion
  ///     to that; all that is older counts as needed.
  ///   - isFull: empties every closed segment that holds anything dead, not only those where little
  ///     has to be copied, and overwrites what records that count no more left in the journal.
  ///   - isForgettingAll: forgets also what is to be kept until a time to come.
  ///   - isDryRun: changes nothing, and says what would be done.
  ///   - isCancelled: asked now and then, whether to end early with `unavailable`.
  ///   - progress: told now and then how far it is.
  /// - Throws: `denied`, `full`, `corrupt`; no branch and nothing in one has changed then.
  public func collectGarbage(
    isYoung: Bool = false, isFull: Bool = false, isForgettingAll: Bool = false,
    isDryRun: Bool = false, isCancelled: (@Sendable () -> Bool)? = nil,
    progress: ((CollectionProgress) -> Void)? = nil
  ) throws(StoreError) -> CollectionSummary {
    var options = CollectionOptions()
    options.isYoung = isYoung
    options.isFull = isFull
    if isForgettingAll { options.forgetting = .all }
    options.isDryRun = isDryRun
    options.isCancelled = isCancelled
    if !isDryRun { try engine.sealer.sealForCollection() }
    var reached = CollectionProgress(stage: .marking, count: 0)
    let report = try engine.collector.collectGarbage(options) { step in
      if let progress, reached.advance(by: step) { progress(reached) }
    }
    var summary = CollectionSummary(report)
    switch (isFull, isDryRun) {
    case (_, true): break
    case (true, false): summary.journalByteCount = try engine.collector.eraseJournal()
    case (false, false): try engine.pressure.tidyJournal()
    }
    // A deletion for good that was interrupted ends with the journal.
    if !isYoung, !isDryRun { _ = try engine.collector.finishDeletions() }
    return summary
  }
}

extension CollectionSummary {
  init(_ report: CollectionReport) {
    collectionNumber = report.cycleNumber
    isYoung = report.isYoung
    nodeCount = report.nodeCount
    markByteCount = report.markByteCount
    frameCount = report.liveFrameCount + report.deadFrameCount
    forgottenCount = report.forgottenBranchCount
    liveByteCount = report.liveByteCount
    deadByteCount = report.deadByteCount
    reclaimedSegmentCount = report.reclaimedSegmentCount
    reclaimedByteCount = report.reclaimedByteCount
    copiedByteCount = report.copiedByteCount
    leftByteCount = report.leftByteCount
    unreadable = report.unreadable
  }
}
