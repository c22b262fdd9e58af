internal import CoppicePools
internal import NIOHTTP1

/// A request before it is signed.
struct S3Request {
  var method: HTTPMethod
  /// The object concerned; `nil` for the bucket.
  var key: ObjectKey?
  var query: [(name: String, value: String)] = []
  /// Conditions, which are signed: nothing on the way can drop them unseen.
  var condition: (name: String, value: String)?
  var range: Range<Int>?
  var body: [UInt8] = []
  /// The hash of the body, computed once however often it is sent.
  var payloadHash: String
  /// An answer whose body has more is none.
  var answerByteCountMax = 64 << 10

  init(_ method: HTTPMethod, _ key: ObjectKey?, body: [UInt8] = []) {
    self.method = method
    self.key = key
    self.body = body
    payloadHash = RequestSigner.hash(body)
  }
}

/// What a failed answer means for whoever sent the request.
struct S3Problem {
  var error: ObjectStoreError
  /// Whether the same request may have another answer soon.
  var isPassing: Bool
  /// Whether the store said that it looked no further than at how much it has to do.
  var isRejected = false

  private static let throttlingCodes: Set = [
    "SlowDown", "TooManyRequests", "RequestLimitExceeded", "Throttling", "ThrottlingException",
  ]
  static let expiredCodes: Set = ["ExpiredToken", "InvalidToken", "TokenRefreshRequired"]

  init(_ error: ObjectStoreError, isPassing: Bool) {
    self.error = error
    self.isPassing = isPassing
  }

  /// - Precondition: the status tells no success.
  init(_ answer: HTTPAnswer, _ key: ObjectKey?) {
    let code = answer.errorCode ?? ""
    var (kind, isPassing) = (ObjectStoreError.Kind.invalid, false)
    var message = "the store does not carry out such a request"
    switch answer.status {
    case 404 where code == "NoSuchBucket": message = "there is no such bucket"
    case 404: (kind, message) = (.missing, "the store has no such object")
    case 416: (kind, message) = (.beyondEnd, "the object ends before what was asked for")
    case 403 where code == "InvalidObjectState":
      (kind, message) = (.archived, "the object is archived")
    case 400 where Self.expiredCodes.contains(code), 401, 403:
      (kind, message) = (.denied, "the store does not accept these credentials for this")
    case 429, 503:
      (kind, message, isPassing) = (.throttled, "the store has too much to do", true)
      isRejected = answer.status == 429 || Self.throttlingCodes.contains(code)
    case 408,
      400 where code == "RequestTimeout":
      (kind, message, isPassing) = (.unreachable, "the store did not get the request in time", true)
    case 501, 505: break
    case 500...: (kind, message, isPassing) = (.unreachable, "the store failed", true)
    case 300..<400:
      message = "the endpoint sends requests elsewhere; name the one that answers them"
    default: break
    }
    var cause = answer.problem
    if let place = answer.headers.first(name: "location") { cause += ", to \(place)" }
    if let region = answer.headers.first(name: "x-amz-bucket-region") {
      cause += ", region \(region)"
    }
    error = ObjectStoreError(kind, message, key: key, cause: cause)
    self.isPassing = isPassing
  }
}
