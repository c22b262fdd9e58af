internal import CoppicePlatform
internal import Synchronization

/// Counts bytes from many threads, tells a progress callback some times a second, and asks whether
/// the transfer is still wanted.
final class TransferCounter: Sendable {
  private let done = Atomic<UInt64>(0)
  private let lastTold = Atomic<UInt64>(0)
  private let expected: UInt64?
  private let tell: (@Sendable (TransferProgress) -> Void)?
  let isCancelled: (@Sendable () -> Bool)?
  private let clock = SystemClock()

  init(
    expected: UInt64?, tell: (@Sendable (TransferProgress) -> Void)?,
    isCancelled: (@Sendable () -> Bool)?
  ) {
    self.expected = expected
    self.tell = tell
    self.isCancelled = isCancelled
  }

  /// Throws `unavailable` once the transfer is no longer wanted.
  func check() throws(StoreError) {
    if isCancelled?() ?? false { throw .cancelledTransfer }
  }

  /// Counts, and throws what `check` does.
  func add(_ byteCount: UInt64) throws(StoreError) {
    try check()
    let sum = done.add(byteCount, ordering: .relaxed).newValue
    guard let tell else { return }
    let now = clock.monotonicNanoseconds()
    let last = lastTold.load(ordering: .relaxed)
    guard now - last > 50_000_000 else { return }
    let isMine = lastTold.compareExchange(expected: last, desired: now, ordering: .relaxed)
    if isMine.exchanged { tell(TransferProgress(byteCount: sum, expectedByteCount: expected)) }
  }
}
