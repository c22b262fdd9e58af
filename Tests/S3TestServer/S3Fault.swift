/// What goes wrong with a request to the test server.
public enum S3Effect: Sendable {
  /// The connection ends before the request is carried out.
  case dropRequest
  /// It is carried out, and the connection ends before the answer.
  case dropAnswer
  /// It waits at the server, which carries it out when it is told to release it.
  case hold
  /// It is carried out twice, and what the second time comes to is answered.
  case double
  /// The connection ends after so many bytes of the answer's body.
  case cutBody(at: Int)
  /// It is answered so, and not carried out.
  case status(Int, code: String = "", headers: [(String, String)] = [])
  /// It is carried out and answered so all the same.
  case statusAfterwards(Int, code: String = "")
  /// Another range comes than was asked for.
  case otherRange
  /// The whole object comes instead of a range of it.
  case wholeObject
  /// The bytes that the object had before come, with their tag.
  case oldBody
  /// The body comes in pieces of so many bytes, this many milliseconds apart.
  case slow(byteCount: Int, milliseconds: Int64)
  /// The answer begins after so many milliseconds.
  case late(milliseconds: Int64)
  /// The answer lacks this header.
  case without(header: String)
  /// The answer has this header besides.
  case with(header: String, String)
}

/// An effect on certain requests.
public struct S3Fault: Sendable {
  public var effect: S3Effect
  /// As in HTTP; `nil`: any.
  public var method: String?
  /// Only requests for objects whose names begin so.
  public var prefix: String
  /// How many such requests go well before.
  public var passing: Int
  /// How many do not then.
  public var failing: Int

  public init(
    _ effect: S3Effect, _ method: String? = nil, prefix: String = "", passing: Int = 0,
    failing: Int = 1
  ) {
    self.effect = effect
    self.method = method
    self.prefix = prefix
    self.passing = passing
    self.failing = failing
  }
}

/// How the test server does what engines do differently.
public struct S3Behaviour: Sendable {
  public enum Conditions: Sendable {
    case kept
    /// Every write lands.
    case ignored
    /// Looked at when the request comes, some time before the write.
    case checkedEarly(milliseconds: Int64)
    /// Answered with 501.
    case unsupported
  }

  public enum Tags: Sendable { case quoted, plain, either }

  public var conditions = Conditions.kept
  /// How tags have to be written in conditions.
  public var tags = Tags.quoted
  /// Whether answers have tags in quotes.
  public var quotesTags = true
  /// The status for a condition that does not hold.
  public var refusedStatus = 412
  /// The status for a condition on an object that is not there: 404, 412, or 200, which writes it.
  public var missingStatus = 404
  /// Whether a missing object is answered with 403, as without the right to list.
  public var hidesMissing = false
  /// What its clock shows before or behind that of the machine, in seconds.
  public var clockOffset: Int64 = 0
  /// The session that requests must be of, if any is needed.
  public var sessionToken: String?
  public var secretAccessKey = S3TestServer.secretAccessKey

  public init() {}
}

/// A request that the test server has got.
public struct S3LoggedRequest: Sendable {
  public var method: String
  /// The path and query, as sent.
  public var target: String
  /// With names in lower case.
  public var headers: [String: String]
  public var byteCount: Int
}
