package import Coppice
internal import CoppiceLifecycle
internal import CoppicePlatform
internal import Logging
internal import Synchronization

extension InstanceSupervisor {
  static let fastSeconds: UInt64 = 30
  private static let immediateSeconds: UInt64 = 10

  /// Ends the instance of a branch, as a server is ended that writes all to its files; at once, as
  /// by a power cut, with `isImmediate`, or after 30 seconds. It is not started again by itself,
  /// and its port tells clients so. Does nothing to one that does not run.
  ///
  /// Throws `notFound` for a branch without one.
  @discardableResult
  package func stop(
    _ name: String, isImmediate: Bool = false
  ) throws(StoreError) -> InstanceReport {
    instance(try known(name).entry.id).withStatus { $0.isEndWanted = true }
    return try operate(on: name) { branch, instance throws(StoreError) in
      var (_, record) = try known(name)
      if record.shallRun {
        record.shallRun = false
        try keep(record, of: name)
      }
      end(instance, by: isImmediate ? .immediate : .fast, waitSeconds: Self.fastSeconds)
      door.endConnections(of: branch.id)
      mount.showAsStored(entry: branch.id)
      return report(name, branch.id, record, withPassword: false)
    }
  }

  /// Ends it and starts it again, in one go for clients: its address and password stay. One that
  /// does not start with what is wished for goes on as it was, and so does one that the wishes
  /// cannot be for.
  package func restart(
    _ name: String, _ wishes: InstanceWishes = InstanceWishes()
  ) throws(StoreError) -> InstanceReport {
    try operate(on: name) { branch, instance throws(StoreError) in
      let (_, record) = try known(name)
      _ = try setUp(branch, record, wishes)
      end(instance, by: .fast, waitSeconds: Self.fastSeconds)
      instance.withStatus { status in
        status.isEndWanted = false
        status.brake = RestartBrake()
      }
      do throws(StoreError) { return try start(branch, instance, record, wishes) } catch {
        guard record.shallRun, wishes.changesServer else { throw error }
        do throws(StoreError) {
          _ = try start(branch, instance, record, InstanceWishes())
        } catch let second {
          logger.error("instance of \(name), as it was: \(second.commandText)")
        }
        throw error
      }
    }
  }

  /// Signals a process that runs, and waits for its end: so long, then it is made to.
  func end(_ instance: RunningInstance, by signal: ServerSignal, waitSeconds: UInt64) {
    let process = instance.withStatus { status in
      if status.process != nil { status.state = .stopping }
      return status.process
    }
    if let process {
      for (step, seconds) in [
        (signal, waitSeconds), (.immediate, Self.immediateSeconds), (.kill, Self.immediateSeconds),
      ] {
        process.signal(step)
        let deadline = clock.monotonicNanoseconds() + seconds * 1_000_000_000
        if instance.waitForEnd(until: deadline) { break }
      }
    }
    instance.withStatus { status in
      status.state = .stopped
      status.socketPath = nil
    }
  }

  /// Of an instance's first process, whatever ended it.
  func noteEnd(of instance: RunningInstance, _ end: ProcessEnd) {
    let wasRunning = instance.withStatus { status in
      status.process = nil
      status.mountTop = nil
      defer { if status.state == .running { status.state = .failed } }
      return status.state == .running
    }
    guard wasRunning else { return }
    door.endConnections(of: instance.id)
    do throws(SystemError) {
      _ = try SystemThread(name: "instance restart") { [self] in revive(instance, end) }
    } catch {
      logger.error("instance of branch \(instance.id): \(end); not started again: \(error)")
    }
  }

  /// Starts one again that ended by itself, unless somebody has ended or started it since.
  private func revive(_ instance: RunningInstance, _ end: ProcessEnd) {
    do throws(StoreError) {
      try instance.operate { () throws(StoreError) in
        let entry = store.entry(ofID: instance.id)
        let status = instance.snapshot
        guard let entry, entry.state == .live, isKnown(instance), status.state == .failed,
          !status.isEndWanted
        else { return }
        let isDue = instance.withStatus { $0.brake.release(at: clock.monotonicNanoseconds()) }
        guard isDue, let record = try record(of: entry.name), record.shallRun else {
          instance.withStatus { $0.message = "it \(end), more often than it is started again" }
          return logger.error("instance of \(entry.name) \(end): it stays so")
        }
        logger.warning("instance of \(entry.name) \(end): it is started again")
        _ = try start(try store.branch(entry.name), instance, record, InstanceWishes())
      }
    } catch {
      logger.error("instance of branch \(instance.id): \(error.commandText)")
    }
  }

  // MARK: With the server

  /// Starts all that shall run, or those of some branches, as many at once as there are cores;
  /// returns when each has started or failed.
  package func resume(_ chosen: [String]? = nil) {
    let names = (chosen ?? ((try? list()) ?? []).map(\.name)).filter { name in
      guard let entry = try? store.entry(name), entry.state == .live, !entry.isSnapshot else {
        return false
      }
      return (try? record(of: name))?.shallRun ?? false
    }
    let next = Atomic<Int>(0)
    let threads = (0..<min(names.count, SystemThread.possibleCoreCount)).compactMap { _ in
      try? SystemThread(name: "instances") { [self] in
        while true {
          let index = next.wrappingAdd(1, ordering: .relaxed).oldValue
          guard index < names.count else { return }
          do throws(StoreError) { _ = try start(names[index]) } catch {
            logger.error("instance of \(names[index]): \(error.commandText)")
          }
        }
      }
    }
    for thread in threads { thread.join() }
  }

  /// Returns once no client is connected to any instance, or after so long; says whether none is.
  package func drain(seconds: UInt64) -> Bool {
    let deadline = clock.monotonicNanoseconds() + min(seconds, 86_400) * 1_000_000_000
    while true {
      if door.connectionCounts.values.allSatisfy({ $0 == 0 }) { return true }
      guard clock.monotonicNanoseconds() < deadline else { return false }
      Pause().wait(nanoseconds: 100_000_000)
    }
  }

  /// Ends all, with the server: they are started again with it.
  package func shutDown() {
    let running = known
    for instance in running { instance.withStatus { $0.isEndWanted = true } }
    // All are asked before the first is waited for.
    for instance in running { instance.snapshot.process?.signal(.fast) }
    for instance in running {
      do throws(StoreError) {
        try instance.operate { () throws(StoreError) in
          end(instance, by: .fast, waitSeconds: Self.fastSeconds)
        }
      } catch {
        logger.error("\(error.commandText)")
      }
    }
    door.shutDown()
    launcher.close()
  }
}

/// The end of a process that is told only once its beginning is known.
final class EndOfProcess: Sendable {
  private struct State {
    var end: ProcessEnd?
    var isBegun = false
    var handler: (@Sendable (ProcessEnd) -> Void)?
  }

  private let state = Mutex(State())

  func note(_ end: ProcessEnd, _ handler: @escaping @Sendable (ProcessEnd) -> Void) {
    let isBegun = state.withLock { state in
      state.end = end
      state.handler = handler
      return state.isBegun
    }
    if isBegun { handler(end) }
  }

  /// From here on.
  func tell() {
    let (end, handler) = state.withLock { state in
      state.isBegun = true
      return (state.end, state.handler)
    }
    if let end { handler?(end) }
  }
}
