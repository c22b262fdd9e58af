internal import Coppice
internal import CoppicePlatform
internal import CoppicePostgreSQL
internal import Synchronization

/// One branch's instance: what it does now, and who waits for that to change.
///
/// What starts and stops it goes one behind the other (`operate`); that its process ends is noted
/// at any time.
final class RunningInstance: Sendable {
  struct Status {
    var state = InstanceState.stopped
    var record: InstanceRecord?
    var process: LaunchedProcess?
    /// The mount's top, open while the process lives: the process has the mount in a namespace of
    /// its own, where it would keep it from ending but not from being taken from everybody else.
    var mountTop: HostDirectory?
    /// That it works under, or is about to.
    var userID: UInt32?
    var startedAt: Timestamp?
    var startMilliseconds: Int?
    var isRecovered: Bool?
    var message: String?
    /// Where it takes connections.
    var socketPath: String?
    var brake = RestartBrake()
    /// Somebody wants it to end: whoever waits for it to start gives up.
    var isEndWanted = false
  }

  let id: UInt64
  private let operations = Monitor()
  private let changes = Monitor()
  private nonisolated(unsafe) var status = Status()

  init(_ id: UInt64) { self.id = id }

  /// One at a time: what starts it, or ends it.
  func operate<Result>(_ body: () throws(StoreError) -> Result) throws(StoreError) -> Result {
    hold()
    defer { release() }
    return try body()
  }

  /// Keeps everybody else from starting or ending it, until the same thread gives it back.
  func hold() { operations.lock() }

  func release() { operations.unlock() }

  func withStatus<Result>(_ body: (inout Status) -> Result) -> Result {
    changes.withLock {
      defer { changes.broadcast() }
      return body(&status)
    }
  }

  var snapshot: Status { changes.withLock { status } }

  /// Waits until the process has ended, or until then; returns whether it has.
  func waitForEnd(until deadline: UInt64) -> Bool {
    changes.withLock {
      while status.process != nil {
        if !changes.wait(untilMonotonicNanoseconds: deadline) { break }
      }
      return status.process == nil
    }
  }
}
