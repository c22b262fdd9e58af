internal import AsyncHTTPClient
internal import CoppicePlatform
internal import CoppicePools
internal import NIOCore
internal import NIOHTTP1
internal import NIOPosix
internal import NIOSSL

/// A request that is ready to be sent.
struct HTTPMessage {
  var method: HTTPMethod
  /// With path and query, encoded.
  var url: String
  var headers: HTTPHeaders
  var body: [UInt8] = []
  /// An answer whose body has more is none.
  var answerByteCountMax: Int
}

/// Connections to one store. Sends each message once, follows no redirect and waits for whole
/// answers; the thread that waits must be none of an event loop.
final class HTTPTransport: Sendable {
  private static let eventLoops = MultiThreadedEventLoopGroup(
    numberOfThreads: min(System.coreCount, 4))

  private let client: HTTPClient
  private let limits: S3Limits
  private let clock = SystemClock()

  /// Throws `invalid` for a certificate file that is none.
  init(_ settings: S3Settings) throws(ObjectStoreError) {
    limits = settings.limits
    var configuration = HTTPClient.Configuration()
    configuration.redirectConfiguration = .disallow
    configuration.decompression = .disabled
    configuration.httpVersion = .http1Only
    configuration.timeout = HTTPClient.Configuration.Timeout(
      connect: .nanoseconds(Int64(limits.connecting.nanoseconds)))
    configuration.connectionPool = HTTPClient.Configuration.ConnectionPool(
      idleTimeout: .nanoseconds(Int64(limits.idle.nanoseconds)),
      concurrentHTTP1ConnectionsPerHostSoftLimit: limits.connectionCount)
    // What is not sent may be sent again by those who know whether it should be.
    configuration.connectionPool.retryConnectionEstablishment = false
    configuration.tlsConfiguration = try Self.encryption(settings)
    if let address = settings.address {
      configuration.dnsOverride[settings.connectedHost] = address
    }
    client = HTTPClient(
      eventLoopGroupProvider: .shared(Self.eventLoops), configuration: configuration)
  }

  deinit { client.shutdown { _ in } }

  /// Ends all requests: those that wait get failures, and so do later ones.
  func close() { client.shutdown { _ in } }

  /// Sends a message and waits for the answer.
  ///
  /// - Parameter second: what to send when no answer has begun after a time; the answer that is
  ///   whole first is taken.
  func send(
    _ message: HTTPMessage, second: (after: Duration, message: () -> HTTPMessage?)? = nil
  ) -> (answer: Result<HTTPAnswer, HTTPFailure>, wait: Duration) {
    let monitor = Monitor()
    let start = clock.monotonicNanoseconds()
    var exchanges: [HTTPExchange] = []
    if let failure = add(message, &exchanges, monitor) { return (.failure(failure), .zero) }
    var begun: UInt64?
    if let second {
      let isSlow = wait(exchanges, monitor, until: start + second.after.nanoseconds, &begun)
      if isSlow, let message = second.message() { _ = add(message, &exchanges, monitor) }
    }
    let answer = waitForAnswer(exchanges, monitor, &begun)
    let end = begun ?? clock.monotonicNanoseconds()
    return (answer, .nanoseconds(Int64(end - start)))
  }

  private func add(
    _ message: HTTPMessage, _ exchanges: inout [HTTPExchange], _ monitor: Monitor
  ) -> HTTPFailure? {
    let request: HTTPClient.Request
    do {
      request = try HTTPClient.Request(
        url: message.url, method: message.method, headers: message.headers,
        body: message.body.isEmpty ? nil : .bytes(message.body))
    } catch {
      return HTTPFailure(isUnsent: true, cause: "\(error)")
    }
    let exchange = HTTPExchange(
      monitor: monitor, limits: limits, bodyByteCountMax: message.answerByteCountMax)
    exchange.start(client, request)
    exchanges.append(exchange)
    return nil
  }

  /// Whether no answer has begun at that time.
  private func wait(
    _ exchanges: [HTTPExchange], _ monitor: Monitor, until time: UInt64, _ begun: inout UInt64?
  ) -> Bool {
    monitor.withLock {
      while !exchanges[0].hasBegunAnswer {
        guard clock.monotonicNanoseconds() < time else { return true }
        monitor.wait(untilMonotonicNanoseconds: time)
      }
      begun = clock.monotonicNanoseconds()
      return false
    }
  }

  private func waitForAnswer(
    _ exchanges: [HTTPExchange], _ monitor: Monitor, _ begun: inout UInt64?
  ) -> Result<HTTPAnswer, HTTPFailure> {
    monitor.withLock {
      var late: HTTPFailure?
      var waiting = exchanges
      while true {
        let now = clock.monotonicNanoseconds()
        if begun == nil, exchanges.contains(where: \.hasBegunAnswer) { begun = now }
        for exchange in waiting {
          if case .success(let answer)? = exchange.answer {
            for other in exchanges where other !== exchange { other.abandon() }
            return .success(answer)
          }
        }
        for exchange in waiting where exchange.answer == nil && exchange.deadline <= now {
          exchange.abandon()
          late = HTTPFailure(isUnsent: false, cause: "no answer in time")
        }
        waiting.removeAll { $0.answer != nil || $0.deadline <= now }
        if waiting.isEmpty { return .failure(late ?? Self.failure(exchanges)) }
        let next = waiting.map(\.deadline).min() ?? now
        monitor.wait(untilMonotonicNanoseconds: next)
      }
    }
  }

  /// Of several the one that may have been received.
  private static func failure(_ exchanges: [HTTPExchange]) -> HTTPFailure {
    let failures = exchanges.compactMap { exchange -> HTTPFailure? in
      if case .failure(let failure)? = exchange.answer { failure } else { nil }
    }
    return failures.first { !$0.isUnsent } ?? failures.first
      ?? HTTPFailure(isUnsent: false, cause: "no answer in time")
  }

  private static func encryption(
    _ settings: S3Settings
  ) throws(ObjectStoreError) -> TLSConfiguration? {
    guard settings.endpoint.isEncrypted else { return nil }
    var configuration = TLSConfiguration.makeClientConfiguration()
    configuration.minimumTLSVersion = .tlsv12
    if let file = settings.certificateFile {
      do {
        configuration.trustRoots = .certificates(try NIOSSLCertificate.fromPEMFile(file))
      } catch {
        throw ObjectStoreError(
          .invalid, "the file \(file) has no certificates", cause: "\(error)")
      }
    }
    return configuration
  }
}
