internal import Coppice
internal import FoundationEssentials

/// Values as the API carries them.
package enum JSON {
  /// One line, or several for people. What is missing in the value is null.
  package static func encode(_ value: some Encodable, isPretty: Bool = false) -> [UInt8] {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    if isPretty { encoder.outputFormatting.insert(.prettyPrinted) }
    do {
      return Array(try encoder.encode(JSONValue(encoding: value)))
    } catch {
      preconditionFailure("a value that JSON cannot express: \(error)")
    }
  }

  /// Throws what the bytes lack, in one sentence.
  package static func decode<Value: Decodable>(
    _ type: Value.Type, from bytes: some Sequence<UInt8>
  ) throws(JSONFailure) -> Value {
    do {
      return try JSONDecoder().decode(type, from: Data(bytes))
    } catch let error as DecodingError {
      throw JSONFailure(error)
    } catch {
      throw JSONFailure(description: "\(error)")
    }
  }
}

/// Why bytes are not the JSON that was expected.
package struct JSONFailure: Error, CustomStringConvertible {
  package var description: String

  init(description: String) { self.description = description }

  init(_ error: DecodingError) {
    switch error {
    case .keyNotFound(let key, let context):
      description = "\(Self.place(context))the field '\(key.stringValue)' is missing"
    case .typeMismatch(_, let context), .valueNotFound(_, let context),
      .dataCorrupted(let context):
      description = Self.place(context) + context.debugDescription
    @unknown default: description = "\(error)"
    }
  }

  private static func place(_ context: DecodingError.Context) -> String {
    let path = context.codingPath.map(\.stringValue).joined(separator: ".")
    return path.isEmpty ? "" : "\(path): "
  }
}
