internal import Coppice

/// The form that a type has in JSON, found out by letting the type decode itself from nothing: so
/// the description of the API cannot say other than the code does.
package indirect enum Shape: Hashable, Sendable {
  case boolean
  case integer
  case number
  case string
  /// A text, by RFC 3339.
  case time
  /// One of these texts.
  case choice([String])
  case array(Shape)
  case object([Field])

  package struct Field: Hashable, Sendable {
    package var name: String
    package var shape: Shape
    /// Whether it may be missing, or null.
    package var isOptional: Bool
  }

  /// The shape of a type made of numbers, texts, times, Booleans, arrays and objects.
  package init(of type: any Decodable.Type) {
    let recording = Recording()
    do {
      _ = try recording.value(type)
    } catch {
      preconditionFailure("\(type) has no plain shape in JSON: \(error)")
    }
    self = recording.shape
  }

  /// The fields of an object.
  package var fields: [Field] {
    if case .object(let fields) = self { fields } else { [] }
  }
}

/// What a value asked for while it decoded itself.
private final class Recording {
  var shape = Shape.object([])

  func add(_ name: String, _ shape: Shape, isOptional: Bool) {
    var fields = self.shape.fields
    // Two types that share an object may have a field in common.
    guard !fields.contains(where: { $0.name == name }) else { return }
    fields.append(Shape.Field(name: name, shape: shape, isOptional: isOptional))
    self.shape = .object(fields)
  }

  /// A value of the type, made while its shape is noted. What is a text that only some values have
  /// cannot decode itself from any.
  func value<T: Decodable>(_ type: T.Type) throws -> T {
    if let time = Timestamp(nanoseconds: 0) as? T {
      shape = .time
      return time
    }
    if let choices = type as? any CaseIterable.Type, let value = first(of: choices) as? T {
      return value
    }
    return try T(from: ShapeDecoder(recording: self))
  }

  private func first<Choice: CaseIterable>(of type: Choice.Type) -> Choice? {
    shape = .choice(
      type.allCases.compactMap { ($0 as? any Encodable).flatMap { JSONValue(encoding: $0).text } })
    return type.allCases.first
  }
}

private struct Unsupported: Error {}

private struct ShapeDecoder: Decoder {
  let recording: Recording
  var codingPath: [any CodingKey] { [] }
  var userInfo: [CodingUserInfoKey: Any] { [:] }

  func container<Key: CodingKey>(keyedBy type: Key.Type) -> KeyedDecodingContainer<Key> {
    KeyedDecodingContainer(KeyedShape<Key>(recording: recording))
  }

  func unkeyedContainer() -> any UnkeyedDecodingContainer { ElementShape(recording: recording) }

  func singleValueContainer() -> any SingleValueDecodingContainer {
    ValueShape(recording: recording)
  }
}

private final class KeyedShape<Key: CodingKey>: KeyedDecodingContainerProtocol {
  private let recording: Recording
  /// Only optional fields are asked for before they are decoded.
  private var asked: Set<String> = []
  let codingPath: [any CodingKey] = []
  let allKeys: [Key] = []

  init(recording: Recording) { self.recording = recording }

  func contains(_ key: Key) -> Bool {
    asked.insert(key.stringValue)
    return true
  }

  func decodeNil(forKey key: Key) -> Bool { false }

  func decode<T: Decodable>(_ type: T.Type, forKey key: Key) throws -> T {
    let inner = Recording()
    let value = try inner.value(type)
    recording.add(
      key.stringValue, inner.shape, isOptional: asked.contains(key.stringValue))
    return value
  }

  func nestedContainer<NestedKey: CodingKey>(
    keyedBy type: NestedKey.Type, forKey key: Key
  ) throws -> KeyedDecodingContainer<NestedKey> { throw Unsupported() }
  func nestedUnkeyedContainer(forKey key: Key) throws -> any UnkeyedDecodingContainer {
    throw Unsupported()
  }
  func superDecoder() throws -> any Decoder { throw Unsupported() }
  func superDecoder(forKey key: Key) throws -> any Decoder { throw Unsupported() }
}

/// An array of one element.
private struct ElementShape: UnkeyedDecodingContainer {
  let recording: Recording
  let codingPath: [any CodingKey] = []
  let count: Int? = 1
  private(set) var currentIndex = 0
  var isAtEnd: Bool { currentIndex > 0 }

  init(recording: Recording) { self.recording = recording }

  func decodeNil() -> Bool { false }

  mutating func decode<T: Decodable>(_ type: T.Type) throws -> T {
    currentIndex += 1
    let inner = Recording()
    let value = try inner.value(type)
    recording.shape = .array(inner.shape)
    return value
  }

  func nestedContainer<NestedKey: CodingKey>(
    keyedBy type: NestedKey.Type
  ) throws -> KeyedDecodingContainer<NestedKey> { throw Unsupported() }
  func nestedUnkeyedContainer() throws -> any UnkeyedDecodingContainer { throw Unsupported() }
  func superDecoder() throws -> any Decoder { throw Unsupported() }
}

private struct ValueShape: SingleValueDecodingContainer {
  let recording: Recording
  let codingPath: [any CodingKey] = []

  init(recording: Recording) { self.recording = recording }

  func decodeNil() -> Bool { false }

  func decode<T: Decodable>(_ type: T.Type) throws -> T {
    let samples: [(Shape, any Decodable)] = [
      (.boolean, false), (.string, "text"), (.integer, 0), (.integer, Int32(0)),
      (.integer, Int64(0)), (.integer, UInt8(0)), (.integer, UInt16(0)), (.integer, UInt32(0)),
      (.integer, UInt64(0)), (.number, 0.0),
    ]
    for (shape, sample) in samples {
      guard let value = sample as? T else { continue }
      recording.shape = shape
      return value
    }
    throw Unsupported()
  }
}
