internal import Crypto

/// Computes signatures anew from requests as they came: an own reading of the rules, so that what
/// client and server have in common proves something.
enum S3SignatureCheck {
  /// What is wrong with a request's signature; `nil` for nothing.
  static func problem(
    _ request: S3Request, accessKeyID: String, _ behaviour: S3Behaviour, now: Int64
  ) -> S3Response? {
    guard let header = request.header("authorization"),
      header.hasPrefix("AWS4-HMAC-SHA256 "), let date = request.header("x-amz-date"),
      let payloadHash = request.header("x-amz-content-sha256")
    else { return .error(403, "AccessDenied") }
    var fields: [String: String] = [:]
    for field in header.dropFirst(17).split(separator: ",") {
      let parts = field.split(separator: "=", maxSplits: 1).map(String.init)
      fields[parts[0].filter { $0 != " " }] = parts.count > 1 ? parts[1] : ""
    }
    let scope = (fields["Credential"] ?? "").split(separator: "/").map(String.init)
    let signed = (fields["SignedHeaders"] ?? "").split(separator: ";").map(String.init)
    guard scope.count == 5, scope[3] == "s3", scope[4] == "aws4_request" else {
      return .error(400, "AuthorizationHeaderMalformed")
    }
    guard scope[0] == accessKeyID else { return .error(403, "InvalidAccessKeyId") }
    if let token = behaviour.sessionToken, request.header("x-amz-security-token") != token {
      return .error(400, "ExpiredToken")
    }
    let needed = request.headers.map { $0.name.lowercased() }.filter {
      $0 == "host" || $0.hasPrefix("x-amz-")
    }
    guard signed == signed.sorted(), Set(needed).isSubset(of: signed) else {
      return .error(403, "AccessDenied")
    }
    guard date.hasPrefix(scope[1]), let seconds = seconds(date), abs(seconds - now) < 900 else {
      return .error(403, "RequestTimeTooSkewed")
    }
    let bodyHash = hexadecimal(SHA256.hash(data: request.body))
    guard payloadHash == bodyHash else { return .error(400, "XAmzContentSHA256Mismatch") }

    var canonical = "\(request.method)\n\(request.path)\n"
    canonical += request.rawQuery.map { "\($0.name)=\($0.value)" }.sorted().joined(separator: "&")
    canonical += "\n"
    for name in signed { canonical += "\(name):\(request.header(name) ?? "")\n" }
    canonical += "\n\(signed.joined(separator: ";"))\n\(payloadHash)"
    let text =
      "AWS4-HMAC-SHA256\n\(date)\n\(scope[1...].joined(separator: "/"))\n"
      + hexadecimal(SHA256.hash(data: Array(canonical.utf8)))
    var key = Array("AWS4\(behaviour.secretAccessKey)".utf8)
    for part in scope[1...] + [text] {
      key = Array(
        HMAC<SHA256>.authenticationCode(for: Array(part.utf8), using: SymmetricKey(data: key)))
    }
    guard hexadecimal(key) == fields["Signature"] else {
      return .error(403, "SignatureDoesNotMatch")
    }
    return nil
  }

  /// Of `20130524T000000Z`, since 1970-01-01 UTC.
  private static func seconds(_ text: String) -> Int64? {
    let digits = text.compactMap(\.wholeNumberValue).map(Int64.init)
    guard text.count == 16, digits.count == 14 else { return nil }
    let number = { (range: Range<Int>) in digits[range].reduce(0) { $0 * 10 + $1 } }
    let (year, month, day) = (number(0..<4), number(4..<6), number(6..<8))
    var days = (year - 1970) * 365 + (year - 1969) / 4 - (year - 1901) / 100 + (year - 1601) / 400
    let isLeap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)
    let lengths: [Int64] = [31, isLeap ? 29 : 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31]
    guard (1...12).contains(month) else { return nil }
    days += lengths.prefix(Int(month) - 1).reduce(0, +) + day - 1
    return days * 86_400 + number(8..<10) * 3600 + number(10..<12) * 60 + number(12..<14)
  }

  static func hexadecimal(_ bytes: some Sequence<UInt8>) -> String {
    bytes.map { byte in
      let digits = String(byte, radix: 16)
      return byte < 16 ? "0\(digits)" : digits
    }.joined()
  }
}
