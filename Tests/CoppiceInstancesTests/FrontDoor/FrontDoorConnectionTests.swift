import CoppiceInstances
import CoppicePlatform
import Glibc
import Synchronization
import TestSupport
import Testing

/// Connections that were let in: bytes, ends, and how many.
struct FrontDoorConnectionTests {
  @Test func `bytes go both ways, and the end of one goes on behind its last byte`() throws {
    let fixture = try DoorFixture()
    let (client, server) = try fixture.splice()
    try server.send(Array("hello".utf8))
    #expect(try client.receive(5) == Array("hello".utf8))
    try client.send(Array("question".utf8))
    client.closeOutput()
    #expect(try server.receiveToEnd() == Array("question".utf8))
    // The other direction goes on.
    #expect(fixture.frontDoor.connectionCounts == [1: 1])
    let answer = [UInt8](repeating: 7, count: 3 << 20)
    let received = try sending(answer, to: server) { try client.receiveToEnd() }
    #expect(received == answer)
    #expect(fixture.reachesCount(0))
  }

  /// Sends by another thread, and ends the socket's output.
  private func sending(
    _ bytes: [UInt8], to socket: TestSocket, _ body: () throws -> [UInt8]
  ) throws -> [UInt8] {
    let failure = Mutex<(any Error)?>(nil)
    let thread = try SystemThread(name: "sender") {
      do { try socket.send(bytes) } catch { failure.withLock { $0 = error } }
      socket.closeOutput()
    }
    let result = try body()
    thread.join()
    if let error = failure.withLock({ $0 }) { throw error }
    return result
  }

