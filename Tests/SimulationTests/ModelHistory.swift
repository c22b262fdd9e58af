internal import CoppiceFormat

/// The states that a store has gone through, by the journal's LSNs, and how far they must survive a
/// power cut.
struct ModelHistory {
  /// The newest state.
  private(set) var state: ModelState
  /// States with the LSN from which on they hold, oldest first; the first is at or below the
  /// watermark.
  private var entries: [(lsn: LSN, state: ModelState)]
  /// What was acknowledged as durable.
  private(set) var watermark: LSN
  /// An operation that failed on its way and may have reached the journal all the same. Nothing
  /// else happens then until the store is opened again.
  private(set) var inDoubt: InDoubt?

  struct InDoubt {
    var operation: Operation
    /// The journal's last LSN before.
    var after: LSN
    var time: Int64
  }

  init(_ state: ModelState, at lsn: LSN) {
    self.state = state
    entries = [(lsn, state)]
    watermark = lsn
  }

  mutating func record(_ state: ModelState, at lsn: LSN) {
    precondition(lsn >= (entries.last?.lsn ?? .zero), "history goes forward")
    self.state = state
    entries.append((lsn, state))
  }

  mutating func recordInDoubt(_ operation: Operation, after lsn: LSN, time: Int64) {
    inDoubt = InDoubt(operation: operation, after: lsn, time: time)
  }

  mutating func acknowledge(_ lsn: LSN) {
    watermark = max(watermark, lsn)
    while entries.count > 1, entries[1].lsn <= watermark { entries.removeFirst() }
  }

  /// The state when the journal ended at `lsn`, leaving out what is in doubt.
  func state(at lsn: LSN) -> ModelState {
    entries.last { $0.lsn <= lsn }?.state ?? entries[0].state
  }
}
