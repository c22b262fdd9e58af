import CoppiceErrors
import CoppiceInstances
import CoppicePlatform
import Glibc
import TestSupport
import Testing

/// TLS, as openssl's client speaks it.
@Suite(.enabled(if: TestCertificate.isPossible, "needs openssl"))
struct FrontDoorTLSTests {
  private func fixture(
    _ certificate: TestCertificate, _ change: (inout FrontDoor.Options) -> Void = { _ in }
  ) throws -> DoorFixture {
    let fixture = try DoorFixture {
      $0.tls = certificate.files
      change(&$0)
    }
    fixture.kept = certificate.folder
    return fixture
  }

  /// Starts a client that sends `bytes` inside TLS, and ends when the door does.
  private func start(
    _ fixture: DoorFixture, _ arguments: [String], sending bytes: [UInt8]
  ) throws -> Program.Running {
    let input = try fixture.folder.write("input", bytes)
    return try Program("openssl").start(
      ["s_client", "-connect", "\(fixture.address):\(fixture.port)", "-quiet", "-no_ign_eof"]
        + arguments,
      input: input)
  }

  private static let asking = ["-starttls", "postgres", "-ign_eof"]
  private static let direct = ["-alpn", "postgresql", "-ign_eof"]

  @Test(arguments: [asking, direct, asking + ["-tls1_2"], direct + ["-alpn", "x,postgresql"]])
  func `inside TLS a client is let in as without`(arguments: [String]) throws {
    let fixture = try fixture(try TestCertificate("door"))
    let client = try start(fixture, arguments, sending: StartupBytes.startup() + [1, 2, 3])
    let server = try fixture.server.accept()
    let startup = StartupBytes.startup()
    #expect(try server.receive(startup.count + 3) == startup + [1, 2, 3])
    #expect(fixture.frontDoor.connectionCount(of: 1) == 1)
    let answer = [UInt8](repeating: 7, count: 1 << 20)
    try server.send(answer)
    server.closeOutput()
    #expect(try client.wait().output == answer)
    #expect(try server.receiveToEnd() == [])
    #expect(fixture.reachesCount(0))
  }

  @Test func `inside TLS a request to cancel is passed on`() throws {
    let fixture = try fixture(try TestCertificate("door"))
    let request = StartupBytes.cancelRequest()
    let client = try start(fixture, Self.asking, sending: request)
    let server = try fixture.server.accept()
    #expect(try server.receive(request.count) == request)
    server.closeOutput()
    #expect(try client.wait().output == [])
  }

  @Test func `inside TLS refusals are told, and nothing is encrypted twice`() throws {
    let fixture = try fixture(try TestCertificate("door"))
    let cases: [(arguments: [String], bytes: [UInt8], code: String)] = [
      (Self.asking, StartupBytes.startup(["user": "postgres"]), "28000"),
      (Self.asking, StartupBytes.tlsRequest, "0A000"),
      (Self.asking, StartupBytes.gssRequest, "0A000"),
      (Self.direct, StartupBytes.tlsRequest, "0A000"),
      // PostgreSQL 17 wants the protocol named where nothing else says what this is.
      (["-ign_eof"], StartupBytes.startup(), "08P01"),
      (["-ign_eof", "-alpn", "http/1.1"], StartupBytes.startup(), "08P01"),
    ]
    for (arguments, bytes, code) in cases {
      let result = try start(fixture, arguments, sending: bytes).wait()
      #expect(StartupBytes.refusal(result.output)["C"] == code, "\(arguments) \(result)")
    }
  }

  @Test func `old versions of TLS are declined`() throws {
    let fixture = try fixture(try TestCertificate("door"))
    for version in ["-tls1", "-tls1_1"] {
      let result = try start(
        fixture, Self.asking + [version, "-cipher", "DEFAULT:@SECLEVEL=0"],
        sending: StartupBytes.startup()
      ).wait()
      #expect(result.status != 0)
      #expect(result.errors.contains("alert protocol version"), "\(result.errors)")
    }
  }

