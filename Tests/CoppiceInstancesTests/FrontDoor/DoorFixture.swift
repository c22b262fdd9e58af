import CoppiceErrors
import CoppiceInstances
import Glibc
import Logging
import Synchronization
import TestSupport

/// A front door with one open door, and behind it a socket that the test serves.
final class DoorFixture {
  let folder: TemporaryFolder
  let server: TestSocket
  let log: TestLog
  let frontDoor: FrontDoor
  /// Files that the door reads.
  var kept: TemporaryFolder?
  let address: String
  let port: Int

  init(
    allowsReplication: Bool = false, queueCount: Int32 = 64,
    _ change: (inout FrontDoor.Options) -> Void = { _ in }
  ) throws {
    folder = try TemporaryFolder()
    log = TestLog()
    let path = folder("s")
    server = try TestSocket.listening(at: path, queueCount: queueCount)
    var options = FrontDoor.Options(logger: log.logger)
    options.address = TestSocket.freeAddress()
    change(&options)
    address = options.address
    frontDoor = try FrontDoor(options)
    port = try frontDoor.open(1, port: 0, in: 1...1, avoiding: []) {
      .server(socketPath: path, login: "app", allowsReplication: allowsReplication)
    }
  }

  deinit { frontDoor.shutDown() }

  func connect() throws -> TestSocket { try TestSocket.connect(to: port, of: address) }

  /// A client that was let in, and its server.
  func splice(receiveByteCount: Int32? = nil) throws -> (client: TestSocket, server: TestSocket) {
    let client = try TestSocket.connect(
      to: port, of: address, receiveByteCount: receiveByteCount)
    try client.send(StartupBytes.startup())
    let end = try server.accept()
    guard try end.receive(StartupBytes.startup().count) == StartupBytes.startup() else {
      throw Program.Failure(description: "the startup message came otherwise")
    }
    return (client, end)
  }

  /// What a client is told that begins like this and then waits.
  func refusal(of bytes: [UInt8]) throws -> [Character: String] {
    let client = try connect()
    try client.send(bytes)
    return StartupBytes.refusal(try client.receiveToEnd())
  }

  /// Waits until so many are connected; false when that takes more than twenty seconds.
  func reachesCount(_ count: Int) -> Bool {
    for _ in 0..<20_000 {
      if frontDoor.connectionCount(of: 1) == count { return true }
      poll(nil, 0, 1)
    }
    return false
  }
}

/// Keeps what is logged.
final class TestLog: Sendable {
  private let kept = Mutex<[String]>([])

  var lines: [String] { kept.withLock { $0 } }

  var logger: Logger { Logger(label: "test") { _ in Handler(log: self) } }

  private struct Handler: LogHandler {
    let log: TestLog
    var metadata: Logger.Metadata = [:]
    var logLevel = Logger.Level.debug

    subscript(metadataKey key: String) -> Logger.Metadata.Value? {
      get { metadata[key] }
      set { metadata[key] = newValue }
    }

    func log(event: LogEvent) {
      log.kept.withLock { $0.append("\(event.level) \(event.message)") }
    }
  }
}
