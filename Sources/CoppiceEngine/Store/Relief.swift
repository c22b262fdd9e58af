internal import CoppicePlatform
internal import Synchronization

/// Tells writers that are held back when room was made, for memory or on the disk.
final class Relief: Sendable {
  private let monitor = Monitor()
  private let countValue = Atomic<Int>(0)
  private let admittedByteCountValue = Atomic<Int>(0)

  /// A number that changes whenever sealing or a checkpoint may have made room.
  var count: Int { countValue.load(ordering: .acquiring) }

  /// Unsealed bytes that writers may have without anybody looking whether there is room to seal
  /// them.
  var admittedByteCount: Int { admittedByteCountValue.load(ordering: .relaxed) }

  /// Somebody looked how much room there is.
  func admit(byteCount: Int) { admittedByteCountValue.store(byteCount, ordering: .relaxed) }

  /// Called when a seal or a checkpoint made room.
  func note() {
    admit(byteCount: 0)
    countValue.add(1, ordering: .acquiringAndReleasing)
    wakeAll()
  }

  func wakeAll() { monitor.withLock { monitor.broadcast() } }

  /// Waits for room; false when there was none until then. May return early.
  @discardableResult
  func wait(untilMonotonicNanoseconds deadline: UInt64) -> Bool {
    monitor.withLock { monitor.wait(untilMonotonicNanoseconds: deadline) }
  }

  /// Waits until then, whatever room is made.
  func pause(untilMonotonicNanoseconds deadline: UInt64) {
    monitor.withLock { while monitor.wait(untilMonotonicNanoseconds: deadline) {} }
  }
}
