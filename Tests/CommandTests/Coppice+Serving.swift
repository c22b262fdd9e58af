import CoppicePlatform
import Glibc
import TestSupport

/// A server of a test's store, in a process of its own.
final class ServingCoppice {
  private let running: Program.Running
  private var hasEnded = false

  var process: Int32 { running.pid }

  /// What it has logged.
  var log: String {
    String(decoding: (try? TemporaryFolder.bytes(of: running.errorPath)) ?? [], as: UTF8.self)
  }

  /// Returns once it serves.
  convenience init(_ coppice: CoppiceCommand, _ arguments: String...) throws {
    try self.init(coppice, arguments)
  }

  init(_ coppice: CoppiceCommand, _ arguments: [String]) throws {
    let pipe = coppice.folder("serving")
    guard mkfifo(pipe, 0o600) == 0 || errno == EEXIST else {
      throw Program.Failure(description: "no pipe: \(errno)")
    }
    let reader = open(pipe, O_RDONLY | O_NONBLOCK | O_CLOEXEC)
    running = try coppice.program.start(
      ["serve"] + arguments, in: coppice.folder.path, output: pipe)
    _ = fcntl(reader, F_SETFL, 0)
    defer { close(reader) }
    var bytes = [UInt8](repeating: 0, count: 4096)
    guard read(reader, &bytes, bytes.count) > 0 else {
      hasEnded = true
      throw Program.Failure(description: "no server: \(try running.wait().errors)")
    }
  }

  deinit {
    if !hasEnded { _ = try? end(SIGKILL) }
  }

  @discardableResult
  func end(_ signal: Int32) throws -> Program.Result {
    running.send(signal: signal)
    return try wait()
  }

  func wait() throws -> Program.Result {
    hasEnded = true
    return try running.wait()
  }
}
