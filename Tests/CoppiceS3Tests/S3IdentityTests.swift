import CoppicePlatform
import CoppicePools
import CoppiceS3
import S3TestServer
import Synchronization
import TestSupport
import Testing

/// Credentials, clocks and certificates.
@Suite struct S3IdentityTests {
  private let key = ObjectKey(known: "a")
  private let server: S3TestServer

  init() throws {
    server = try S3TestServer()
    server.setBytes(of: "pool/a", to: [1])
  }

  private func text(session: String) -> String {
    "[default]\naws_access_key_id = \(S3TestServer.accessKeyID)\n"
      + "aws_secret_access_key = \(S3TestServer.secretAccessKey)\n"
      + "aws_session_token = \(session)\n"
  }

  @Test func `credentials that are renewed in time are used from then on`() throws {
    let folder = try TemporaryFolder()
    let source = CredentialSource(.file(try folder.write("file", text(session: "one").utf8)))
    server.behaviour.sessionToken = "one"
    let store = try server.store(source: source)
    #expect(try store.get(key, nil).bytes == [1])
    server.behaviour.sessionToken = "two"
    try folder.write("file", text(session: "two").utf8)
    #expect(try store.get(key, nil).bytes == [1])
    #expect(server.requests.count == 2)
  }

  @Test func `credentials that expire on the way are read again once, also for a change`() throws {
    let sessions = Mutex(["one", "one", "two"])
    let source = CredentialSource(.environment) { name in
      guard name == "AWS_SESSION_TOKEN" else { return S3TestServer.credentials[name] }
      return sessions.withLock { $0.count > 1 ? $0.removeFirst() : $0[0] }
    }
    server.behaviour.sessionToken = "one"
    let store = try server.store(source: source)
    #expect(try store.get(key, nil).bytes == [1])
    server.behaviour.sessionToken = "two"
    #expect(try store.create(ObjectKey(known: "b"), [1]).tag != nil)
    #expect(server.requests.count == 3)
    #expect(store.traffic.repeatCount == 1)
  }

  @Test func `credentials that have expired for good are denied`() throws {
    let folder = try TemporaryFolder()
    let path = try folder.write("file", text(session: "one").utf8)
    server.behaviour.sessionToken = "two"
    let store = try server.store(source: CredentialSource(.file(path)))
    #expect(kind { () throws(ObjectStoreError) in try store.get(key, nil) } == .denied)
    #expect(kind { () throws(ObjectStoreError) in try store.create(key, [1]) } == .denied)
    #expect(server.requests.count == 2)
    #expect(store.traffic.repeatCount == 0)
  }

  @Test func `without credentials nothing is sent`() throws {
    let store = try server.store(source: CredentialSource(.environment) { _ in nil })
    #expect(kind { () throws(ObjectStoreError) in try store.get(key, nil) } == .denied)
    #expect(server.requests.isEmpty)
  }

  @Test func `credentials of somebody else are denied, and their secret is not told`() throws {
    let known = ["AWS_ACCESS_KEY_ID": "SOMEBODY", "AWS_SECRET_ACCESS_KEY": "verysecret"]
    let store = try server.store(source: CredentialSource(.environment) { known[$0] })
    let error = try #require(throws: ObjectStoreError.self) { try store.get(key, nil) }
    #expect(error.kind == .denied)
    #expect(!"\(error)".contains("verysecret"))
  }

  @Test(arguments: [-31_536_000, -3600, 3600, 31_536_000])
  func `signatures follow the store's clock, however wrong this machine's is`(
    offset: Int64
  ) throws {
    server.behaviour.clockOffset = offset
    let store = try server.store()
    #expect(try store.create(ObjectKey(known: "b"), [1]).tag != nil)
    #expect(server.requests.count == 2)
    #expect(try store.get(key, nil).bytes == [1])
    #expect(server.requests.count == 3)
    let found = try #require(store.clockOffset)
    #expect(found > .seconds(offset - 3) && found < .seconds(offset + 3))
  }

  @Test func `a clock that jumps while a store is open changes nothing`() throws {
    let clock = SimulatedClock(wallNanoseconds: SystemClock().wallNanoseconds())
    let store = try server.store(clock: clock)
    _ = try store.head(key)
    clock.leap(byNanoseconds: 365 * 86_400 * 1_000_000_000)
    #expect(try store.create(ObjectKey(known: "b"), [1]).tag != nil)
    #expect(server.requests.count == 2)
    #expect(try #require(store.clockOffset) < .seconds(-364 * 86_400))
  }

  @Test func `an encrypted connection needs a certificate that is trusted`() throws {
    let folder = try TemporaryFolder()
    try Program("openssl").check([
      "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days",
      "2", "-subj", "/CN=store", "-addext", "subjectAltName=IP:127.0.0.1", "-keyout",
      folder("key"), "-out", folder("certificate"),
    ])
    let server = try S3TestServer(certificate: (folder("certificate"), folder("key")))
    server.setBytes(of: "pool/a", to: [1])
    let strange = try server.store { $0.limits.repeatCount = 1 }
    #expect(kind { () throws(ObjectStoreError) in try strange.get(key, nil) } == .unreachable)
    #expect(kind { () throws(ObjectStoreError) in try strange.create(key, [2]) } == .unreachable)
    let trusting = try server.store { $0.certificateFile = folder("certificate") }
    #expect(try trusting.get(key, nil).bytes == [1])
    #expect(
      kind { () throws(ObjectStoreError) in
        var settings = try S3Settings(
          S3Location("s3://bucket"), endpoint: S3Endpoint(server.endpoint),
          credentials: .environment)
        settings.certificateFile = folder("key")
        return try S3Store(settings)
      } == .invalid)
  }

  @Test func `one address of a name can be connected to`() throws {
    let store = try server.store { settings in
      if let endpoint = try? S3Endpoint("http://localhost:\(server.port)") {
        settings.endpoint = endpoint
      }
      settings.address = "127.0.0.1"
    }
    #expect(try store.get(key, nil).bytes == [1])
    #expect(server.requests.last?.headers["host"] == "localhost:\(server.port)")
  }
}
