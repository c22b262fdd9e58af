import Glibc
import TestSupport
import Testing

/// What doors cost that nobody uses.
struct IdleDoorTests {
  /// Where the build put its products: beside the running test.
  private static let driver: String = {
    var buffer = [CChar](repeating: 0, count: Int(PATH_MAX))
    let count = readlink("/proc/self/exe", &buffer, buffer.count)
    let path = String(decoding: buffer[..<count].map { UInt8(bitPattern: $0) }, as: UTF8.self)
    return path.split(separator: "/").dropLast().map { "/\($0)" }.joined() + "/FrontDoorDriver"
  }()

  /// How often the threads of a process went to sleep so far: each time something woke them.
  private func sleepCount(_ process: Int32) throws -> Int {
    let result = try Program("sh").check([
      "-c",
      "awk '/^voluntary_ctxt_switches/ { sum += $2 } END { print sum }' "
        + "/proc/\(process)/task/*/status",
    ])
    return try #require(Int(result.text.dropLast()))
  }

  @Test func `idle doors and idle connections wake nobody`() throws {
    let folder = try TemporaryFolder()
    let server = try TestSocket.listening(at: folder("s"))
    let driver = try Program(Self.driver).start(
      [folder("s"), "app", "50"], output: folder("ports"))
    defer {
      driver.send(signal: SIGKILL)
      _ = try? driver.wait()
    }
    var ports: [Int] = []
    for _ in 0..<2000 {
      let text = String(decoding: try TemporaryFolder.bytes(of: folder("ports")), as: UTF8.self)
      if text.hasSuffix("ready\n") {
        ports = text.split(separator: "\n").compactMap { Int($0) }
        break
      }
      poll(nil, 0, 10)
    }
    try #require(ports.count == 50)
    var open: [TestSocket] = []
    for port in ports {
      let client = try TestSocket.connect(to: port)
      try client.send(StartupBytes.startup())
      let end = try server.accept()
      try end.send([1])
      #expect(try client.receive(1) == [1])
      open += [client, end]
    }
    let before = try sleepCount(driver.pid)
    poll(nil, 0, 3000)
    // A timer that was set for the startup and is no longer needed may still fire, once a loop.
    #expect(try sleepCount(driver.pid) - before <= 8)
    withExtendedLifetime(open) {}
  }
}
