import CoppicePlatform
import CoppicePools
import CoppiceS3
import S3TestServer
import TestSupport
import Testing

/// What a connection makes of answers to reads that are not what was asked for.
@Suite struct S3ReadingTests {
  private let key = ObjectKey(known: "segments/01")
  private let server: S3TestServer
  private let bytes: [UInt8]

  init() throws {
    server = try S3TestServer()
    var generator = SplitMix64(seed: 3)
    bytes = generator.bytes(200_000)
    server.setBytes(of: "pool/segments/01", to: bytes)
  }

  @Test(arguments: [
    S3Effect.dropRequest, .dropAnswer, .cutBody(at: 0), .cutBody(at: 1), .cutBody(at: 5000),
    .otherRange, .wholeObject, .status(500), .status(502), .status(503, code: "SlowDown"),
    .status(504), .status(429), .status(408), .status(400, code: "RequestTimeout"),
    .without(header: "ETag"), .without(header: "Content-Range"),
    .with(header: "Content-Encoding", "gzip"),
  ])
  func `a bad answer to a ranged read is thrown away and asked for again`(
    effect: S3Effect
  ) throws {
    let store = try server.store()
    server.inject(S3Fault(effect, "GET"))
    #expect(try store.get(key, 1000..<9000).bytes == Array(bytes[1000..<9000]))
    #expect(server.requests.count == 2)
    #expect(store.traffic.requestCount == 2)
    #expect(store.traffic.repeatCount == 1)
  }

  @Test(arguments: [
    S3Effect.dropAnswer, .cutBody(at: 100_000), .status(500), .without(header: "ETag"),
    .with(header: "Content-Encoding", "gzip"),
  ])
  func `a bad answer to a read of all is thrown away and asked for again`(
    effect: S3Effect
  ) throws {
    let store = try server.store()
    server.inject(S3Fault(effect, "GET"))
    #expect(try store.get(key, nil).bytes == bytes)
    #expect(server.requests.count == 2)
  }

  @Test func `a store without ranges is told apart from one that does not answer`() throws {
    let pauses = Pauses()
    let store = try server.store(pauses: pauses) { $0.limits.repeatCount = 2 }
    server.inject(S3Fault(.wholeObject, "GET", failing: 99))
    #expect(kind { () throws(ObjectStoreError) in try store.get(key, 0..<10) } == .invalid)
    server.clearFaults()
    server.inject(S3Fault(.dropAnswer, "GET", failing: 99))
    #expect(kind { () throws(ObjectStoreError) in try store.get(key, 0..<10) } == .unreachable)
    #expect(pauses.durations.count == 4)
  }

  @Test func `an object that ended early is told as such, not as lost`() throws {
    let store = try server.store()
    server.setBytes(of: "pool/segments/01", to: Array(bytes.prefix(100)))
    #expect(kind { () throws(ObjectStoreError) in try store.get(key, 50..<101) } == .beyondEnd)
    #expect(kind { () throws(ObjectStoreError) in try store.get(key, 100..<101) } == .beyondEnd)
    #expect(try store.get(key, 50..<100).byteCount == 100)
    #expect(server.requests.count == 3)
  }

  @Test(arguments: [
    (404, "NoSuchKey", ObjectStoreError.Kind.missing), (404, "NoSuchBucket", .invalid),
    (404, "", .missing), (403, "AccessDenied", .denied), (403, "", .denied), (401, "", .denied),
    (403, "InvalidObjectState", .archived), (301, "PermanentRedirect", .invalid),
    (307, "TemporaryRedirect", .invalid), (400, "InvalidRequest", .invalid),
    (501, "NotImplemented", .invalid), (405, "MethodNotAllowed", .invalid),
    (416, "InvalidRange", .beyondEnd), (400, "ExpiredToken", .denied),
  ])
  func `a refused read says what its caller can do, at once`(
    status: Int, code: String, expected: ObjectStoreError.Kind
  ) throws {
    let store = try server.store()
    server.inject(S3Fault(.status(status, code: code), failing: 99))
    #expect(kind { () throws(ObjectStoreError) in try store.get(key, 0..<10) } == expected)
    #expect(server.requests.count == 1)
    if status != 404, status != 416, code != "InvalidObjectState", status != 400 {
      #expect(kind { () throws(ObjectStoreError) in try store.head(key) } == expected)
    }
  }

  @Test func `a redirect is not followed, and told with its place`() throws {
    let other = try S3TestServer()
    let store = try server.store()
    server.inject(
      S3Fault(
        .status(
          307, code: "TemporaryRedirect",
          headers: [("Location", "\(other.endpoint)/bucket/pool"), ("X-Amz-Bucket-Region", "eu")])))
    let error = try #require(throws: ObjectStoreError.self) { try store.get(key, nil) }
    #expect(error.kind == .invalid)
    #expect(error.cause?.contains(other.endpoint) ?? false)
    #expect(error.cause?.contains("region eu") ?? false)
    #expect(other.requests.isEmpty)
  }

