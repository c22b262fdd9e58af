internal import CoppicePlatform
internal import Synchronization

/// Counts bytes from many threads and tells a progress callback some times a second.
final class TransferCounter: Sendable {
  private let done = Atomic<UInt64>(0)
  private let lastTold = Atomic<UInt64>(0)
  private let expected: UInt64?
  private let tell: (@Sendable (TransferProgress) -> Void)?
  private let clock = SystemClock()

  init(expected: UInt64?, tell: (@Sendable (TransferProgress) -> Void)?) {
    self.expected = expected
    self.tell = tell
  }

  func add(_ byteCount: UInt64) {
    let sum = done.add(byteCount, ordering: .relaxed).newValue
    guard let tell else { return }
    let now = clock.monotonicNanoseconds()
    let last = lastTold.load(ordering: .relaxed)
    guard now - last > 50_000_000 else { return }
    let isMine = lastTold.compareExchange(expected: last, desired: now, ordering: .relaxed)
    if isMine.exchanged { tell(TransferProgress(byteCount: sum, expectedByteCount: expected)) }
  }
}
