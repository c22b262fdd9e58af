package import Coppice
internal import CoppiceEngine
internal import CoppicePlatform

/// How the command has requests carried out: by the server of the store when one runs, else by this
/// process. The answer is the same.
package struct StoreAccess: Sendable {
  /// Commands are short, and a server that has just begun answers soon.
  package static let standardLockWait = Duration.seconds(5)

  private let directory: String
  private let lockWait: Duration

  /// - Parameter lockWait: how long to wait for a store that another process has open.
  package init(_ directory: String, lockWait: Duration = standardLockWait) {
    self.directory = directory
    self.lockWait = lockWait
  }

  /// Work without a server that moves files is called off by the signals that end processes: once
  /// it has thrown, `EndSignals.endIfNoted` ends this one.
  package func perform<Request: StoreRequest>(
    _ request: Request, _ work: Work, holding files: [HeldFile] = []
  ) throws(StoreError) -> Request.Answer {
    // The request names their descriptors by number.
    defer { withExtendedLifetime(files) {} }
    let lock = StoreLock(directory, lockWait: lockWait)
    let alone = StandaloneContext(directory: directory, work: work, files: OwnFiles(files))
    while true {
      if let server = try ServerConnection.find(in: directory) {
        EndSignals.stopNoting()
        for file in files { try file.start() }
        do throws(StoreError) {
          return try server.perform(request, work)
        } catch {
          for file in files { try file.check() }
          throw error
        }
      }
      if !files.isEmpty { EndSignals.note() }
      let attempt: Attempt<Request.Answer>
      do throws(StoreError) { attempt = try request.runAlone(alone) } catch {
        for file in files { file.endIfUnread() }
        throw error
      }
      switch attempt {
      case .done(let answer): return answer
      case .locked(let error):
        try lock.refuse(pipesOf: files)
        try lock.wait(after: error) { !work.isCancelled }
      }
    }
  }

  /// What the store's server does, if it has one. Throws `notFound` when there is no store.
  package func status() throws(StoreError) -> StatusRequest.Answer {
    if let server = try ServerConnection.find(in: directory) {
      return try server.perform(StatusRequest())
    }
    try checkStore()
    return StatusRequest.Answer(
      isRunning: false, store: HostPath.absolute(directory), requestCount: 0, mounts: [])
  }

  private func checkStore() throws(StoreError) {
    do throws(SystemError) {
      _ = try HostDirectory(path: directory).status(of: Array("superblock".utf8))
    } catch {
      throw StoreError(noStoreAt: directory, error)
    }
  }

  /// Ends the store's server and waits until its process is gone. Throws `inUse` while files of its
  /// mounts are open or somebody works in them, unless it is forced; `denied` to whom the store
  /// does not belong.
  package func stopServer(
    force: Bool, drain: UInt64? = nil
  ) throws(StoreError) -> StopRequest.Answer {
    guard let server = try ServerConnection.find(in: directory) else {
      do throws(StoreError) { try checkStore() } catch {
        if error.kind == .denied { throw error }
      }
      throw StoreError(.notFound, "the store has no server", object: directory)
    }
    let answer = try server.perform(StopRequest(force: force, drain: drain))
    let hasEnded: Bool
    do throws(SystemError) {
      hasEnded = try HostProcess.waitForEnd(
        of: Int32(clamping: answer.process), milliseconds: Self.endMilliseconds)
    } catch {
      throw StoreError(error, while: "waiting for the server's end")
    }
    guard hasEnded else {
      throw StoreError(
        .unavailable, "the server, process \(answer.process), is still ending",
        object: directory,
        remedy: "look at \(directory)/\(ServerFiles.logName), and wait for it")
    }
    return answer
  }

  private static let endMilliseconds: Int32 = 60_000
}

extension StoreError {
  /// What a look for a store's files failed with.
  fileprivate init(noStoreAt directory: String, _ error: SystemError) {
    guard error.isDenied else {
      self.init(
        .notFound, "there is no store here", object: directory,
        remedy: "make one with `coppice init`", cause: error.description)
      return
    }
    self.init(
      .denied, "this user may not look whether there is a store", object: directory,
      remedy: "ask as the user whose store it is, or as root", cause: error.description)
  }
}
