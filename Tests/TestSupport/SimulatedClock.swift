public import CoppicePlatform
internal import Synchronization

/// A clock that moves only when told to.
public final class SimulatedClock: StoreClock {
  private let elapsed = Atomic<UInt64>(0)
  private let wallStart: Int64

  /// - Parameter wallNanoseconds: the wall clock's first time.
  public init(wallNanoseconds: Int64 = 1_700_000_000_000_000_000) { wallStart = wallNanoseconds }

  public func wallNanoseconds() -> Int64 {
    wallStart + Int64(elapsed.load(ordering: .relaxed))
  }

  public func monotonicNanoseconds() -> UInt64 { elapsed.load(ordering: .relaxed) + 1 }

  public func advance(byNanoseconds nanoseconds: UInt64) {
    elapsed.add(nanoseconds, ordering: .relaxed)
  }
}