  @Test func `a handshake that does not end in time is ended`() throws {
    let fixture = try fixture(try TestCertificate("door")) {
      $0.startupTimeout = .milliseconds(300)
    }
    let client = try fixture.connect()
    try client.send(StartupBytes.tlsRequest)
    #expect(try client.receiveToEnd() == Array("S".utf8))
    let direct = try fixture.connect()
    try direct.send([0x16, 3, 1])
    #expect(try direct.receiveToEnd() == [])
    let garbage = try fixture.connect()
    try garbage.send(StartupBytes.tlsRequest)
    #expect(try garbage.receive(1) == Array("S".utf8))
    try garbage.send([UInt8](repeating: 0x2A, count: 100))
    _ = try garbage.receiveToEnd()
    // The handshake is done, and nothing follows.
    let silent = try start(fixture, Self.asking, sending: []).wait()
    #expect(StartupBytes.refusal(silent.output)["C"] == "08P01")
  }

  @Test func `what came unencrypted is not taken for what comes encrypted`() throws {
    let fixture = try fixture(try TestCertificate("door"))
    let fields = try fixture.refusal(of: StartupBytes.tlsRequest + StartupBytes.startup())
    #expect(fields["C"] == "08P01" && fields["M"]?.contains("unencrypted data") == true)
  }

  @Test func `where others can reach the door TLS is required`() throws {
    let certificate = try TestCertificate("door")
    let fixture = try fixture(certificate) { $0.address = "0.0.0.0" }
    let fields = try fixture.refusal(of: StartupBytes.startup())
    #expect(fields["C"] == "28000" && fields["M"] == "TLS is required")
    let client = try start(fixture, Self.asking, sending: StartupBytes.startup())
    let server = try fixture.server.accept()
    #expect(try server.receive(StartupBytes.startup().count) == StartupBytes.startup())
    // Clients before PostgreSQL 17 cancel without TLS whatever they use otherwise.
    let other = try fixture.connect()
    try other.send(StartupBytes.cancelRequest())
    let end = try fixture.server.accept()
    #expect(try end.receive(16) == StartupBytes.cancelRequest())
    server.closeOutput()
    _ = try client.wait()
  }

  /// The certificate that a client is shown.
  private func shown(by fixture: DoorFixture) throws -> [UInt8] {
    let result = try Program("sh").run([
      "-c",
      """
      openssl s_client -starttls postgres -connect \(fixture.address):\(fixture.port) </dev/null \
        2>/dev/null | openssl x509
      """,
    ])
    return result.output
  }

  @Test func `a certificate that is replaced while the door is open is shown from then on`() throws
  {
    let (old, new) = (try TestCertificate("old"), try TestCertificate("new"))
    let fixture = try fixture(old) { $0.startupTimeout = .milliseconds(500) }
    let (oldBytes, oldKey) = (try old.certificate, try old.key)
    #expect(try shown(by: fixture) == oldBytes)
    // One file after the other: in between nothing fits, and the old pair stays.
    try old.folder.write("old.pem", try new.certificate)
    #expect(try shown(by: fixture) == oldBytes)
    #expect(try shown(by: fixture) == oldBytes)
    let told = fixture.log.lines.filter { $0.contains("the old one stays") }
    #expect(told.count == 1 && told[0].hasPrefix("warning"))
    try old.folder.write("old.key", try new.key)
    #expect(try shown(by: fixture) == new.certificate)
    // So it is when both are missing for a while, and when they come by renaming.
    unlink(old.files.certificateFile)
    unlink(old.files.keyFile)
    #expect(try shown(by: fixture) == new.certificate)
    try old.folder.write("next.key", oldKey)
    try old.folder.write("next.pem", oldBytes)
    rename(old.folder("next.key"), old.files.keyFile)
    rename(old.folder("next.pem"), old.files.certificateFile)
    #expect(try shown(by: fixture) == oldBytes)
    #expect(fixture.log.lines.filter { $0.contains("read the certificate anew") }.count == 2)
  }

