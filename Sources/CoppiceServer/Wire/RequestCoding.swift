package import Coppice
internal import CoppicePlatform

/// A request as HTTP carries it: the fields that the route's path names lie in the path, the others
/// in the query, or in a JSON object as the body.
package struct EncodedRequest: Hashable, Sendable {
  package var method: Route.Method
  /// With the query.
  package var path: String
  package var body: [UInt8]?

  /// What stands in a path for a name that cannot: an empty one, or one of dots. The query has it.
  static let placeholder = "-"

  package init<Request: WireRequest>(_ request: Request) {
    let route = Request.route
    method = route.method
    guard case .object(var fields) = JSONValue(encoding: request) else {
      preconditionFailure("a request is an object")
    }
    fields = fields.filter { $0.value != .null }
    var query: [(String, String)] = []
    path = ""
    for part in route.path.split(separator: "/") {
      guard part.hasPrefix("{") else {
        path += "/\(part)"
        continue
      }
      let field = String(part.dropFirst().dropLast())
      let value = fields.removeValue(forKey: field)?.text ?? ""
      let fits = !value.isEmpty && value != Self.placeholder && value.contains { $0 != "." }
      if !fits { query.append((field, value)) }
      path += "/\(fits ? Percent.encode(value) : Self.placeholder)"
    }
    if route.method.hasBody {
      body = JSON.encode(fields)
    } else {
      for (name, value) in fields.sorted(by: { $0.key < $1.key }) {
        for text in Self.texts(of: value) { query.append((name, text)) }
      }
    }
    guard !query.isEmpty else { return }
    path += "?" + query.map { "\($0)=\(Percent.encode($1))" }.joined(separator: "&")
  }

  private static func texts(of value: JSONValue) -> [String] {
    switch value {
    case .array(let values): values.flatMap(texts)
    case .boolean(let value): ["\(value)"]
    case .unsigned(let value): ["\(value)"]
    case .signed(let value): ["\(value)"]
    case .number(let value): ["\(value)"]
    case .string(let value): [value]
    case .null, .object: preconditionFailure("a query has no such values")
    }
  }
}

extension WireRequest {
  /// From the path, query and body of an HTTP request. Booleans that are missing are false, lists
  /// empty. Throws `invalid`.
  package init(
    path: String, query: [(name: String, value: String)], body: [UInt8]
  ) throws(StoreError) {
    var fields: [String: JSONValue] = [:]
    let shapes = Shape(of: Self.self).fields
    if Self.route.method.hasBody, !body.isEmpty {
      fields = try Self.reading { () throws(JSONFailure) in
        try JSON.decode([String: JSONValue].self, from: body)
      }
    }
    for (template, part) in zip(
      Self.route.path.split(separator: "/"), path.split(byte: UInt8(ascii: "/")))
    where template.hasPrefix("{") && part != EncodedRequest.placeholder {
      fields[String(template.dropFirst().dropLast())] = .string(try Percent.decode(part))
    }
    for (name, text) in query {
      guard let shape = shapes.first(where: { $0.name == name })?.shape else {
        throw Self.malformed("there is no field '\(name)'")
      }
      try Self.add(text, name, shape, to: &fields)
    }
    for field in shapes where fields[field.name] == nil && !field.isOptional {
      switch field.shape {
      case .boolean: fields[field.name] = .boolean(false)
      case .array: fields[field.name] = .array([])
      default: break
      }
    }
    let complete = fields
    self = try Self.reading { () throws(JSONFailure) in
      try JSON.decode(Self.self, from: JSON.encode(complete))
    }
  }

  private static func add(
    _ text: String, _ name: String, _ shape: Shape, to fields: inout [String: JSONValue]
  ) throws(StoreError) {
    switch shape {
    case .array:
      var values: [JSONValue] = []
      if case .array(let before) = fields[name] { values = before }
      fields[name] = .array(values + [.string(text)])
    case .boolean:
      guard let value = Bool(text) else { throw malformed("\(name): write true or false") }
      fields[name] = .boolean(value)
    case .integer, .number:
      guard let value = UInt64(text) else { throw malformed("\(name): write a number") }
      fields[name] = .unsigned(value)
    case .string, .time, .choice, .object: fields[name] = .string(text)
    }
  }

  private static func reading<Value>(
    _ body: () throws(JSONFailure) -> Value
  ) throws(StoreError) -> Value {
    do throws(JSONFailure) {
      return try body()
    } catch {
      throw malformed(error.description)
    }
  }

  private static func malformed(_ what: String) -> StoreError {
    StoreError(
      .invalid, "the request is malformed: \(what)",
      object: "\(route.method.rawValue) \(route.path)",
      remedy: "see GET /v1/openapi.json for its fields")
  }
}

/// Percent-encoding of paths and queries. Bytes that are no UTF-8 are as `ByteText` has them.
package enum Percent {
  static func encode(_ text: String) -> String {
    text.utf8.reduce(into: "") { result, byte in
      switch byte {
      case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
        UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "."),
        UInt8(ascii: "_"), UInt8(ascii: "~"):
        result.unicodeScalars.append(Unicode.Scalar(byte))
      default:
        let digits = String(byte, radix: 16, uppercase: true)
        result += byte < 16 ? "%0\(digits)" : "%\(digits)"
      }
    }
  }

  package static func decode(_ text: String) throws(StoreError) -> String {
    guard let bytes = PercentCoding.decode(text.utf8) else {
      throw StoreError(.invalid, "is not percent-encoded", object: text)
    }
    return ByteText.text(writtenAs: bytes)
  }

  /// The names and values of a query.
  package static func query(_ text: String) throws(StoreError) -> [(name: String, value: String)] {
    var items: [(name: String, value: String)] = []
    for item in text.split(byte: UInt8(ascii: "&")) {
      let parts = item.split(byte: UInt8(ascii: "="), keepsEmpty: true, maxCount: 2)
      items.append((try decode(parts[0]), try decode(parts.count > 1 ? parts[1] : "")))
    }
    return items
  }
}
