package import Coppice
internal import CoppicePlatform

/// How the command has requests carried out: by the server of the store when one runs, else by this
/// process. The answer is the same.
package struct StoreAccess: Sendable {
  private let directory: String

  package init(_ directory: String) { self.directory = directory }

  /// Waits some seconds for a store that another process has open: commands are short, and a server
  /// that has just begun answers soon.
  package func perform<Request: StoreRequest>(
    _ request: Request, _ work: Work, holding files: [HeldFile] = []
  ) throws(StoreError) -> Request.Answer {
    // The request names their descriptors by number.
    defer { withExtendedLifetime(files) {} }
    let clock = SystemClock()
    let deadline = clock.monotonicNanoseconds() + 5_000_000_000
    let alone = StandaloneContext(directory: directory, work: work, files: OwnFiles(files))
    while true {
      if let server = try ServerConnection.find(in: directory) {
        for file in files { try file.start() }
        do throws(StoreError) {
          return try server.perform(request, work)
        } catch {
          for file in files { try file.check() }
          throw error
        }
      }
      switch try request.runAlone(alone) {
      case .done(let answer): return answer
      case .locked(let error):
        guard clock.monotonicNanoseconds() < deadline else { throw inUse(error) }
        Pause().wait(nanoseconds: 50_000_000)
      }
    }
  }

  /// What the store's server does, if it has one. Throws `notFound` when there is no store.
  package func status() throws(StoreError) -> StatusRequest.Answer {
    if let server = try ServerConnection.find(in: directory) {
      return try server.perform(StatusRequest())
    }
    do throws(SystemError) {
      _ = try HostDirectory(path: directory).status(of: Array("superblock".utf8))
    } catch {
      throw StoreError(
        .notFound, "there is no store here", object: directory,
        remedy: "make one with `coppice init`", cause: error.description)
    }
    return StatusRequest.Answer(
      isRunning: false, store: HostPath.absolute(directory), requestCount: 0, mounts: [])
  }

  /// Ends the store's server and waits until its process is gone. Throws `inUse` while files of its
  /// mounts are open, unless it is forced.
  package func stopServer(force: Bool) throws(StoreError) -> StopRequest.Answer {
    guard let server = try ServerConnection.find(in: directory) else {
      throw StoreError(.notFound, "the store has no server", object: directory)
    }
    let answer = try server.perform(StopRequest(force: force))
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

  private func inUse(_ error: StoreError) -> StoreError {
    let owners = HostProcess.identifiers(havingOpen: "\(directory)/lock")
    let names = owners.map(String.init).joined(separator: ", ")
    let who = owners.isEmpty ? "another process" : "process \(names)"
    return StoreError(
      .inUse, "the store is in use by \(who)", object: directory,
      remedy: "wait until it has ended, or end it", cause: error.cause)
  }
}
