package import Coppice
internal import CoppicePlatform
internal import CoppicePostgreSQL
internal import Logging

/// Servers of Coppice's own, on branches that it makes ready.
extension InstanceSupervisor {
  /// How long a server may take to write everything to its files.
  private static let endSeconds: UInt64 = 600

  /// Runs a server on a branch, with all fences, for as long as `body` takes; then the server ends
  /// as one that has written everything to its files. Nothing is kept of it but what it changed.
  ///
  /// Throws what `start` throws for branches that no server can work on; `unavailable` with what it
  /// printed last when it does not take connections, or has not ended in order.
  /// - Parameters:
  ///   - waitSeconds: how long it may recover.
  ///   - isWanted: asked now and then; when it says no, the server is killed.
  package func work<Result>(
    on name: String, waitSeconds: UInt64, while isWanted: @escaping @Sendable () -> Bool,
    _ body: (WorkingServer) throws(StoreError) -> Result
  ) throws(StoreError) -> Result {
    try operate(on: name) { branch, instance throws(StoreError) in
      instance.withStatus { status in
        status.state = .starting
        status.isEndWanted = false
      }
      defer {
        end(instance, by: .kill, waitSeconds: 10)
        leave(branch.id)
        InstanceDirectory.remove(store: store.identifier, entry: branch.id)
      }
      let server = try begin(on: branch, instance, waitSeconds, isWanted)
      let result = try body(server)
      end(instance, by: .fast, waitSeconds: Self.endSeconds)
      guard try Cluster(of: branch, at: server.cluster.directory.description).isShutDown else {
        throw failure(of: name, server.log, "it did not end in order")
      }
      return result
    }
  }

  private func begin(
    on branch: Branch, _ instance: RunningInstance, _ waitSeconds: UInt64,
    _ isWanted: @escaping @Sendable () -> Bool
  ) throws(StoreError) -> WorkingServer {
    var setup = try setUp(branch, nil, InstanceWishes())
    setup.isWorking = true
    setup.record.port = Self.workingPort
    let cluster = setup.cluster
    show(cluster, of: branch, as: setup.record.userID)
    try cluster.clearTraces(of: branch)
    let directory = try InstanceDirectory(
      store: store.identifier, entry: branch.id, user: setup.record.userID)
    try directory.clearRun()
    let log = try directory.log()
    let process = try start(
      try setup.launch(
        in: directory, at: place(of: cluster, in: branch), isolation: launcher.isolation,
        isShortLived: true),
      instance, log)
    let deadline =
      clock.monotonicNanoseconds() + min(waitSeconds, 86_400 * 30) * 1_000_000_000
    try waitUntilReady(setup, instance, log, deadline, while: isWanted)
    logger.info("working on \(branch.name): process \(process.identifier)")
    return WorkingServer(
      socketDirectory: directory.runDirectory, port: setup.record.port, programs: setup.programs,
      cluster: cluster, userID: setup.record.userID, branch: branch.name, log: log
    ) {
      let status = instance.snapshot
      return status.process != nil && !status.isEndWanted && isWanted()
    }
  }

  /// Nothing listens on it.
  private static let workingPort: UInt16 = 5432
}
