import CoppiceErrors
import CoppiceInstances
import Glibc
import Logging
import TestSupport
import Testing

/// Ports and addresses.
struct FrontDoorOpeningTests {
  private let frontDoor: FrontDoor
  private let options: FrontDoor.Options

  init() throws {
    var options = FrontDoor.Options(logger: TestLog().logger)
    options.address = TestSocket.freeAddress()
    self.options = options
    frontDoor = try FrontDoor(options)
  }

  private func open(
    _ id: UInt64, port: Int? = nil, in range: ClosedRange<Int> = 1...1, avoiding: Set<Int> = []
  ) throws(StoreError) -> Int {
    try frontDoor.open(id, port: port, in: range, avoiding: avoiding) {
      .unavailable(message: "stopped")
    }
  }

  /// A range in which the kernel had `count` ports for this test a moment ago.
  private func freeRange(_ count: Int) throws -> ClosedRange<Int> {
    while true {
      let first = try open(99, port: 0)
      frontDoor.close(99)
      guard first + count <= 65536 else { continue }
      let range = first...(first + count - 1)
      do {
        for port in range { _ = try open(UInt64(port), port: port) }
        for port in range { frontDoor.close(UInt64(port)) }
        return range
      } catch {
        for port in range { frontDoor.close(UInt64(port)) }
      }
    }
  }

  @Test func `the first free port of a range is taken`() throws {
    defer { frontDoor.shutDown() }
    let range = try freeRange(4)
    let first = range.lowerBound
    #expect(try open(1, in: range) == first)
    #expect(try open(2, in: range, avoiding: [first + 1]) == first + 2)
    // Taken by another program, as far as this front door knows.
    let other = try FrontDoor(options)
    defer { other.shutDown() }
    _ = try other.open(1, port: first + 1, in: range, avoiding: []) {
      .unavailable(message: "other")
    }
    #expect(try open(3, in: range) == first + 3)
    let none = #expect(throws: StoreError.self) { try open(4, in: range) }
    #expect(none?.kind == .unavailable)
    #expect(none?.message.contains("no port from \(first) to \(first + 3)") == true)
    #expect(none?.remedy.description.contains("--pg-ports") == true)
    frontDoor.close(2)
    #expect(try open(4, in: range) == first + 2)
  }

  @Test func `a port that is taken is named`() throws {
    defer { frontDoor.shutDown() }
    let port = try open(1, port: 0)
    let taken = #expect(throws: StoreError.self) { try open(2, port: port) }
    #expect(taken?.kind == .unavailable && taken?.message == "port \(port) is taken")
    #expect(taken?.remedy.description.contains("ss -ltnp 'sport = :\(port)'") == true)
    // What was refused left nothing behind.
    frontDoor.close(1)
    #expect(try open(2, port: port) == port)
  }

  @Test func `a branch has one door`() throws {
    defer { frontDoor.shutDown() }
    let port = try open(1, port: 0)
    let second = #expect(throws: StoreError.self) { try open(1, port: 0) }
    #expect(second?.kind == .inUse)
    #expect(try TestSocket.connect(to: port, of: options.address).receive(0) == [])
  }

  @Test(arguments: [-1, 65536, 1 << 40])
  func `numbers that are no ports are invalid`(port: Int) throws {
    let given = #expect(throws: StoreError.self) { try open(1, port: port) }
    #expect(given?.kind == .invalid && given?.message == "is no port")
    let range = #expect(throws: StoreError.self) { try open(1, in: port...port) }
    #expect(range?.kind == .invalid)
  }

  @Test func `after the end no door opens`() throws {
    let port = try open(1, port: 0)
    frontDoor.shutDown()
    #expect(throws: Program.Failure.self) { try TestSocket.connect(to: port, of: options.address) }
    let late = #expect(throws: StoreError.self) { try open(2, port: 0) }
    #expect(late?.kind == .unavailable)
    #expect(frontDoor.connectionCounts == [:])
  }

  private func failure(_ address: String) -> StoreError? {
    var options = FrontDoor.Options(logger: TestLog().logger)
    options.address = address
    do throws(StoreError) {
      _ = try FrontDoor(options)
      return nil
    } catch {
      return error
    }
  }

  @Test func `addresses that others can reach need a certificate`() {
    for address in ["127.0.0.1", "127.9.9.9", "::1", "::ffff:127.0.0.1"] {
      #expect(failure(address) == nil, "\(address)")
    }
    for address in ["0.0.0.0", "::", "192.0.2.1", "2001:db8::1", "::ffff:192.0.2.1", "128.0.0.1"] {
      #expect(failure(address)?.kind == .invalid, "\(address)")
      #expect(failure(address)?.remedy.description.contains("--tls-certificate") == true)
    }
    for address in ["", "localhost", "127.0.0.1:80", "1.2.3", "::1%lo%x", "*"] {
      #expect(failure(address)?.message == "is no IP address", "\(address)")
    }
  }

  @Test func `an address of another machine is told when a door opens`() throws {
    let files = try TestCertificate("door")
    var options = FrontDoor.Options(logger: TestLog().logger)
    options.address = "192.0.2.1"
    options.tls = files.files
    let remote = try FrontDoor(options)
    let failure = #expect(throws: StoreError.self) {
      try remote.open(1, port: 0, in: 1...1, avoiding: []) { .unavailable(message: "") }
    }
    #expect(failure?.kind == .invalid)
    #expect(failure?.message == "is no address of this machine")
  }
}
