internal import AsyncHTTPClient
internal import CoppicePlatform
internal import NIOCore
internal import NIOHTTP1

/// One request on its way and the answer to it, handed from an event loop to the thread that waits.
///
/// Its lock is that of whoever waits, so that one thread can wait for two.
final class HTTPExchange: HTTPClientResponseDelegate, @unchecked Sendable {
  typealias Response = Void

  /// Of the body of an answer that tells a failure.
  private static let problemByteCountMax = 64 << 10

  private let monitor: Monitor
  private let bodyByteCountMax: Int
  private let limits: S3Limits
  private let clock = SystemClock()

  // Guarded by `monitor`.
  private var head: HTTPResponseHead?
  private var body: [UInt8] = []
  private var isHeadSent = false
  private var isTooLong = false
  /// Bytes since `phaseStart`, when what is now sent or received was begun.
  private var movedByteCount = 0
  private var phaseStart: UInt64
  private var isConnected = false
  private var result: Result<HTTPAnswer, HTTPFailure>?
  private var cancel: (() -> Void)?

  /// - Parameter bodyByteCountMax: an answer with more is none.
  init(monitor: Monitor, limits: S3Limits, bodyByteCountMax: Int) {
    self.monitor = monitor
    self.limits = limits
    self.bodyByteCountMax = bodyByteCountMax
    phaseStart = clock.monotonicNanoseconds()
  }

  /// Sends the request. Called once; not while holding the monitor.
  func start(_ client: HTTPClient, _ request: HTTPClient.Request) {
    let task = client.execute(request: request, delegate: self)
    monitor.withLock { cancel = { task.cancel() } }
    task.futureResult.whenComplete { self.finish($0) }
  }

  // MARK: For the waiting thread, which holds the monitor

  var answer: Result<HTTPAnswer, HTTPFailure>? { result }
  var hasBegunAnswer: Bool { head != nil || result != nil }

  /// When the request has taken too long, unless more happens until then.
  var deadline: UInt64 {
    guard isConnected else { return phaseStart + limits.connecting.nanoseconds + Self.grace }
    let rate = UInt64(max(limits.byteCountPerSecondMin, 1))
    let earned = UInt64(movedByteCount) * 1_000_000_000 / rate
    return phaseStart + limits.silence.nanoseconds + earned
  }

  /// Gives the request up. It may have reached the store all the same.
  func abandon() { cancel?() }

  /// What the kernel may have taken and not yet sent.
  private static let bufferedByteCountMax = 4 << 20
  /// The client itself gives up on connections at their limit; this is for one that does not.
  private static let grace: UInt64 = 2_000_000_000

  // MARK: On the event loop

  func didSendRequestHead(task: HTTPClient.Task<Void>, _ head: HTTPRequestHead) {
    monitor.withLock {
      isHeadSent = true
      isConnected = true
      beginPhase()
    }
  }

  func didSendRequestPart(task: HTTPClient.Task<Void>, _ part: IOData) {
    monitor.withLock {
      movedByteCount += part.readableBytes
      monitor.broadcast()
    }
  }

  func didSendRequest(task: HTTPClient.Task<Void>) {
    monitor.withLock {
      guard head == nil else { return }
      let unsentByteCount = min(movedByteCount, Self.bufferedByteCountMax)
      beginPhase()
      movedByteCount = unsentByteCount
    }
  }

  func didReceiveHead(
    task: HTTPClient.Task<Void>, _ head: HTTPResponseHead
  ) -> EventLoopFuture<Void> {
    monitor.withLock {
      self.head = head
      if let value = head.headers.first(name: "content-length"), let count = Int(value) {
        body.reserveCapacity(min(max(count, 0), bodyByteCountMax))
      }
      beginPhase()
    }
    return task.eventLoop.makeSucceededVoidFuture()
  }

  func didReceiveBodyPart(
    task: HTTPClient.Task<Void>, _ buffer: ByteBuffer
  ) -> EventLoopFuture<Void> {
    let isGood = monitor.withLock {
      movedByteCount += buffer.readableBytes
      let isProblem = (head?.status.code ?? 0) >= 300
      let room = (isProblem ? Self.problemByteCountMax : bodyByteCountMax) - body.count
      body += buffer.readableBytesView.prefix(room)
      monitor.broadcast()
      // What is too much of a problem's description is passed over.
      if buffer.readableBytes > room, !isProblem { isTooLong = true }
      return !isTooLong
    }
    return isGood
      ? task.eventLoop.makeSucceededVoidFuture()
      : task.eventLoop.makeFailedFuture(HTTPClientError.cancelled)
  }

  func didFinishRequest(task: HTTPClient.Task<Void>) throws {}

  /// With the monitor held.
  private func beginPhase() {
    movedByteCount = 0
    phaseStart = clock.monotonicNanoseconds()
    monitor.broadcast()
  }

  private func finish(_ end: Result<Void, any Error>) {
    monitor.withLock {
      guard result == nil else { return }
      switch end {
      case .success:
        if let head {
          result = .success(
            HTTPAnswer(status: Int(head.status.code), headers: head.headers, body: body))
        } else {
          result = .failure(HTTPFailure(isUnsent: false, cause: "an answer without a head"))
        }
      case .failure(let error):
        let cause = isTooLong ? "an answer of more than \(bodyByteCountMax) bytes" : "\(error)"
        result = .failure(
          HTTPFailure(
            isUnsent: !isHeadSent && !Self.isGivenUp(error),
            status: head.map { Int($0.status.code) }, cause: cause))
      }
      body = []
      cancel = nil
      monitor.broadcast()
    }
  }

  /// Whether the request was ended from here: its head may be on the way while nobody was told so
  /// yet. All other ends are told after what was sent before them.
  private static func isGivenUp(_ error: any Error) -> Bool {
    (error as? HTTPClientError).map { $0 == .cancelled } ?? false
  }
}
