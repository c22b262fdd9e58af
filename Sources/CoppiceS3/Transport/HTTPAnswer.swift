internal import CoppicePools
internal import NIOHTTP1

/// An answer that came whole.
struct HTTPAnswer {
  var status: Int
  var headers: HTTPHeaders
  /// Of an answer that tells a failure: its beginning.
  var body: [UInt8]

  /// The body's byte count by its header, where there is one.
  var contentLength: Int? { number("content-length") }

  func number(_ name: String) -> Int? { headers.first(name: name).flatMap { Int($0) } }

  var tag: ObjectTag? { headers.first(name: "etag").flatMap { ObjectTag(header: $0) } }

  /// The range that the body is, and the byte count of the whole object.
  var contentRange: (range: Range<Int>, byteCount: Int)? {
    guard let value = headers.first(name: "content-range"), value.hasPrefix("bytes ") else {
      return nil
    }
    let parts = value.dropFirst(6).split(separator: "/")
    let bounds = parts.first?.split(separator: "-").compactMap { Int($0) } ?? []
    guard parts.count == 2, bounds.count == 2, let byteCount = Int(parts[1]),
      bounds[0] >= 0, bounds[0] <= bounds[1], bounds[1] < byteCount
    else { return nil }
    return (bounds[0]..<bounds[1] + 1, byteCount)
  }

  /// Whether the body has another encoding than the object's own.
  var isEncoded: Bool {
    headers["content-encoding"].contains { $0 != "identity" && $0 != "aws-chunked" }
  }

  /// The store's name for what is wrong; `nil` where it gives none.
  var errorCode: String? { errorDocument?.text(of: "Code") }

  /// The store's words for what is wrong, for people.
  var problem: String {
    let document = errorDocument
    let words = [document?.text(of: "Code"), document?.text(of: "Message")]
      .compactMap { $0 }.filter { !$0.isEmpty }
    return (["HTTP status \(status)"] + words.map { String($0.prefix(300)) })
      .joined(separator: ": ")
  }

  private var errorDocument: XMLElement? {
    guard let element = XMLElement(body), element.name == "Error" else { return nil }
    return element
  }
}

/// Why there is no whole answer.
struct HTTPFailure: Error {
  /// Whether nothing of the request can have reached the store.
  var isUnsent: Bool
  /// Of an answer that began.
  var status: Int?
  var cause: String
}
