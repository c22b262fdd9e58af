import CoppicePlatform
import CoppicePools
import CoppiceS3
import Glibc
import S3TestServer
import Synchronization
import TestSupport

extension S3TestServer {
  static let credentials: [String: String] = [
    "AWS_ACCESS_KEY_ID": accessKeyID, "AWS_SECRET_ACCESS_KEY": secretAccessKey,
  ]

  /// A connection to the server, with the credentials that it knows.
  func store(
    prefix: String = "pool", pauses: Pauses = Pauses(),
    source: CredentialSource? = nil, clock: any StoreClock = SystemClock(),
    _ change: (inout S3Settings) -> Void = { _ in }
  ) throws -> S3Store {
    var settings = try S3Settings(
      S3Location("s3://\(Self.bucket)/\(prefix)"), endpoint: S3Endpoint(endpoint),
      credentials: .environment)
    change(&settings)
    let known = CredentialSource(.environment) { Self.credentials[$0] }
    return try S3Store(
      settings, source: source ?? known, clock: clock, pacing: pauses.pacing)
  }
}

/// Counts waits between requests instead of making them.
final class Pauses: Sendable {
  private let list = Mutex<[Duration]>([])

  var durations: [Duration] { list.withLock { $0 } }

  /// Always the longest waits.
  var pacing: S3Pacing {
    S3Pacing(sleep: { duration in self.list.withLock { $0.append(duration) } }, random: { 1 })
  }
}

/// The kind of the error that a call throws; `nil` when it throws none.
func kind<Value>(
  _ call: () throws(ObjectStoreError) -> Value
) -> ObjectStoreError.Kind? {
  do throws(ObjectStoreError) {
    _ = try call()
    return nil
  } catch {
    return error.kind
  }
}
