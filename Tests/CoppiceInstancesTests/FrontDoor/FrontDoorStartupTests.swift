import CoppiceErrors
import CoppiceInstances
import Glibc
import TestSupport
import Testing

/// Who is let in, and what the others are told.
struct FrontDoorStartupTests {
  @Test func `a startup message of the login goes to the server as it came`() throws {
    let fixture = try DoorFixture()
    for version: UInt32 in [3 << 16, 3 << 16 | 2, 3 << 16 | 9999] {
      let startup = StartupBytes.startup(
        ["application_name": "x", "user": "app", "_pq_.x": "", "options": "-c a=b"],
        version: version)
      let client = try fixture.connect()
      // In pieces, and with something behind it.
      try client.send(startup.prefix(3))
      try client.send(startup.dropFirst(3).prefix(20))
      try client.send(startup.dropFirst(23) + Array("more".utf8))
      let server = try fixture.server.accept()
      #expect(try server.receive(startup.count + 4) == startup + Array("more".utf8))
    }
  }

  private static let refusals: [(bytes: [UInt8], code: String, words: String)] = [
    (StartupBytes.startup(["user": "postgres"]), "28000", "role \"postgres\" may not connect"),
    (StartupBytes.startup(["user": "App"]), "28000", "role \"App\""),
    (StartupBytes.startup(["user": "app "]), "28000", "role \"app \""),
    (StartupBytes.startup(["database": "shop"]), "28000", "no PostgreSQL user name"),
    (StartupBytes.startup(["user": "", "database": "shop"]), "28000", "no PostgreSQL user name"),
    (StartupBytes.startup(["user": "app", "user": "postgres"]), "08P01", "two parameters user"),
    (StartupBytes.startup(["user": "postgres", "user": "app"]), "08P01", "two parameters user"),
    (StartupBytes.startup(["user": "app", "replication": "1"]), "28000", "replication"),
    (StartupBytes.startup(["user": "app", "replication": "database"]), "28000", "replication"),
    (StartupBytes.startup(["user": "app", "replication": "off"]), "28000", "replication"),
    (StartupBytes.startup(["user": "app", "database": "template1"]), "28000", "template1"),
    (StartupBytes.startup(["user": "template1"]), "28000", "template1"),
    (StartupBytes.startup(["database": "", "user": "template1"]), "28000", "template1"),
    (StartupBytes.startup(version: 2 << 16), "0A000", "protocol 2.0"),
    (StartupBytes.startup(version: 4 << 16), "0A000", "protocol 4.0"),
    (StartupBytes.packet(1234 << 16 | 5681), "0A000", "protocol 1234.5681"),
    (StartupBytes.packet(3 << 16, Array("user\0app\0".utf8)), "08P01", "invalid layout"),
    (StartupBytes.packet(3 << 16, Array("user\0app\0\0x".utf8)), "08P01", "invalid layout"),
    (StartupBytes.packet(3 << 16, Array("user\0app".utf8)), "08P01", "invalid layout"),
    (StartupBytes.packet(3 << 16), "08P01", "invalid layout"),
    (StartupBytes.packet(80_877_103, [0]), "08P01", "invalid length"),
    (StartupBytes.packet(80_877_102, [0, 0, 0, 1]), "08P01", "invalid length"),
    (StartupBytes.bigEndian(10_001), "08P01", "invalid length"),
    (StartupBytes.bigEndian(0xFFFF_FFFF), "08P01", "invalid length"),
    (StartupBytes.bigEndian(7), "08P01", "invalid length"),
    (Array("GET / HTTP/1.1\r\n\r\n".utf8), "08P01", "invalid length"),
    (StartupBytes.tlsRequest + StartupBytes.startup(), "08P01", "unencrypted data"),
    (StartupBytes.gssRequest + StartupBytes.startup(), "08P01", "unencrypted data"),
  ]

  @Test(arguments: refusals.indices)
  func `whoever may not come is told why`(index: Int) throws {
    let fixture = try DoorFixture()
    let (bytes, code, words) = Self.refusals[index]
    let fields = try fixture.refusal(of: bytes)
    #expect(fields["S"] == "FATAL" && fields["V"] == "FATAL" && fields["C"] == code)
    #expect(fields["M"]?.contains(words) == true, "\(fields)")
    // Nobody came to the server.
    #expect(try !fixture.server.isReady(for: POLLIN, milliseconds: 0))
    #expect(fixture.frontDoor.connectionCount(of: 1) == 0)
  }

  @Test func `a message of 10,000 bytes is read to its end`() throws {
    let fixture = try DoorFixture()
    let head = StartupBytes.startup(["user": "app", "options": ""]).count
    let startup = StartupBytes.startup([
      "user": "app", "options": String(repeating: "x", count: 10_000 - head),
    ])
    #expect(startup.count == 10_000)
    let client = try fixture.connect()
    try client.send(startup)
    #expect(try fixture.server.accept().receive(10_000) == startup)
  }

  @Test func `a refused client that goes on sending still gets the words`() throws {
    let fixture = try DoorFixture()
    let client = try fixture.connect()
    try client.send(StartupBytes.bigEndian(20_000))
    _ = try client.sendWhileTaken([UInt8](repeating: 1, count: 1 << 20)[...])
    #expect(StartupBytes.refusal(try client.receive())["C"] == "08P01")
  }