  @Test func `a client that sends its startup message, a question and its end is answered`() throws
  {
    let fixture = try DoorFixture()
    let client = try fixture.connect()
    try client.send(StartupBytes.startup() + Array("question".utf8))
    client.closeOutput()
    let server = try fixture.server.accept()
    #expect(
      try server.receiveToEnd() == StartupBytes.startup() + Array("question".utf8))
    try server.send(Array("answer".utf8))
    server.closeOutput()
    #expect(try client.receiveToEnd() == Array("answer".utf8))
  }

  @Test func `a server's last words reach a client that is still sending`() throws {
    let fixture = try DoorFixture()
    var ends: (client: TestSocket, server: TestSocket)? = try fixture.splice()
    let client = try #require(ends?.client)
    _ = try client.sendWhileTaken([UInt8](repeating: 1, count: 64 << 20)[...])
    try ends?.server.send(Array("terminating".utf8))
    // The server's process is killed, with unread bytes in its socket.
    ends = nil
    #expect(try client.receive(11) == Array("terminating".utf8))
    #expect(fixture.reachesCount(0))
  }

  @Test func `a client that vanishes ends its server's connection`() throws {
    let fixture = try DoorFixture()
    var ends: (client: TestSocket, server: TestSocket)? = try fixture.splice()
    let server = try #require(ends?.server)
    try server.send([1])
    ends = nil
    #expect(try server.receiveToEnd() == [])
  }

  /// 64 MiB, no part of which is like another.
  private static let manyBytes = [UInt8](unsafeUninitializedCapacity: 64 << 20) { buffer, count in
    count = buffer.count
    UnsafeMutableRawBufferPointer(buffer).withMemoryRebound(to: UInt32.self) { words in
      var next: UInt32 = 1
      for index in 0..<words.count {
        words[index] = next
        next = next &* 747_796_405 &+ 2_891_336_453
      }
    }
  }

  @Test func `the kernel asks whether a client that says nothing is still there`() throws {
    let fixture = try DoorFixture()
    let ends = try fixture.splice()
    // Of the door's end of the connection: its address and port, state 01 (established), and timer
    // 02, which is the one for that.
    let numbers = fixture.address.split(separator: ".").reversed().compactMap { UInt32($0) }
    func hex(_ number: UInt32, _ count: Int) -> String {
      let digits = String(number, radix: 16, uppercase: true)
      return String(repeating: "0", count: count - digits.count) + digits
    }
    let place = numbers.map { hex($0, 2) }.joined() + ":" + hex(UInt32(fixture.port), 4)
    let table = String(decoding: try TemporaryFolder.bytes(of: "/proc/net/tcp"), as: UTF8.self)
    let rows = table.split(separator: "\n").map { $0.split(separator: " ") }
    let row = try #require(rows.first { $0[1] == place && $0[3] == "01" })
    #expect(row[5].hasPrefix("02:"), "\(row)")
    withExtendedLifetime(ends) {}
  }

  @Test func `what a client does not read is not taken from the server`() throws {
    let fixture = try DoorFixture()
    let (client, server) = try fixture.splice(receiveByteCount: 4096)
    let bytes = Self.manyBytes
    let count = try server.sendWhileTaken(bytes[...])
    // What the kernel keeps of a TCP connection, four MiB by default, and two small buffers.
    #expect(count < 16 << 20)
    let received = try sending(Array(bytes[count...]), to: server) { try client.receiveToEnd() }
    #expect(received == bytes)
  }

  @Test func `what a server does not read is not taken from the client`() throws {
    let fixture = try DoorFixture()
    let (client, server) = try fixture.splice()
    let bytes = Self.manyBytes
    let count = try client.sendWhileTaken(bytes[...])
    #expect(count < 32 << 20)
    let received = try sending(Array(bytes[count...]), to: client) { try server.receiveToEnd() }
    #expect(received == bytes)
  }

  @Test func `a branch has as many connections as it may, and says so`() throws {
    let fixture = try DoorFixture { $0.connectionCountMax = 3 }
    var open = try (0..<3).map { _ in try fixture.splice() }
    #expect(fixture.frontDoor.connectionCount(of: 1) == 3)
    let fields = try fixture.refusal(of: StartupBytes.startup())
    #expect(fields["C"] == "53300" && fields["M"]?.contains("3 connections") == true)
    open.removeLast()
    #expect(fixture.reachesCount(2))
    let again = try fixture.splice()
    try again.client.send([1])
    #expect(try again.server.receive(1) == [1])
  }

  @Test func `all branches together have as many connections as there are files for`() throws {
    let fixture = try DoorFixture { $0.totalConnectionCountMax = 2 }
    let path = fixture.folder("s")
    let port = try fixture.frontDoor.open(2, port: 0, in: 1...1, avoiding: []) {
      .server(socketPath: path, login: "app", allowsReplication: false)
    }
    let first = try fixture.splice()
    let other = try TestSocket.connect(to: port, of: fixture.address)
    try other.send(StartupBytes.startup())
    let end = try fixture.server.accept()
    #expect(fixture.frontDoor.connectionCounts == [1: 1, 2: 1])
    let fields = try fixture.refusal(of: StartupBytes.startup())
    #expect(fields["C"] == "53300" && fields["M"]?.contains("all branches together") == true)
    // Those that were ended count no longer.
    for _ in 0..<3 {
      fixture.frontDoor.endConnections(of: 1)
      let (client, server) = try fixture.splice()
      try client.send([1])
      #expect(try server.receive(1) == [1])
    }
    withExtendedLifetime((first, other, end)) {}
  }

  @Test func `clients that say nothing keep nobody out for long`() throws {
    let fixture = try DoorFixture {
      $0.connectionCountMax = 3
      $0.startupTimeout = .milliseconds(300)
    }
    var silent = try (0..<4).map { _ in try fixture.connect() }
    // One of them is closed at once, the others are told that they are too slow.
    let words = try silent.map { try $0.receiveToEnd() }
    #expect(words.count(where: \.isEmpty) == 1)
    silent = []
    // They are forgotten once they are gone.
    for _ in 0..<2000 {
      let client = try fixture.connect()
      try client.send(StartupBytes.startup())
      if try fixture.server.isReady(for: POLLIN, milliseconds: 10) { break }
    }
    let server = try fixture.server.accept()
    #expect(try server.receive(StartupBytes.startup().count) == StartupBytes.startup())
  }

  @Test func `ending connections leaves the port`() throws {
    let fixture = try DoorFixture()
    let open = try (0..<5).map { _ in try fixture.splice() }
    // One that has not said who it is.
    let silent = try fixture.connect()
    try silent.send(StartupBytes.gssRequest)
    #expect(try silent.receive(1) == Array("N".utf8))
    fixture.frontDoor.endConnections(of: 1)
    #expect(fixture.frontDoor.connectionCount(of: 1) == 0)
    for (client, server) in open {
      #expect(try client.receiveToEnd() == [])
      #expect(try server.receiveToEnd() == [])
    }
    #expect(try silent.receiveToEnd() == [])
    let (client, server) = try fixture.splice()
    try client.send([1])
    #expect(try server.receive(1) == [1])
  }

  @Test func `closing a door ends its connections and frees its port`() throws {
    let fixture = try DoorFixture()
    let (client, server) = try fixture.splice()
    fixture.frontDoor.close(1)
    #expect(try client.receiveToEnd() == [])
    #expect(try server.receiveToEnd() == [])
    #expect(throws: Program.Failure.self) { try fixture.connect() }
    #expect(fixture.frontDoor.connectionCounts == [:])
    let port = try fixture.frontDoor.open(2, port: fixture.port, in: 1...1, avoiding: []) {
      .unavailable(message: "stopped")
    }
    #expect(port == fixture.port)
    #expect(try fixture.refusal(of: StartupBytes.startup())["M"] == "stopped")
    // Of a door that is not open nothing is left to do.
    fixture.frontDoor.close(1)
    fixture.frontDoor.endConnections(of: 1)
  }
}
