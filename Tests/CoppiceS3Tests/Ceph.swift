import CoppicePools
import CoppiceS3
import Glibc
import Synchronization
import TestSupport
import Testing

/// A Ceph object store of this machine, which runs as long as the process that asks for it.
/// Whatever ends the process ends it, and removes what it has stored.
final class Ceph: Sendable {
  static let comment = Testing.Comment(rawValue: "needs Ceph: .ci/install ceph")
  /// Where it is missing tests are skipped; in CI they fail instead.
  static let isMet =
    getenv("CI") != nil
    || ["ceph", "ceph-mon", "ceph-mgr", "ceph-osd", "radosgw", "curl", "python3"].allSatisfy {
      Program($0).isInstalled
    }

  /// Comes up when it is first used, which takes half a minute.
  private static let shared = Result { try Ceph() }
  private static let storeCount = Atomic<Int>(0)

  private let port: Int
  /// The process ends when nobody has the other end of its input.
  private let inputDescriptor: Int32

  private init() throws {
    let folder = try TemporaryFolder()
    guard mkfifo(folder("input"), 0o600) == 0 else {
      throw Program.Failure(description: "cannot make a pipe: errno \(errno)")
    }
    inputDescriptor = open(folder("input"), O_RDWR | O_CLOEXEC)
    let top = #filePath.split(separator: "/").dropLast(3).joined(separator: "/")
    let running = try Program("/\(top)/.ci/ceph").start(
      ["serve", "\(folder.path)-ceph"], input: folder("input"), output: folder("output"))
    for _ in 0..<1200 {
      let output = String(decoding: try TemporaryFolder.bytes(of: folder("output")), as: UTF8.self)
      if output.hasPrefix("ready "), output.hasSuffix("\n") {
        port = Int(output.dropFirst(6).dropLast()) ?? 0
        return
      }
      var status: Int32 = 0
      if waitpid(running.pid, &status, WNOHANG) == running.pid { break }
      usleep(100_000)
    }
    close(inputDescriptor)
    let errors = try TemporaryFolder.bytes(of: running.errorPath)
    throw Program.Failure(
      description: "Ceph does not come up: \(String(decoding: errors, as: UTF8.self))")
  }

  /// A connection; to a place of its own where no prefix is given.
  static func store(
    prefix: String? = nil, source: CredentialSource? = nil,
    _ change: (inout S3Settings) -> Void = { _ in }
  ) throws -> S3Store {
    let number = storeCount.add(1, ordering: .relaxed).oldValue
    var settings = try S3Settings(
      S3Location("s3://coppice/\(prefix ?? "place-\(number)")"),
      endpoint: S3Endpoint("http://127.0.0.1:\(try shared.get().port)"), region: "default",
      credentials: .environment)
    settings.tagStyle = .plain
    change(&settings)
    let known = [
      "AWS_ACCESS_KEY_ID": "COPPICETESTKEY", "AWS_SECRET_ACCESS_KEY": "coppice-test-secret",
    ]
    return try S3Store(settings, source: source ?? CredentialSource(.environment) { known[$0] })
  }
}
