internal import NIOHTTP1

/// A request as it came.
struct S3Request: Sendable {
  var method: String
  /// Path and query, as sent.
  var target: String
  var headers: HTTPHeaders
  var body: [UInt8]

  var path: String { String(target.prefix { $0 != "?" }) }

  /// As sent, encoded.
  var rawQuery: [(name: String, value: String)] {
    let query = target.drop { $0 != "?" }.dropFirst()
    return query.split(separator: "&").map { pair in
      let parts = pair.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
      return (String(parts[0]), parts.count > 1 ? String(parts[1]) : "")
    }
  }

  func query(_ name: String) -> String? {
    rawQuery.first { $0.name == name }.map { Self.decoded($0.value) }
  }

  /// The bucket's name, and that of an object in it.
  var place: (bucket: String, name: String) {
    let path = Self.decoded(path).dropFirst()
    let bucket = path.prefix { $0 != "/" }
    return (String(bucket), String(path.dropFirst(bucket.count + 1)))
  }

  func header(_ name: String) -> String? { headers.first(name: name) }

  private static func decoded(_ text: String) -> String {
    var bytes: [UInt8] = []
    var rest = Array(text.utf8)[...]
    while let byte = rest.popFirst() {
      if byte == UInt8(ascii: "%"), rest.count >= 2,
        let value = UInt8(String(decoding: rest.prefix(2), as: UTF8.self), radix: 16)
      {
        bytes.append(value)
        rest = rest.dropFirst(2)
      } else {
        bytes.append(byte)
      }
    }
    return String(decoding: bytes, as: UTF8.self)
  }
}

/// An answer, and how it gets to whoever asked.
struct S3Response: Sendable {
  enum Delivery: Sendable {
    case whole
    /// The connection ends without an answer.
    case dropped
    /// The connection ends after so many bytes of the body.
    case cut(Int)
    case pieces(byteCount: Int, milliseconds: Int64)
  }

  var status: Int
  var headers: [(String, String)] = []
  var body: [UInt8] = []
  /// Of an answer without the body that it tells about.
  var byteCount: Int?
  var delivery = Delivery.whole
  var delayMilliseconds: Int64 = 0

  init(_ status: Int, headers: [(String, String)] = [], body: [UInt8] = []) {
    self.status = status
    self.headers = headers
    self.body = body
  }

  static func error(_ status: Int, _ code: String) -> S3Response {
    S3Response(
      status, headers: [("Content-Type", "application/xml")],
      body: Array(
        """
        <?xml version="1.0" encoding="UTF-8"?>
        <Error><Code>\(code)</Code><Message>as told</Message></Error>
        """.utf8))
  }
}
