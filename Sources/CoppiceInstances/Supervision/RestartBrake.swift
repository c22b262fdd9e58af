/// When an instance that crashed is started again: at once, at most three times in five minutes.
/// Then it has failed, until somebody starts it.
package struct RestartBrake: Sendable {
  package static let countMax = 3
  package static let spanNanoseconds: UInt64 = 300_000_000_000

  private var restarts: [UInt64] = []

  package init() {}

  /// Whether it may be started again now, by a clock that never goes back; counts it then.
  package mutating func release(at now: UInt64) -> Bool {
    restarts.removeAll { now - $0 >= Self.spanNanoseconds }
    guard restarts.count < Self.countMax else { return false }
    restarts.append(now)
    return true
  }
}
