internal import CoppicePlatform
package import CoppicePools
internal import Glibc
internal import Synchronization

/// Where credentials come from, as a remote's settings say it.
public enum CredentialPlace: Hashable, Sendable {
  /// `AWS_ACCESS_KEY_ID`, `AWS_SECRET_ACCESS_KEY` and, where there is one, `AWS_SESSION_TOKEN`.
  case environment
  /// A file in the form of `~/.aws/credentials`, by its path; its profile `default`, or what stands
  /// before any profile. Read again when it has changed.
  case file(String)
}

/// The credentials that a place has now.
package final class CredentialSource: Sendable {
  private static let fileByteCountMax = 1 << 16

  /// Tells whether a file is still the one that was read.
  private struct Stamp: Hashable {
    var identity: FileUser.Identity
    var byteCount: UInt64
    var modified: Int64
    var changed: Int64
  }

  private struct Loaded {
    var stamp: Stamp
    var credentials: S3Credentials
  }

  private let place: CredentialPlace
  private let variable: @Sendable (String) -> String?
  private let loaded = Mutex<Loaded?>(nil)

  /// - Parameter variable: what the environment has under a name.
  package init(
    _ place: CredentialPlace,
    variable: @escaping @Sendable (String) -> String? = { name in
      getenv(name).map { String(cString: $0) }
    }
  ) {
    self.place = place
    self.variable = variable
  }

  /// Waits for a look at the file. Throws `denied` when there are none.
  ///
  /// - Parameter anew: reads the file even if it looks as it did.
  package func credentials(anew: Bool = false) throws(ObjectStoreError) -> S3Credentials {
    switch place {
    case .environment: return try ofEnvironment()
    case .file(let path):
      do throws(SystemError) {
        let stamp = try Self.stamp(of: path)
        if !anew, let loaded = loaded.withLock({ $0 }), loaded.stamp == stamp {
          return loaded.credentials
        }
        let bytes = try Self.contents(of: path)
        guard let credentials = CredentialFile.credentials(in: bytes) else {
          throw SystemError(call: "read", path: path, code: EINVAL)
        }
        loaded.withLock { $0 = Loaded(stamp: stamp, credentials: credentials) }
        return credentials
      } catch {
        // Whoever renews a file may write it in place; what was read before may still be good.
        if !anew, error.code == EINVAL, let loaded = loaded.withLock({ $0 }) {
          return loaded.credentials
        }
        throw ObjectStoreError(
          .denied, "the file \(path) gives no credentials for the object store",
          cause: error.code == EINVAL
            ? "no aws_access_key_id with its aws_secret_access_key" : error.description)
      }
    }
  }

  private func ofEnvironment() throws(ObjectStoreError) -> S3Credentials {
    let names = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")
    guard let id = variable(names.0), !id.isEmpty, let secret = variable(names.1), !secret.isEmpty
    else {
      throw ObjectStoreError(
        .denied, "the environment gives no credentials for the object store",
        cause: "\(names.0) and \(names.1) are needed")
    }
    let token = variable("AWS_SESSION_TOKEN").flatMap { $0.isEmpty ? nil : $0 }
    return S3Credentials(accessKeyID: id, secretAccessKey: secret, sessionToken: token)
  }

  private static func stamp(of path: String) throws(SystemError) -> Stamp {
    let status = try HostFile(locating: path).status()
    return Stamp(
      identity: status.identity, byteCount: status.byteCount, modified: status.modified,
      changed: status.changed)
  }

  private static func contents(of path: String) throws(SystemError) -> [UInt8] {
    let file = try HostFile(reading: path)
    var bytes: [UInt8] = []
    while bytes.count <= fileByteCountMax {
      var piece = [UInt8](repeating: 0, count: 4096)
      let count = try piece.withMutableBytes { buffer throws(SystemError) in
        try file.readNext(into: buffer)
      }
      if count == 0 { return bytes }
      bytes += piece[..<count]
    }
    throw SystemError(call: "read", path: path, code: EFBIG)
  }
}

/// The file that programs for S3 keep credentials in.
enum CredentialFile {
  /// Of the profile `default`, or of what stands before any profile; `nil` when there are none.
  static func credentials(in bytes: [UInt8]) -> S3Credentials? {
    var values: [String: String] = [:]
    var isCounted = true
    for line in String(decoding: bytes, as: UTF8.self).split(whereSeparator: \.isNewline) {
      let line = trimmed(line)
      guard let first = line.first, first != "#", first != ";" else { continue }
      if first == "[" {
        isCounted = trimmed(line.dropFirst().prefix { $0 != "]" }) == "default"
      } else if isCounted, let sign = line.firstIndex(of: "=") {
        values[trimmed(line[..<sign])] = trimmed(line[line.index(after: sign)...])
      }
    }
    guard let id = values["aws_access_key_id"], !id.isEmpty,
      let secret = values["aws_secret_access_key"], !secret.isEmpty
    else { return nil }
    let token = values["aws_session_token"].flatMap { $0.isEmpty ? nil : $0 }
    return S3Credentials(accessKeyID: id, secretAccessKey: secret, sessionToken: token)
  }

  private static func trimmed(_ text: some StringProtocol) -> String {
    var text = Substring(text)
    while text.first?.isWhitespace ?? false { text.removeFirst() }
    while text.last?.isWhitespace ?? false { text.removeLast() }
    return String(text)
  }
}