  @Test func `a certificate that has expired is told to the log`() throws {
    let clock = SimulatedClock(wallNanoseconds: SystemClock().wallNanoseconds())
    let certificate = try TestCertificate("door")
    let fixture = try fixture(certificate) { $0.clock = clock }
    _ = try shown(by: fixture)
    #expect(!fixture.log.lines.contains { $0.contains("expired") })
    clock.advance(byNanoseconds: 3 * 86_400 * 1_000_000_000)
    for _ in 0..<2 { #expect(try !shown(by: fixture).isEmpty) }
    // It is told once, also when something else is wrong with it besides.
    unlink(certificate.files.certificateFile)
    for _ in 0..<2 { #expect(try !shown(by: fixture).isEmpty) }
    for words in ["has expired", "does not exist"] {
      #expect(fixture.log.lines.count { $0.contains(words) } == 1, "\(fixture.log.lines)")
    }
    let late = try self.fixture(try TestCertificate("late")) { $0.clock = clock }
    #expect(late.log.lines.contains { $0.hasPrefix("warning") && $0.contains("has expired") })
    let early = try self.fixture(try TestCertificate("early")) { $0.clock = SimulatedClock() }
    #expect(early.log.lines.contains { $0.contains("is not valid yet") })
  }

  private func failure(_ files: TLSFiles) -> StoreError? {
    var options = FrontDoor.Options(logger: TestLog().logger)
    options.tls = files
    do throws(StoreError) {
      _ = try FrontDoor(options)
      return nil
    } catch {
      return error
    }
  }

  @Test func `files that are no certificate and its key are refused with the file's name`() throws {
    let (one, other) = (try TestCertificate("one"), try TestCertificate("other"))
    #expect(failure(one.files) == nil)
    let missing = one.folder("missing.pem")
    let text = try one.folder.write("text.pem", Array("no certificate\n".utf8))
    let empty = try one.folder.write("empty.pem", [])
    let locked = one.folder("locked.key")
    try Program("openssl").check([
      "ec", "-in", one.files.keyFile, "-aes256", "-passout", "pass:x", "-out", locked,
    ])
    let cases: [(certificate: String?, key: String?, kind: StoreError.Kind, words: String)] = [
      (missing, nil, .notFound, "does not exist"), (nil, missing, .notFound, "does not exist"),
      (text, nil, .invalid, "is no certificate in PEM"),
      (empty, nil, .invalid, "is no certificate in PEM"),
      (one.files.keyFile, nil, .invalid, "is no certificate in PEM"),
      (one.folder.path, nil, .invalid, "is no file"),
      (nil, "/dev/zero", .invalid, "is no file"),
      (nil, text, .invalid, "is no private key in PEM"),
      (nil, one.files.certificateFile, .invalid, "is no private key in PEM"),
      (nil, locked, .invalid, "has a passphrase"),
      (nil, other.files.keyFile, .invalid, "is not the key of the certificate"),
    ]
    for (certificate, key, kind, words) in cases {
      var files = one.files
      if let certificate { files.certificateFile = certificate }
      if let key { files.keyFile = key }
      let error = try #require(failure(files))
      #expect(error.kind == kind && error.message.contains(words), "\(error)")
      #expect(error.object == certificate ?? key)
      #expect(!error.remedy.isEmpty)
    }
  }

  @Test(.enabled(if: geteuid() != 0, "root may read all files"))
  func `files that the user may not read are refused`() throws {
    let certificate = try TestCertificate("door")
    chmod(certificate.files.keyFile, 0)
    let error = failure(certificate.files)
    #expect(error?.kind == .denied && error?.object == certificate.files.keyFile)
  }

  @Test func `a chain is shown with all its certificates`() throws {
    let (leaf, above) = (try TestCertificate("leaf"), try TestCertificate("above"))
    try leaf.folder.write("leaf.pem", try leaf.certificate + above.certificate)
    let fixture = try fixture(leaf)
    let result = try Program("sh").run([
      "-c",
      """
      openssl s_client -starttls postgres -showcerts -connect \(fixture.address):\(fixture.port) \
        </dev/null 2>/dev/null | grep -c 'BEGIN CERTIFICATE'
      """,
    ])
    #expect(result.text == "2\n")
  }
}
