internal import CoppicePlatform
internal import CoppicePools
internal import NIOHTTP1
internal import Synchronization

/// One request: signed, sent, counted.
extension S3Store {
  typealias Answer = Result<HTTPAnswer, HTTPFailure>

  /// A clock that differs by more than this may be why a signature was refused.
  private static let clockDifferenceMax: Int64 = 240

  /// Sends a request once, and once more when the store has refused its signature and there are
  /// newer credentials, or it turns out what time the store has: nothing was carried out then.
  func send(
    _ request: S3Request, mayAskTwice: Bool = false
  ) throws(ObjectStoreError) -> Answer {
    var credentials = try source.credentials()
    var hasReloaded = false
    for _ in 0..<3 {
      let time = serverTime.now
      let answer = sendSigned(request, credentials, time, mayAskTwice)
      guard case .success(let head) = answer, isOfSignature(head) else { return answer }
      if !hasReloaded {
        hasReloaded = true
        // Without any the ones at hand stay; the store's answer tells more.
        if let newer = try? source.credentials(anew: true), newer != credentials {
          credentials = newer
          counts.withLock { $0.repeatCount += 1 }
          continue
        }
      }
      guard abs(serverTime.now.seconds - time.seconds) > Self.clockDifferenceMax else {
        return answer
      }
      counts.withLock { $0.repeatCount += 1 }
    }
    return sendSigned(request, credentials, serverTime.now, mayAskTwice)
  }

  /// Whether an answer may be about who asks and when, not about what.
  private func isOfSignature(_ answer: HTTPAnswer) -> Bool {
    switch answer.status {
    case 401, 403: answer.errorCode != "InvalidObjectState"
    // The answer to HEAD has no code.
    case 400: answer.errorCode.map(S3Problem.expiredCodes.contains) ?? answer.body.isEmpty
    default: false
    }
  }

  private func sendSigned(
    _ request: S3Request, _ credentials: S3Credentials, _ time: SigningTime, _ mayAskTwice: Bool
  ) -> Answer {
    waitForPause()
    let halvingCount = gate.enter()
    defer { gate.leave() }
    guard !closing.isClosed else {
      return .failure(HTTPFailure(isUnsent: true, cause: "the connection is closed"))
    }
    let message = message(request, credentials, time)
    counts.withLock { $0.requestCount += 1 }
    var hasSecond = false
    var second: (after: Duration, message: () -> HTTPMessage?)?
    if mayAskTwice, let after = latency.begin(atLeast: settings.limits.secondRequest) {
      second = (
        min(after, settings.limits.silence),
        { [self] in
          guard gate.tryEnter() else { return nil }
          guard latency.takeSecond() else {
            gate.leave()
            return nil
          }
          hasSecond = true
          counts.withLock {
            $0.requestCount += 1
            $0.repeatCount += 1
          }
          return message
        }
      )
    }
    let (answer, wait) = transport.send(message, second: second)
    if hasSecond { gate.leave() }
    count(request, answer, halvingCount)
    if mayAskTwice, case .success = answer { latency.add(wait) }
    return answer
  }

  private func count(_ request: S3Request, _ answer: Answer, _ halvingCount: Int) {
    guard case .success(let answer) = answer else { return }
    counts.withLock {
      $0.sentByteCount += request.body.count
      $0.receivedByteCount += answer.body.count
    }
    // With an age it is the answer of something on the way, from an earlier time.
    if let date = answer.headers.first(name: "date"), !answer.headers.contains(name: "age") {
      serverTime.learn(date)
    }
    switch answer.status {
    case 429, 503:
      gate.slowDown(since: halvingCount, until: retryAfter(answer).map { $0 + now })
    case ..<500: gate.countAnswer()
    default: break
    }
  }

  private var now: UInt64 { clock.monotonicNanoseconds() }

  /// What the store wants to be left alone for, in nanoseconds.
  private func retryAfter(_ answer: HTTPAnswer) -> UInt64? {
    guard let value = answer.headers.first(name: "retry-after") else { return nil }
    let seconds: Int64
    if let number = Int64(value) {
      seconds = number
    } else if let time = SigningTime(httpDate: value) {
      seconds = time.seconds - serverTime.now.seconds
    } else {
      return nil
    }
    return min(Duration.seconds(max(seconds, 0)), settings.limits.retryAfterMax).nanoseconds
  }

  private func waitForPause() {
    let (end, now) = (gate.pauseEnd, now)
    if end > now { sleep(.nanoseconds(Int64(end - now))) }
  }

  func sleep(_ duration: Duration) {
    if let sleep = pacing.sleep { sleep(duration) } else { closing.wait(for: duration) }
  }

  private func message(
    _ request: S3Request, _ credentials: S3Credentials, _ time: SigningTime
  ) -> HTTPMessage {
    let path = settings.path(of: request.key.map { settings.location.name(of: $0.text) })
    var signable = SignableRequest(
      method: request.method.rawValue, path: path, query: request.query,
      headers: [(name: "host", value: settings.authority)])
    if let condition = request.condition { signable.headers.append(condition) }
    let signer = RequestSigner(credentials: credentials, region: settings.region)
    let added = signer.sign(signable, payloadHash: request.payloadHash, at: time)
    var headers = HTTPHeaders((signable.headers + added).map { ($0.name, $0.value) })
    headers.add(name: "accept-encoding", value: "identity")
    headers.add(name: "user-agent", value: "coppice")
    if let range = request.range {
      headers.add(name: "range", value: "bytes=\(range.lowerBound)-\(range.upperBound - 1)")
    }
    let query = signable.encodedQuery
    let url = "\(settings.endpoint.isEncrypted ? "https" : "http")://\(settings.authority)\(path)"
    return HTTPMessage(
      method: request.method, url: query.isEmpty ? url : "\(url)?\(query)", headers: headers,
      body: request.body, answerByteCountMax: request.answerByteCountMax)
  }
}
