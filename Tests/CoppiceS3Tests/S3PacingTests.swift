import CoppicePlatform
import CoppicePools
import CoppiceS3
import S3TestServer
import Synchronization
import TestSupport
import Testing

/// When requests are sent, and how many at once.
@Suite struct S3PacingTests {
  private let key = ObjectKey(known: "a")
  private let server: S3TestServer

  init() throws {
    server = try S3TestServer()
    server.setBytes(of: "pool/a", to: [1])
  }

  @Test func `waits double until the longest, and end`() throws {
    let pauses = Pauses()
    let store = try server.store(pauses: pauses) { $0.limits.delayMax = .seconds(1) }
    server.inject(S3Fault(.status(500), failing: 99))
    #expect(kind { () throws(ObjectStoreError) in try store.head(key) } == .unreachable)
    #expect(
      pauses.durations
        == [100, 200, 400, 800, 1000, 1000, 1000, 1000].map {
          .milliseconds($0)
        })
    #expect(server.requests.count == 9)
  }

  @Test func `nothing is sent again after its time`() throws {
    let clock = SimulatedClock(wallNanoseconds: SystemClock().wallNanoseconds())
    var settings = try S3Settings(
      S3Location("s3://bucket/pool"), endpoint: S3Endpoint(server.endpoint),
      credentials: .environment)
    settings.limits.repeating = .seconds(2)
    let pacing = S3Pacing(sleep: { clock.advance(byNanoseconds: $0.nanoseconds) }, random: { 1 })
    let store = try S3Store(
      settings, source: CredentialSource(.environment) { S3TestServer.credentials[$0] },
      clock: clock, pacing: pacing)
    server.inject(S3Fault(.status(500), failing: 99))
    #expect(kind { () throws(ObjectStoreError) in try store.head(key) } != nil)
    // After 100, 200, 400, 800 and 1,600 ms.
    #expect(server.requests.count == 6)
  }

  @Test(arguments: ["7", "date"])
  func `a store that asks for a pause gets it`(header: String) throws {
    let pauses = Pauses()
    let clock = SimulatedClock()
    server.behaviour.clockOffset = clock.wallNanoseconds() / 1_000_000_000 - Self.machineSeconds
    let store = try server.store(pauses: pauses, clock: clock)
    _ = try store.head(key)
    let now = clock.wallNanoseconds() / 1_000_000_000
    let value = header == "date" ? SigningTime(seconds: now + 8).http : header
    server.inject(S3Fault(.status(503, code: "SlowDown", headers: [("Retry-After", value)])))
    #expect(try store.get(key, nil).bytes == [1])
    #expect(pauses.durations.count == 2)
    let pause = try #require(pauses.durations.last)
    #expect(pause > .seconds(5) && pause < .seconds(9))
  }

  private static var machineSeconds: Int64 { SystemClock().wallNanoseconds() / 1_000_000_000 }

  @Test func `a pause is not longer than can be meant`() throws {
    let pauses = Pauses()
    let store = try server.store(pauses: pauses)
    server.inject(
      S3Fault(.status(503, code: "SlowDown", headers: [("Retry-After", "99999999999")])))
    #expect(try store.get(key, nil).bytes == [1])
    #expect(pauses.durations.max() ?? .zero <= .seconds(60))
  }

  @Test func `a store with too much to do gets half as many requests, and more again later`() throws
  {
    let store = try server.store()
    #expect(store.requestLimit == 16)
    server.inject(S3Fault(.status(503, code: "SlowDown"), failing: 2))
    _ = try store.head(key)
    #expect(store.requestLimit == 4)
    server.inject(S3Fault(.status(429), "PUT", failing: 5))
    for _ in 0..<3 { _ = kind { () throws(ObjectStoreError) in try store.create(key, [2]) } }
    #expect(store.requestLimit == 1)
    server.clearFaults()
    for _ in 0..<200 { _ = try store.head(key) }
    #expect(store.requestLimit == 16)
  }

  @Test func `no more requests run at once than connections are allowed`() throws {
    let store = try server.store { $0.limits.connectionCount = 3 }
    server.inject(S3Fault(.late(milliseconds: 5), "GET", failing: 99))
    let pool = try WorkerPool(threadCount: 9)
    let key = key
    pool.perform(count: 40) { _ in
      #expect((try? store.get(key, nil))?.bytes == [1])
    }
    #expect(server.runningCountMax == 3)
    #expect(server.connectionCount == 3)
  }

  @Test func `requests one after the other share a connection`() throws {
    let store = try server.store()
    for _ in 0..<20 { _ = try store.head(key) }
    #expect(server.connectionCount == 1)
  }

  @Test func `closing ends what waits, and what comes later`() throws {
    let store = try server.store()
    server.inject(S3Fault(.hold, failing: 99))
    let results = Mutex<[String]>([])
    let key = key
    let threads = try ["create", "get"].map { call in
      try SystemThread(name: call) {
        var text = "none"
        do throws(ObjectStoreError) {
          if call == "get" { _ = try store.get(key, nil) }
          if call == "create" { text = try store.create(key, [1]).isUnknown ? "unknown" : "known" }
        } catch { text = "\(error.kind)" }
        results.withLock { $0.append("\(call) \(text)") }
      }
    }
    while server.heldCount < 2 { try SystemThread.pause() }
    store.close()
    for thread in threads { thread.join() }
    #expect(results.withLock { $0.sorted() } == ["create unknown", "get unreachable"])
    #expect(kind { () throws(ObjectStoreError) in try store.create(key, [1]) } == .unreachable)
    #expect(kind { () throws(ObjectStoreError) in try store.head(key) } == .unreachable)
    server.releaseHeld()
  }
}

extension SystemThread {
  /// Lets others go on while a test waits for what they do.
  static func pause() throws {
    let monitor = Monitor()
    let clock = SystemClock()
    monitor.withLock {
      _ = monitor.wait(untilMonotonicNanoseconds: clock.monotonicNanoseconds() + 1_000_000)
    }
  }
}
