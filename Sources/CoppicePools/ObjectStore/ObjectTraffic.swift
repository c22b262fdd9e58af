/// What went over a connection to an object store so far.
public struct ObjectTraffic: Hashable, Sendable {
  /// Requests sent, those that were repeated too.
  public var requestCount = 0
  /// How many of them asked once more for what another one had asked for.
  public var repeatCount = 0
  /// Of the bodies of requests that were answered.
  public var sentByteCount = 0
  /// Of the bodies of answers.
  public var receivedByteCount = 0

  public init() {}
}
