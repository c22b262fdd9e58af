internal import Glibc
internal import NIOCore
internal import NIOHTTP1
internal import NIOPosix
internal import NIOSSL
internal import Synchronization

/// An object store in memory that speaks S3 on loopback, and fails when it is told to.
///
/// It verifies signatures, keeps conditions, and knows one bucket. Listens on a free port until it
/// is released.
public final class S3TestServer: Sendable {
  public static let bucket = "bucket"
  public static let accessKeyID = "TESTKEY"
  public static let secretAccessKey = "test/secret+key"

  private static let eventLoops = MultiThreadedEventLoopGroup(numberOfThreads: 2)

  fileprivate struct State: Sendable {
    var objects = S3Objects()
    var behaviour = S3Behaviour()
    var faults: [S3Fault] = []
    var requests: [S3LoggedRequest] = []
    var held: [Held] = []
    var runningCount = 0
    var runningCountMax = 0
    var connectionCount = 0
  }

  fileprivate struct Held: Sendable {
    var request: S3Request
    var answer: @Sendable (S3Response) -> Void
  }

  private let state: Mutex<State>
  private let channel: any Channel
  public let port: Int
  private let isEncrypted: Bool

  /// - Parameter certificate: PEM files of a certificate and its key, to speak TLS.
  public init(certificate: (chain: String, key: String)? = nil) throws {
    var context: NIOSSLContext?
    if let certificate {
      let chain = try NIOSSLCertificate.fromPEMFile(certificate.chain)
      let key = try NIOSSLPrivateKey(file: certificate.key, format: .pem)
      context = try NIOSSLContext(
        configuration: .makeServerConfiguration(
          certificateChain: chain.map { .certificate($0) }, privateKey: .privateKey(key)))
    }
    isEncrypted = context != nil
    state = Mutex(State())
    let target = Target()
    let bound = try ServerBootstrap(group: Self.eventLoops)
      .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
      .childChannelInitializer { [context] channel in
        channel.eventLoop.makeCompletedFuture {
          let handlers = channel.pipeline.syncOperations
          if let context { try handlers.addHandler(NIOSSLServerHandler(context: context)) }
          try handlers.configureHTTPServerPipeline()
          try handlers.addHandler(S3ServerHandler { target.server })
          target.server?.countConnection()
        }
      }
      .bind(host: "127.0.0.1", port: 0).wait()
    port = bound.localAddress?.port ?? 0
    channel = bound
    target.set(self)
  }

  deinit { channel.close(promise: nil) }

  /// The server of connections that may outlive it.
  private final class Target: @unchecked Sendable {
    private let lock = Mutex<Void>(())
    private weak var value: S3TestServer?

    var server: S3TestServer? { lock.withLock { _ in value } }
    func set(_ server: S3TestServer) { lock.withLock { _ in value = server } }
  }

  public var endpoint: String { "\(isEncrypted ? "https" : "http")://127.0.0.1:\(port)" }

  public var behaviour: S3Behaviour {
    get { state.withLock { $0.behaviour } }
    set { state.withLock { $0.behaviour = newValue } }
  }

  public func inject(_ fault: S3Fault) { state.withLock { $0.faults.append(fault) } }

  public func clearFaults() { state.withLock { $0.faults = [] } }

  public var requests: [S3LoggedRequest] { state.withLock { $0.requests } }
  public var connectionCount: Int { state.withLock { $0.connectionCount } }
  /// Requests that were carried out at once, at most so far.
  public var runningCountMax: Int { state.withLock { $0.runningCountMax } }
  public var heldCount: Int { state.withLock { $0.held.count } }

  /// Of all objects, in no order.
  public var names: [String] { state.withLock { Array($0.objects.objects.keys) } }

  public func bytes(of name: String) -> [UInt8]? {
    state.withLock { $0.objects.objects[name]?.bytes }
  }

  public func setBytes(of name: String, to bytes: [UInt8]?) {
    state.withLock { $0.objects.set(name, bytes) }
  }

  /// Carries out what was held, in the order in which it came.
  public func releaseHeld() {
    let done = state.withLock { state in
      let held = state.held
      state.held = []
      return held.map { held in
        (held.answer, state.objects.answer(held.request, state.behaviour, nil))
      }
    }
    for (answer, response) in done { answer(response) }
  }

  func countConnection() { state.withLock { $0.connectionCount += 1 } }