  @Test func `connections for replication pass where they are allowed`() throws {
    let fixture = try DoorFixture(allowsReplication: true)
    let startup = StartupBytes.startup(["user": "app", "replication": "database"])
    let client = try fixture.connect()
    try client.send(startup)
    #expect(try fixture.server.accept().receive(startup.count) == startup)
  }

  @Test func `without a certificate requests for encryption are declined, once each`() throws {
    let fixture = try DoorFixture()
    let client = try fixture.connect()
    try client.send(StartupBytes.gssRequest)
    #expect(try client.receive(1) == Array("N".utf8))
    try client.send(StartupBytes.tlsRequest)
    #expect(try client.receive(1) == Array("N".utf8))
    try client.send(StartupBytes.tlsRequest)
    #expect(StartupBytes.refusal(try client.receiveToEnd())["C"] == "0A000")

    let other = try fixture.connect()
    try other.send(StartupBytes.tlsRequest)
    #expect(try other.receive(1) == Array("N".utf8))
    try other.send(StartupBytes.startup())
    let server = try fixture.server.accept()
    #expect(try server.receive(StartupBytes.startup().count) == StartupBytes.startup())
    // A handshake of TLS.
    let direct = try fixture.connect()
    try direct.send([0x16, 3, 1, 0, 100, 1, 0, 0, 96])
    #expect(try direct.receiveToEnd() == [])
  }

  @Test func `requests to cancel are passed on, whatever is behind them is not`() throws {
    let fixture = try DoorFixture { $0.connectionCountMax = 1 }
    let (client, server) = try fixture.splice()
    for key in [[1, 2, 3, 4], [UInt8](repeating: 7, count: 256)] {
      let request = StartupBytes.cancelRequest(key: key)
      let other = try fixture.connect()
      try other.send(request + StartupBytes.startup(["user": "postgres"]))
      let end = try fixture.server.accept()
      #expect(try end.receive(request.count) == request)
      try other.send(StartupBytes.startup(["user": "postgres"]))
      #expect(try !end.isReady(for: POLLIN, milliseconds: 100))
      #expect(fixture.frontDoor.connectionCount(of: 1) == 1)
      end.closeOutput()
      #expect(try other.receiveToEnd() == [])
      #expect(try end.receiveToEnd() == [])
    }
    try client.send([1])
    #expect(try server.receive(1) == [1])
  }

  @Test func `a startup that does not end in time is ended`() throws {
    let fixture = try DoorFixture { $0.startupTimeout = .milliseconds(200) }
    for bytes: [UInt8] in [[], [0], StartupBytes.startup().dropLast()] {
      let fields = try fixture.refusal(of: bytes)
      #expect(fields["C"] == "08P01" && fields["M"]?.contains("in time") == true)
    }
    // Those that were let in have all the time they want.
    let (client, server) = try fixture.splice()
    #expect(try !client.isReady(for: POLLIN, milliseconds: 500))
    try server.send([1])
    #expect(try client.receive(1) == [1])
  }

  @Test func `a client that says nothing and leaves is forgotten`() throws {
    let fixture = try DoorFixture { $0.connectionCountMax = 5 }
    for _ in 0..<20 {
      let client = try fixture.connect()
      try client.send(StartupBytes.startup().prefix(6))
      client.closeOutput()
      #expect(try client.receiveToEnd() == [])
    }
    _ = try fixture.splice()
  }

  @Test func `a branch without a server says so, and how to start it`() throws {
    let log = TestLog()
    let frontDoor = try FrontDoor(FrontDoor.Options(logger: log.logger))
    defer { frontDoor.shutDown() }
    let folder = try TemporaryFolder()
    let words = "pr-42 is stopped: start it with `coppice pg start pr-42`"
    let targets: [FrontDoorTarget] = [
      .unavailable(message: words),
      .server(socketPath: folder("missing"), login: "app", allowsReplication: false),
      .server(socketPath: folder("left"), login: "app", allowsReplication: false),
      .server(
        socketPath: folder(String(repeating: "long", count: 40)), login: "app",
        allowsReplication: false),
    ]
    // A socket that nobody listens on any more.
    _ = try TestSocket.listening(at: folder("left"))
    for (id, target) in targets.enumerated() {
      let port = try frontDoor.open(UInt64(id), port: 0, in: 1...1, avoiding: []) { target }
      for bytes in [StartupBytes.startup(), StartupBytes.cancelRequest()] {
        let client = try TestSocket.connect(to: port)
        try client.send(bytes)
        let fields = StartupBytes.refusal(try client.receiveToEnd())
        #expect(fields["C"] == "57P03")
        #expect(fields["M"] == (id == 0 ? words : fields["M"]))
        #expect(id == 0 || fields["M"]?.contains("takes no connections") == true)
        #expect(frontDoor.connectionCount(of: UInt64(id)) == 0)
        withExtendedLifetime(client) {}
      }
    }
  }

  @Test func `a server whose queue is full is asked again`() throws {
    let fixture = try DoorFixture(queueCount: 0)
    var waiting: [TestSocket] = []
    while let next = try TestSocket.connect(to: fixture.folder("s")) { waiting.append(next) }
    let client = try fixture.connect()
    try client.send(StartupBytes.startup())
    // It is neither refused nor let in while the queue is full.
    #expect(try !client.isReady(for: POLLIN, milliseconds: 200))
    for _ in waiting { _ = try fixture.server.accept() }
    let server = try fixture.server.accept()
    #expect(try server.receive(StartupBytes.startup().count) == StartupBytes.startup())
  }
}
