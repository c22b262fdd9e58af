internal import CoppicePlatform
public import CoppicePools

/// How one object store is reached and asked: all that a remote's settings say of it.
public struct S3Settings: Sendable {
  public var location: S3Location
  public var endpoint: S3Endpoint
  /// What requests are signed for. Stores other than AWS mostly take any.
  public var region: String
  /// Whether the bucket stands in the path of a URL instead of in the name of the host.
  public var usesPathStyle: Bool
  /// How tags are written in conditions: what `ObjectStoreProbe` found.
  public var tagStyle = TagStyle.quoted
  public var credentials: CredentialPlace
  /// A PEM file of certificates to trust instead of the system's.
  public var certificateFile: String?
  /// One address of the endpoint's host to connect to instead of any.
  public var address: String?
  public var limits = S3Limits()

  /// - Parameter usesPathStyle: `nil` for the usual: the host of AWS has the bucket in its name.
  public init(
    _ location: S3Location, endpoint: S3Endpoint, region: String = "us-east-1",
    usesPathStyle: Bool? = nil, credentials: CredentialPlace
  ) {
    self.location = location
    self.endpoint = endpoint
    self.region = region
    // A certificate for `*.host` covers no name with a further dot.
    self.usesPathStyle =
      usesPathStyle ?? (!endpoint.host.hasSuffix(".amazonaws.com") || location.bucket.contains("."))
    self.credentials = credentials
  }

  /// The host that connections go to.
  var connectedHost: String {
    usesPathStyle ? endpoint.host : "\(location.bucket).\(endpoint.host)"
  }

  /// The host that requests name.
  package var authority: String {
    endpoint.authority(bucket: usesPathStyle ? nil : location.bucket)
  }

  /// The path of a URL, encoded.
  ///
  /// - Parameter name: in the bucket; `nil` for the bucket itself.
  package func path(of name: String?) -> String {
    var words = usesPathStyle ? [location.bucket] : []
    if let name { words += name.split(byte: UInt8(ascii: "/"), keepsEmpty: true) }
    return "/" + words.map { PercentCoding.encode($0.utf8) }.joined(separator: "/")
  }
}

/// How long requests may take, and how many there are.
public struct S3Limits: Sendable {
  /// Until a connection is there, with its encryption.
  public var connecting = Duration.seconds(3)
  /// Without any byte, of a body that is sent or before and in an answer.
  public var silence = Duration.seconds(10)
  /// Of a body that is sent or received, on the average since it began, `silence` apart.
  public var byteCountPerSecondMin = 64 << 10
  /// Requests at once, each on a connection of its own.
  public var connectionCount = 16
  /// How often one request is sent again; changes are not.
  public var repeatCount = 8
  /// How often at most as long as the store has never answered: then its name may be wrong.
  public var repeatCountAtFirst = 8
  /// The first wait before a request is sent again is at most this, each later one twice as much.
  public var firstDelay = Duration.milliseconds(100)
  public var delayMax = Duration.seconds(10)
  /// What is waited for at most when the store says for how long.
  public var retryAfterMax = Duration.seconds(60)
  /// A connection that nothing uses is closed after this.
  public var idle = Duration.seconds(10)
  /// A read whose answer has not begun after this and four times the usual is asked once more.
  public var secondRequest = Duration.milliseconds(50)
  /// After this no request is sent again.
  public var repeating = Duration.seconds(60)
  /// Objects in one part of a list.
  public var listCount = 1000

  public init() {}
}
