import CoppicePlatform
import CoppicePools
import CoppiceS3
import S3TestServer
import TestSupport
import Testing

/// What a connection makes of answers to writes, and of none.
@Suite struct S3WritingTests {
  private let key = ObjectKey(known: "members/01")
  private let name = "pool/members/01"
  private let server: S3TestServer

  init() throws { server = try S3TestServer() }

  private func outcomes(
    _ store: S3Store, before: () -> Void
  ) throws -> (create: WriteOutcome, replace: WriteOutcome) {
    server.setBytes(of: name, to: nil)
    before()
    let created = try store.create(key, [1])
    server.clearFaults()
    server.setBytes(of: name, to: [2])
    let tag = try store.head(key).tag
    before()
    return (created, try store.replace(key, tagged: tag, by: [3]))
  }

  @Test(arguments: [
    S3Effect.dropRequest, .dropAnswer, .statusAfterwards(500), .statusAfterwards(503),
    .statusAfterwards(502), .statusAfterwards(504), .status(500), .status(503),
    .without(header: "ETag"), .statusAfterwards(400, code: "RequestTimeout"),
  ])
  func `a change without a clear answer is unknown, and sent once`(effect: S3Effect) throws {
    let store = try server.store()
    let (created, replaced) = try outcomes(store) { server.inject(S3Fault(effect, "PUT")) }
    #expect(created.isUnknown)
    #expect(replaced.isUnknown)
    #expect(server.requests.count { $0.method == "PUT" } == 2)
  }

  @Test(arguments: [
    (429, "", ObjectStoreError.Kind.throttled), (503, "SlowDown", .throttled),
    (403, "AccessDenied", .denied), (404, "NoSuchBucket", .invalid),
    (501, "NotImplemented", .invalid), (400, "InvalidArgument", .invalid),
    (301, "PermanentRedirect", .invalid), (413, "EntityTooLarge", .invalid),
  ])
  func `a change that the store did not look at throws, and is sent once`(
    status: Int, code: String, expected: ObjectStoreError.Kind
  ) throws {
    let store = try server.store()
    server.inject(S3Fault(.status(status, code: code), "PUT"))
    #expect(kind { () throws(ObjectStoreError) in try store.create(key, [1]) } == expected)
    #expect(server.requests.count == 1)
    #expect(server.bytes(of: name) == nil)
  }

  @Test(arguments: [409, 412, 404])
  func `a condition that does not hold is refused, whatever the store calls it`(
    status: Int
  ) throws {
    let store = try server.store()
    let (created, replaced) = try outcomes(store) {
      server.inject(S3Fault(.status(status, code: "Anything"), "PUT"))
    }
    #expect(created == .refused)
    #expect(replaced == .refused)
  }

  @Test func `a change that something on the way repeats is refused by its own success`() throws {
    let store = try server.store()
    server.inject(S3Fault(.double, "PUT"))
    #expect(try store.create(key, [1]) == .refused)
    #expect(server.bytes(of: name) == [1])
  }

  @Test func `a change that was given up lands later, unless its condition is gone`() throws {
    let store = try server.store()
    let impatient = try server.store { $0.limits.silence = .milliseconds(100) }
    server.setBytes(of: name, to: [1])
    let tag = try store.head(key).tag
    server.inject(S3Fault(.hold, "PUT"))
    #expect(try impatient.replace(key, tagged: tag, by: [2]).isUnknown)
    #expect(server.bytes(of: name) == [1])
    server.releaseHeld()
    #expect(server.bytes(of: name) == [2])

    let next = try store.head(key).tag
    server.inject(S3Fault(.hold, "PUT"))
    #expect(try impatient.replace(key, tagged: next, by: [3]).isUnknown)
    #expect(try store.replace(key, tagged: next, by: [4]).tag != nil)
    server.releaseHeld()
    #expect(server.bytes(of: name) == [4])
  }

