internal import CoppicePlatform
internal import Crypto

/// A request as a signature covers it.
package struct SignableRequest: Sendable {
  package var method: String
  /// Encoded as it is sent.
  package var path: String
  /// Not encoded, in any order.
  package var query: [(name: String, value: String)]
  /// All that are signed, with names in lower case; `host` among them.
  package var headers: [(name: String, value: String)]

  package init(
    method: String, path: String, query: [(name: String, value: String)] = [],
    headers: [(name: String, value: String)]
  ) {
    self.method = method
    self.path = path
    self.query = query
    self.headers = headers
  }

  /// The query as it is sent and as it is signed: encoded, in the order of names.
  package var encodedQuery: String {
    query.map { (PercentCoding.encode($0.name.utf8), PercentCoding.encode($0.value.utf8)) }
      .sorted { $0.0 == $1.0 ? $0.1.precedes($1.1) : $0.0.precedes($1.0) }
      .map { "\($0.0)=\($0.1)" }.joined(separator: "&")
  }
}

/// Signs requests to one store: AWS Signature Version 4.
///
/// Source: "Authenticating Requests (AWS Signature Version 4)" in the API reference of Amazon S3.
package struct RequestSigner: Sendable {
  private static let algorithm = "AWS4-HMAC-SHA256"

  private let credentials: S3Credentials
  private let region: String
  private let service: String

  package init(credentials: S3Credentials, region: String, service: String = "s3") {
    self.credentials = credentials
    self.region = region
    self.service = service
  }

  /// The headers to send besides those of the request: time, hash of the body, session and
  /// signature, with names in lower case.
  ///
  /// - Parameter payloadHash: of the body, by `hash`.
  package func sign(
    _ request: SignableRequest, payloadHash: String, at time: SigningTime
  ) -> [(name: String, value: String)] {
    var added = [("x-amz-content-sha256", payloadHash), ("x-amz-date", time.signing)]
    if let token = credentials.sessionToken { added.append(("x-amz-security-token", token)) }
    var signed = request
    signed.headers += added.map { (name: $0.0, value: $0.1) }
    let value = authorization(signed, payloadHash: payloadHash, at: time)
    return added.map { (name: $0.0, value: $0.1) } + [(name: "authorization", value: value)]
  }

  /// The value of the header `Authorization` for a request with all the headers that are signed.
  package func authorization(
    _ request: SignableRequest, payloadHash: String, at time: SigningTime
  ) -> String {
    let scope = "\(time.day)/\(region)/\(service)/aws4_request"
    let canonical = Self.canonical(request, payloadHash: payloadHash)
    let text = [Self.algorithm, time.signing, scope, Self.hash(Array(canonical.text.utf8))]
      .joined(separator: "\n")
    let signature = Self.hexadecimal(Self.authenticate(text, key(for: time)))
    return "\(Self.algorithm) Credential=\(credentials.accessKeyID)/\(scope), "
      + "SignedHeaders=\(canonical.signedHeaders), Signature=\(signature)"
  }

  private static func canonical(
    _ request: SignableRequest, payloadHash: String
  ) -> (text: String, signedHeaders: String) {
    let headers = request.headers.sorted { $0.name.precedes($1.name) }
    let names = headers.map(\.name).joined(separator: ";")
    let lines = headers.map { "\($0.name):\(folded($0.value))\n" }.joined()
    let text = [
      request.method, request.path, request.encodedQuery, lines, names, payloadHash,
    ].joined(separator: "\n")
    return (text, names)
  }

  /// The value without spaces around it, and with one where there are several.
  private static func folded(_ value: String) -> String {
    value.split(byte: UInt8(ascii: " ")).joined(separator: " ")
  }

  private func key(for time: SigningTime) -> SymmetricKey {
    var key = SymmetricKey(data: Array("AWS4\(credentials.secretAccessKey)".utf8))
    for part in [time.day, region, service, "aws4_request"] {
      key = SymmetricKey(data: Self.authenticate(part, key))
    }
    return key
  }

  private static func authenticate(_ text: String, _ key: SymmetricKey) -> [UInt8] {
    Array(HMAC<SHA256>.authenticationCode(for: Array(text.utf8), using: key))
  }

  /// The SHA-256 of a body, in hexadecimal digits.
  package static func hash(_ bytes: [UInt8]) -> String {
    bytes.withUnsafeBytes { buffer in
      var hash = SHA256()
      hash.update(bufferPointer: buffer)
      return hexadecimal(Array(hash.finalize()))
    }
  }

  private static func hexadecimal(_ bytes: [UInt8]) -> String {
    bytes.map { byte in
      let digits = String(byte, radix: 16)
      return byte < 16 ? "0\(digits)" : digits
    }.joined()
  }
}
