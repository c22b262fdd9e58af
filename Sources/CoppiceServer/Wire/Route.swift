/// The place of a request in the API.
package struct Route: Hashable, Sendable {
  package enum Method: String, Hashable, Sendable, CaseIterable {
    case get = "GET"
    case post = "POST"
    case put = "PUT"
    case delete = "DELETE"

    /// Whether the fields of a request travel in its body; else in the query.
    var hasBody: Bool { self == .post || self == .put }
  }

  package var method: Method
  /// With the names of fields in braces: `/v1/branches/{name}`.
  package var path: String
  /// One sentence.
  package var summary: String

  package init(_ method: Method, _ path: String, _ summary: String) {
    self.method = method
    self.path = path
    self.summary = summary
  }

  /// The fields that are part of the path, in order.
  package var pathFields: [String] {
    path.split(separator: "/").filter { $0.hasPrefix("{") }.map {
      String($0.dropFirst().dropLast())
    }
  }
}