  @Test func `a change whose condition the network drops is not taken`() throws {
    let store = try server.store()
    #expect(try store.create(key, [1]).tag != nil)
    let request = try #require(server.requests.first)
    let signed = request.headers["authorization"] ?? ""
    #expect(request.headers["if-none-match"] == "*")
    #expect(signed.contains("SignedHeaders=host;if-none-match;x-amz-content-sha256;x-amz-date,"))
    _ = try store.replace(key, tagged: try store.head(key).tag, by: [2])
    #expect(server.requests.last?.headers["authorization"]?.contains("host;if-match;x-") ?? false)
  }

  @Test func `tags are written as the store wants them`() throws {
    server.behaviour.tags = .plain
    let quoted = try server.store()
    let plain = try server.store { $0.tagStyle = .plain }
    let tag = try #require(try quoted.create(key, [1]).tag)
    #expect(try quoted.replace(key, tagged: tag, by: [2]) == .refused)
    #expect(try plain.replace(key, tagged: tag, by: [2]).tag != nil)
  }

  @Test(arguments: [
    S3Effect.dropRequest, .dropAnswer, .status(500), .statusAfterwards(500),
    .status(503, code: "SlowDown"), .statusAfterwards(503), .status(409), .statusAfterwards(409),
    .double, .status(429), .without(header: "ETag"),
  ])
  func `a put is sent until it is known to be done`(effect: S3Effect) throws {
    let store = try server.store()
    for rule in [PutRule.ifAbsent, .always] {
      server.setBytes(of: name, to: nil)
      server.inject(S3Fault(effect, "PUT", failing: 2))
      let outcome = try store.put(key, [1, 2, 3], rule)
      #expect(outcome.tag == (try store.head(key).tag))
      #expect(server.bytes(of: name) == [1, 2, 3])
      server.clearFaults()
    }
  }

  @Test func `a put over other bytes is refused, also after a lost answer`() throws {
    let store = try server.store()
    server.setBytes(of: name, to: [9, 9, 9])
    server.inject(S3Fault(.dropAnswer, "PUT"))
    #expect(try store.put(key, [1, 2, 3], .ifAbsent) == .refused)
    #expect(try store.put(key, [1, 2], .ifAbsent) == .refused)
    #expect(server.bytes(of: name) == [9, 9, 9])
  }

  @Test func `a put that is never answered stays unknown, one that never left throws`() throws {
    let store = try server.store { $0.limits.repeatCount = 3 }
    server.inject(S3Fault(.dropRequest, "PUT", failing: 99))
    #expect(try store.put(key, [1], .ifAbsent).isUnknown)
    #expect(server.requests.count == 4)
    server.clearFaults()
    server.inject(S3Fault(.dropRequest, "PUT"))
    server.inject(S3Fault(.status(403, code: "AccessDenied"), "PUT", failing: 99))
    #expect(try store.put(key, [1], .ifAbsent).isUnknown)
    let silent = try SilentPort()
    let other = try S3TestServer.store(silent.endpoint) { $0.limits.repeatCount = 1 }
    #expect(
      kind { () throws(ObjectStoreError) in try other.put(key, [1], .always) } == .unreachable)
  }

  @Test(arguments: [
    S3Effect.dropRequest, .dropAnswer, .status(500), .status(503, code: "SlowDown"), .status(409),
    .status(404, code: "NoSuchKey"),
  ])
  func `a removal is sent until it is known to be done`(effect: S3Effect) throws {
    let store = try server.store()
    server.setBytes(of: name, to: [1])
    server.inject(S3Fault(effect, "DELETE"))
    try store.remove(key)
  }

  @Test func `a body that was changed on the way is not taken`() throws {
    let store = try server.store()
    var settings = server.behaviour
    settings.secretAccessKey = "another"
    server.behaviour = settings
    #expect(kind { () throws(ObjectStoreError) in try store.create(key, [1]) } == .denied)
    #expect(server.bytes(of: name) == nil)
  }

  @Test func `an object of all the bytes that one can have is written and read`() throws {
    let store = try server.store()
    var generator = SplitMix64(seed: 4)
    let bytes = generator.bytes(64 << 20)
    #expect(try store.put(key, bytes, .ifAbsent).tag != nil)
    #expect(try store.get(key, nil).bytes == bytes)
    #expect(store.traffic.sentByteCount == bytes.count)
    #expect(store.traffic.receivedByteCount == bytes.count)
  }
}
