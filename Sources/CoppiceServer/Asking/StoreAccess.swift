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
    let clock = SystemClock()
    let deadline = clock.monotonicNanoseconds() + 5_000_000_000
    let alone = StandaloneContext(directory: directory, work: work, files: OwnFiles(files))
    while true {
      switch try request.runAlone(alone) {
      case .done(let answer): return answer
      case .locked(let error):
        guard clock.monotonicNanoseconds() < deadline else { throw inUse(error) }
        Pause().wait(nanoseconds: 50_000_000)
      }
    }
  }

  private func inUse(_ error: StoreError) -> StoreError {
    let owners = HostProcess.identifiers(havingOpen: "\(directory)/lock")
    let names = owners.map(String.init).joined(separator: ", ")
    let who = owners.isEmpty ? "another process" : "process \(names)"
    return StoreError(
      .inUse, "the store is in use by \(who)", object: directory,
      remedy: "wait until it has ended, or end it", cause: error.cause)
  }
}