  /// Carries a request out and answers it, now or later.
  ///
  /// - Parameters:
  ///   - later: runs a body after so many milliseconds.
  ///   - answer: may be called on any thread; not at all for what is never released.
  func handle(
    _ request: S3Request,
    later: @escaping @Sendable (Int64, @escaping @Sendable () -> Void) -> Void,
    answer: @escaping @Sendable (S3Response) -> Void
  ) {
    state.withLock { state in
      state.runningCount += 1
      state.runningCountMax = max(state.runningCountMax, state.runningCount)
      var headers: [String: String] = [:]
      for header in request.headers { headers[header.name.lowercased()] = header.value }
      state.requests.append(
        S3LoggedRequest(
          method: request.method, target: request.target, headers: headers,
          byteCount: request.body.count))
    }
    let finish: @Sendable (S3Response) -> Void = { [weak self] response in
      let server = self
      later(response.delayMilliseconds) {
        server?.state.withLock { $0.runningCount -= 1 }
        answer(server?.dated(response) ?? response)
      }
    }
    if let response = firstAnswer(request, finish, later) { finish(response) }
  }

  /// `nil` when the answer comes later.
  private func firstAnswer(
    _ request: S3Request, _ finish: @escaping @Sendable (S3Response) -> Void,
    _ later: @Sendable (Int64, @escaping @Sendable () -> Void) -> Void
  ) -> S3Response? {
    let now = Self.now
    let (response, wait) = state.withLock { state -> (S3Response?, Int64?) in
      let problem = S3SignatureCheck.problem(
        request, accessKeyID: Self.accessKeyID, state.behaviour,
        now: now + state.behaviour.clockOffset)
      if let problem { return (problem, nil) }
      guard request.place.bucket == Self.bucket else { return (.error(404, "NoSuchBucket"), nil) }
      let effect = state.takeEffect(request)
      if case .hold? = effect {
        state.held.append(Held(request: request, answer: finish))
        return (nil, nil)
      }
      if case .checkedEarly(let wait) = state.behaviour.conditions, request.method == "PUT" {
        if let refusal = state.objects.refusal(request, state.behaviour) { return (refusal, nil) }
        return (nil, wait)
      }
      return (state.answer(request, effect), nil)
    }
    if let wait {
      later(wait) { [self] in
        finish(state.withLock { $0.objects.write(request, $0.behaviour) })
      }
    }
    return response
  }

  private static var now: Int64 { Int64(time(nil)) }

  private func dated(_ response: S3Response) -> S3Response {
    var (seconds, fields) = (time_t(Self.now + behaviour.clockOffset), tm())
    gmtime_r(&seconds, &fields)
    var text = [CChar](repeating: 0, count: 64)
    let count = strftime(&text, text.count, "%a, %d %b %Y %H:%M:%S GMT", &fields)
    let date = String(decoding: text.prefix(count).map(UInt8.init(bitPattern:)), as: UTF8.self)
    var response = response
    response.headers.append(("Date", date))
    return response
  }
}

extension S3TestServer.State {
  fileprivate mutating func takeEffect(_ request: S3Request) -> S3Effect? {
    for index in faults.indices {
      let fault = faults[index]
      guard fault.method ?? request.method == request.method,
        request.place.name.hasPrefix(fault.prefix)
      else { continue }
      if fault.passing > 0 {
        faults[index].passing -= 1
      } else if fault.failing > 0 {
        faults[index].failing -= 1
        return fault.effect
      }
    }
    return nil
  }

  fileprivate mutating func answer(_ request: S3Request, _ effect: S3Effect?) -> S3Response {
    switch effect {
    case .status(let status, let code, let headers)?:
      var response = S3Response.error(status, code)
      response.headers += headers
      return response
    case .dropRequest?:
      var response = S3Response(200)
      response.delivery = .dropped
      return response
    case .double?: _ = objects.answer(request, behaviour, nil)
    default: break
    }
    var response = objects.answer(request, behaviour, effect)
    switch effect {
    case .statusAfterwards(let status, let code)?: response = .error(status, code)
    case .dropAnswer?: response.delivery = .dropped
    case .cutBody(let count)?: response.delivery = .cut(count)
    case .slow(let byteCount, let milliseconds)?:
      response.delivery = .pieces(byteCount: byteCount, milliseconds: milliseconds)
    case .late(let milliseconds)?: response.delayMilliseconds = milliseconds
    case .without(let header)?: response.headers.removeAll { $0.0 == header }
    case .with(let header, let value)?: response.headers.append((header, value))
    default: break
    }
    return response
  }
}
