package import CoppiceFormat

/// How a collection is to go about it.
package struct CollectionOptions: Sendable {
  /// Look at segments only that came since the last collection; older ones count as live.
  package var isYoung = false
  /// Empty every closed segment that holds a dead frame, not only those that are worth it.
  package var isFull = false
  /// Only say what would be done. Deleted branches count as forgotten if they would be.
  package var isDryRun = false
  /// Which deleted branches to forget.
  package var forgetting = Forgetting.unlessKept
  /// Nanoseconds for which a deleted branch can surely be restored.
  package var restoreWindow = CollectionOptions.restoreWindowDefault
  /// A segment is worth emptying from this share of dead bytes on.
  package var deadShareMin = 0.2
  /// Live bytes that one collection copies at most, unless it is full.
  package var copiedByteCountMax = 256 << 20
  /// Live bytes that are copied before the segments that they come from are given back; of a
  /// smaller store as much as one of its segments has at most.
  package var batchByteCountMax = 64 << 20
  /// Bytes to read and to copy in a second; `nil`: as fast as it goes.
  package var byteCountPerSecond: UInt64?
  /// Asked now and then, on the collection's thread: whether to end early. What is reclaimed by
  /// then stays reclaimed.
  package var isCancelled: (@Sendable () -> Bool)?

  package static let restoreWindowDefault: Int64 = 3600 * 1_000_000_000

  package init() {}
}

/// Which deleted branches a collection forgets.
package enum Forgetting: Hashable, Sendable {
  /// Those past the restore window and the time until which they are kept.
  case overdue
  /// Those that nobody asked to be kept until a time to come.
  case unlessKept
  /// All.
  case all
}

/// Where a collection is. It holds no lock there but the one that keeps collections apart.
package enum CollectionStep: Hashable, Sendable {
  /// The roots are taken.
  case begun
  /// A node was visited.
  case marking
  /// All live frames are known.
  case marked
  /// Every segment's live frames are counted.
  case counted
  /// The victims are chosen.
  case chosen
  /// A bundle's live frames were copied.
  case copying
  /// All copies are durable.
  case copied
  /// The record of the move is durable.
  case moved
  /// The catalogue without the victims is durable.
  case checkpointed
  /// The victims' files are gone.
  case unlinked
}

/// What a collection found and did. Byte counts are of stored pages and nodes, without directories
/// and notes, unless they say otherwise.
package struct CollectionReport: Hashable, Sendable {
  /// Counts the collections of a store.
  package var cycleNumber: UInt64 = 0
  package var isYoung = false
  package var forgottenBranchCount = 0
  /// Nodes that were visited.
  package var nodeCount = 0
  /// RAM of the marks.
  package var markByteCount = 0
  package var liveFrameCount = 0
  package var liveByteCount = 0
  package var deadFrameCount = 0
  package var deadByteCount = 0
  package var reclaimedSegmentCount = 0
  /// Bytes of the unlinked segment files.
  package var reclaimedByteCount = 0
  /// Bytes of the host segments that took live frames over.
  package var hostByteCount = 0
  package var copiedByteCount = 0
  /// Dead bytes in segments that were not worth emptying, or that are still written to.
  package var leftByteCount = 0
  /// Ids of retired segments that nothing bears any more.
  package var forgottenSegmentCount = 0
  /// The segments that were emptied, or would be.
  package var victims: [SegmentID] = []
  /// Nodes that could not be read; what they may refer to was kept.
  package var unreadable: [String] = []
  /// Whether nothing is left of what was dead when it began, and nothing that only builds on it.
  package var hasLeftNothing = false
}
