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
    try Self.store(endpoint, prefix: prefix, pauses: pauses, source: source, clock: clock, change)
  }

  /// As `store`, to whatever is there.
  static func store(
    _ endpoint: String, prefix: String = "pool", pauses: Pauses = Pauses(),
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

/// A port that nobody listens at, nor gets while this lives.
final class SilentPort {
  private let descriptor: Int32
  let endpoint: String

  init() throws {
    let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_addr.s_addr = in_addr_t(0x7F00_0001).bigEndian
    var count = socklen_t(MemoryLayout<sockaddr_in>.size)
    let code = withUnsafeMutableBytes(of: &address) { bytes in
      bytes.withMemoryRebound(to: sockaddr.self) { bytes in
        bind(descriptor, bytes.baseAddress, count)
          | getsockname(descriptor, bytes.baseAddress, &count)
      }
    }
    self.descriptor = descriptor
    endpoint = "http://127.0.0.1:\(UInt16(bigEndian: address.sin_port))"
    guard code == 0 else { throw Program.Failure(description: "no port: errno \(errno)") }
  }

  deinit { close(descriptor) }
}
