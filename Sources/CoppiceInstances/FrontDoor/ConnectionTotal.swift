internal import Synchronization

/// The connections of all doors together. Each takes two file descriptors of the process, which
/// needs others for the store: whoever connects must not be able to take them all.
final class ConnectionTotal: Sendable {
  /// Of those that are let in, and of the others.
  let countMax: Int
  private let openCount = Atomic<Int>(0)
  private let admittedCount = Atomic<Int>(0)

  init(countMax: Int) { self.countMax = countMax }

  /// False when there are too many, which leaves room for telling clients so.
  func open() -> Bool { Self.take(openCount, atMost: 2 * countMax) }
  func close() { openCount.subtract(1, ordering: .relaxed) }

  func admit() -> Bool { Self.take(admittedCount, atMost: countMax) }
  func dismiss() { admittedCount.subtract(1, ordering: .relaxed) }

  private static func take(_ count: borrowing Atomic<Int>, atMost countMax: Int) -> Bool {
    if count.add(1, ordering: .relaxed).newValue <= countMax { return true }
    count.subtract(1, ordering: .relaxed)
    return false
  }
}
