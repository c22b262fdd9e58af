internal import CoppiceServer

extension WireRequest {
  /// The keys of its answer, for help: what the answer's type says, in the order in which it does.
  static var keys: String { Shape(of: Answer.self).keys }
}

extension Reply where Self: Decodable {
  /// As those of a request's answer.
  static var keys: String { Shape(of: Self.self).keys }
}

extension Shape {
  /// Of an object: its keys. `?` marks what may be null; in brackets stand the keys of the elements
  /// of a list, in braces those of an object.
  var keys: String {
    fields.map { $0.name + ($0.isOptional ? "?" : "") + $0.shape.innerKeys }
      .joined(separator: ", ")
  }

  private var innerKeys: String {
    switch self {
    case .array(let element): " [\(element.keys)]"
    case .object: " {\(keys)}"
    default: ""
    }
  }
}
