public import CoppicePlatform
internal import Synchronization

/// A clock that moves only when told to.
public final class SimulatedClock: StoreClock {
  private let elapsed = Atomic<UInt64>(0)
  private let slept = Atomic<UInt64>(0)
  private let leapt = Atomic<Int64>(0)
  private let wallStart: Int64

  /// - Parameter wallNanoseconds: the wall clock's first time.
  public init(wallNanoseconds: Int64 = 1_700_000_000_000_000_000) { wallStart = wallNanoseconds }

  /// Past 2262 it stands still, as the machine's does.
  public func wallNanoseconds() -> Int64 {
    let (passed, isBeyond) = wallStart.addingReportingOverflow(Int64(bootNanoseconds()))
    let (time, isOver) = passed.addingReportingOverflow(leapt.load(ordering: .relaxed))
    return isBeyond || isOver ? .max : time
  }

  public func monotonicNanoseconds() -> UInt64 { elapsed.load(ordering: .relaxed) + 1 }

  public func bootNanoseconds() -> UInt64 {
    elapsed.load(ordering: .relaxed) + slept.load(ordering: .relaxed)
  }

  /// Time passes and only the monotonic clock stands still.
  public func sleep(nanoseconds: UInt64) { slept.add(nanoseconds, ordering: .relaxed) }

  /// Somebody sets the wall clock.
  public func leap(byNanoseconds nanoseconds: Int64) {
    leapt.add(nanoseconds, ordering: .relaxed)
  }

  public func advance(byNanoseconds nanoseconds: UInt64) {
    elapsed.add(nanoseconds, ordering: .relaxed)
  }
}
