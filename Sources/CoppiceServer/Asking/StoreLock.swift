internal import Coppice
internal import CoppicePlatform

/// Waiting for a store that another process has open, which is no server.
struct StoreLock {
  private let directory: String
  private let lockWait: Duration
  private let deadline: UInt64
  private let clock = SystemClock()
  private static let pauseNanoseconds: UInt64 = 50_000_000

  init(_ directory: String, lockWait: Duration) {
    self.directory = directory
    self.lockWait = lockWait
    deadline =
      clock.monotonicNanoseconds() + UInt64(lockWait.components.seconds) * 1_000_000_000
  }

  /// Waits a moment, to try again; throws `inUse` when that was long enough.
  func wait(after error: StoreError, while isWanted: () -> Bool = { true }) throws(StoreError) {
    guard isWanted() else { throw .cancelled }
    guard clock.monotonicNanoseconds() < deadline else { throw inUse(error) }
    Pause().wait(nanoseconds: Self.pauseNanoseconds, while: isWanted)
  }

  private var owners: [Int32] { HostProcess.identifiers(havingOpen: "\(directory)/lock") }

  private func inUse(_ error: StoreError) -> StoreError {
    let owners = owners
    let names = owners.map(String.init).joined(separator: ", ")
    let who = owners.isEmpty ? "another process" : "process \(names)"
    return StoreError(
      .inUse, "the store is in use by \(who)", object: directory,
      remedy: "wait until it has ended (--lock-wait), or end it", cause: error.cause)
  }

  /// Throws `inUse` when an owner of the lock is at the other end of a pipe: he would wait for this
  /// process, and this one for him.
  func refuse(pipesOf files: [HeldFile]) throws(StoreError) {
    let pipes = files.compactMap(\.pipe)
    guard !pipes.isEmpty else { return }
    for owner in owners {
      for (status, isWritten) in pipes
      where HostProcess.has(owner, endOf: status, forWriting: !isWritten) {
        throw StoreError(
          .inUse,
          "process \(owner), at the other end of the pipe, has the store open: "
            + "each would wait for the other", object: directory,
          remedy: "start a server first, with `coppice serve` or `coppice mount`, "
            + "or go by way of a file")
      }
    }
  }
}
