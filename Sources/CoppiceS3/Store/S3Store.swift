package import CoppicePlatform
public import CoppicePools
internal import NIOHTTP1
internal import Synchronization

/// An object store that speaks S3: AWS, Ceph, R2, MinIO and others.
///
/// Each object is one request: no parts, no trailers, no checksum headers, which stores do not have
/// in common; the hash of every body is signed, so a store that checks signatures checks what it
/// got. Reads, removals and `put` are sent again with growing waits, changes (`create`, `replace`)
/// are sent once. What comes is used only if it is what was asked for, whole.
///
/// Calls must not be made from a thread of an event loop. Closes when released.
public final class S3Store: ObjectStore {
  let settings: S3Settings
  let transport: HTTPTransport
  let gate: RequestGate
  let latency = Latency()
  let serverTime: ServerTime
  let source: CredentialSource
  let pacing: S3Pacing
  let closing = Closing()
  let clock: any StoreClock
  let counts = Mutex(ObjectTraffic())

  /// Connects when it is first used. Throws `invalid` for settings that cannot be meant.
  public convenience init(_ settings: S3Settings) throws(ObjectStoreError) {
    try self.init(settings, source: CredentialSource(settings.credentials))
  }

  package init(
    _ settings: S3Settings, source: CredentialSource, clock: any StoreClock = SystemClock(),
    pacing: S3Pacing = S3Pacing()
  ) throws(ObjectStoreError) {
    guard settings.usesPathStyle || !settings.endpoint.host.contains(":") else {
      throw ObjectStoreError(
        .invalid, "an endpoint that is an address needs the bucket in the path")
    }
    self.settings = settings
    self.source = source
    self.clock = clock
    self.pacing = pacing
    gate = RequestGate(limit: max(settings.limits.connectionCount, 1))
    serverTime = ServerTime(clock)
    transport = try HTTPTransport(settings)
  }

  /// Ends all calls: what waits for an answer ends with `unreachable` or `unknown`, and so does
  /// what is called later.
  public func close() {
    closing.close()
    transport.close()
  }

  public var clockOffset: Duration? { serverTime.offset }

  public var traffic: ObjectTraffic { counts.withLock { $0 } }

  /// How many requests may run at once now.
  package var requestLimit: Int { gate.limit }
}
