package import Coppice
internal import Synchronization

/// One request while it is carried out: how far it is, and whether it is still wanted.
package final class Work: Sendable {
  /// Told how far the work is, from any thread, some times a second; `nil` when nobody looks.
  package let tell: (@Sendable (WorkProgress) -> Void)?
  private let cancellation = Mutex<StoreError?>(nil)
  private let isEnding: @Sendable () -> Bool

  /// - Parameter isEnding: asked whether the process that does the work is to end, which cancels
  ///   it.
  package init(
    tell: (@Sendable (WorkProgress) -> Void)? = nil,
    isEnding: @escaping @Sendable () -> Bool = { false }
  ) {
    self.tell = tell
    self.isEnding = isEnding
  }

  /// Asks the work to end; it then throws `error`. Work that is past its last step ends as usual.
  package func cancel(because error: StoreError) {
    cancellation.withLock { if $0 == nil { $0 = error } }
  }

  /// What the work was cancelled for.
  var reason: StoreError? { cancellation.withLock { $0 } ?? (isEnding() ? .cancelled : nil) }

  package var isCancelled: Bool { reason != nil }

  /// Throws what the work was cancelled for, if it was.
  package func check() throws(StoreError) {
    if let reason { throw reason }
  }
}

extension StoreError {
  /// Whoever asked is gone, or no longer wants an answer.
  static var cancelled: StoreError {
    StoreError(.unavailable, "was cancelled", remedy: "nothing was changed; ask again")
  }
}

/// How far long work is.
package enum WorkProgress: Codable, Hashable, Sendable {
  /// Bytes that an import or export has moved.
  case transfer(byteCount: UInt64, expectedByteCount: UInt64?)
  /// A check's stage, and how much of it is done.
  case check(stage: String, doneCount: Int, totalCount: Int)
  /// Bytes that a scrub has read.
  case scrub(byteCount: UInt64, totalByteCount: UInt64, findingCount: Int)
  /// A collection's stage, and what it has visited in it.
  case collection(stage: String, count: Int)

  package init(_ progress: TransferProgress) {
    self = .transfer(
      byteCount: progress.byteCount, expectedByteCount: progress.expectedByteCount)
  }

  package init(_ progress: CheckProgress) {
    self = .check(
      stage: progress.stage.rawValue, doneCount: progress.doneCount,
      totalCount: progress.totalCount)
  }

  package init(_ progress: ScrubProgress) {
    self = .scrub(
      byteCount: progress.byteCount, totalByteCount: progress.totalByteCount,
      findingCount: progress.findingCount)
  }

  package init(_ progress: CollectionProgress) {
    self = .collection(stage: progress.stage.rawValue, count: progress.count)
  }
}