  @Test func `an object of more bytes than one can have is not taken into memory`() throws {
    let store = try server.store { $0.limits.repeatCount = 0 }
    server.setBytes(of: "pool/segments/01", to: Array(repeating: 1, count: (65 << 20) + 1))
    #expect(kind { () throws(ObjectStoreError) in try store.get(key, nil) } == .unreachable)
    #expect(try store.get(key, 0..<10).bytes.count == 10)
  }

  @Test func `a body that comes too slowly is given up`() throws {
    let store = try server.store {
      $0.limits.silence = .milliseconds(150)
      $0.limits.byteCountPerSecondMin = 1 << 20
    }
    server.inject(S3Fault(.slow(byteCount: 1000, milliseconds: 20), "GET"))
    #expect(try store.get(key, nil).bytes == bytes)
    #expect(store.traffic.repeatCount >= 1)
  }

  @Test func `a body that comes slowly enough is waited for`() throws {
    let store = try server.store {
      $0.limits.silence = .seconds(2)
      $0.limits.byteCountPerSecondMin = 50_000
    }
    server.inject(S3Fault(.slow(byteCount: 20_000, milliseconds: 50), "GET"))
    #expect(try store.get(key, nil).bytes == bytes)
    #expect(store.traffic.repeatCount == 0)
  }

  @Test func `an answer that does not begin in time is given up`() throws {
    let store = try server.store { $0.limits.silence = .milliseconds(150) }
    server.inject(S3Fault(.hold, "GET"))
    #expect(try store.get(key, nil).bytes == bytes)
    #expect(store.traffic.repeatCount >= 1)
    server.releaseHeld()
  }

  @Test func `a read that takes unusually long is asked once more`() throws {
    let store = try server.store()
    // Too few for a second request, however slow this machine is.
    for _ in 0..<19 { #expect(try store.get(key, 0..<10).bytes.count == 10) }
    #expect(store.traffic.repeatCount == 0)
    server.inject(S3Fault(.hold, "GET"))
    #expect(try store.get(key, 0..<10).bytes == Array(bytes.prefix(10)))
    #expect(store.traffic.requestCount == 21)
    #expect(store.traffic.repeatCount == 1)
    // One in twenty at most: the next one has to wait.
    server.inject(S3Fault(.late(milliseconds: 300), "GET"))
    #expect(try store.get(key, 0..<10).bytes == Array(bytes.prefix(10)))
    #expect(store.traffic.requestCount == 22)
    server.releaseHeld()
  }

  @Test func `requests ask for the bytes as they are`() throws {
    let store = try server.store()
    _ = try store.get(key, 5..<10)
    let request = try #require(server.requests.first)
    #expect(request.headers["accept-encoding"] == "identity")
    #expect(request.headers["range"] == "bytes=5-9")
    #expect(request.target == "/bucket/pool/segments/01")
  }

  @Test func `a list that stays where it is ends`() throws {
    for number in 0..<10 { server.setBytes(of: "pool/list/\(number)", to: [1]) }
    let store = try server.store { $0.limits.listCount = 4 }
    let first = try store.list("list/", from: nil)
    #expect(first.objects.count == 4)
    let stuck = ListPlace(token: first.next?.token ?? "", lastKey: ObjectKey(known: "list/9"))
    let limited = try server.store { $0.limits.repeatCount = 1 }
    #expect(
      kind { () throws(ObjectStoreError) in try limited.list("list/", from: stuck) } == .invalid)
  }

  @Test func `a list leaves out what lies beside the prefix, and names that are no keys`() throws {
    let store = try server.store(prefix: "pool/a&b")
    server.setBytes(of: "pool/a&b/one", to: [1])
    server.setBytes(of: "pool/a&b/two words", to: [1])
    server.setBytes(of: "pool/a&bc/three", to: [1])
    server.setBytes(of: "pool/a&b/<four>&", to: [1])
    #expect(try store.listAll("").map(\.key.text) == ["one"])
  }

  @Test func `without a server nothing is reached`() throws {
    let silent = try SilentPort()
    let store = try S3TestServer.store(silent.endpoint) { $0.limits.repeatCount = 2 }
    #expect(kind { () throws(ObjectStoreError) in try store.get(key, nil) } == .unreachable)
    #expect(kind { () throws(ObjectStoreError) in try store.create(key, [1]) } == .unreachable)
  }
}
