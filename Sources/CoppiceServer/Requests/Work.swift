package import Coppice
internal import Synchronization

/// One request while it is carried out: how far it is, and whether it is still wanted.
package final class Work: Sendable {
  /// Told how far the work is, from any thread, some times a second; `nil` when nobody looks.
  package let tell: (@Sendable (WorkProgress) -> Void)?
  private let reason = Mutex<StoreError?>(nil)

  package init(tell: (@Sendable (WorkProgress) -> Void)? = nil) { self.tell = tell }

  /// Asks the work to end; it then throws `error`. Work that is past its last step ends as usual.
  package func cancel(because error: StoreError) {
    reason.withLock { if $0 == nil { $0 = error } }
  }

  package var isCancelled: Bool { reason.withLock { $0 != nil } }

  /// Throws what the work was cancelled for, if it was.
  package func check() throws(StoreError) {
    if let error = reason.withLock({ $0 }) { throw error }
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

  package init(_ progress: TransferProgress) {
    self = .transfer(
      byteCount: progress.byteCount, expectedByteCount: progress.expectedByteCount)
  }
}
