/// Makes a `JSONValue` of a value. Unlike Foundation's encoder it writes what is missing as null,
/// so that the keys of an answer are always the same.
extension JSONValue {
  /// A value made of numbers, texts, Booleans, arrays and objects.
  package init(encoding value: some Encodable) {
    let place = Place()
    do {
      try value.encode(to: ValueEncoder(place: place))
    } catch {
      preconditionFailure("a value that JSON cannot express: \(error)")
    }
    self = place.value
  }
}

/// Where an encoder leaves what it made.
private final class Place {
  private var single: JSONValue?
  private var elements: [Place]?
  private var fields: [String: Place] = [:]

  var value: JSONValue {
    single ?? elements.map { .array($0.map(\.value)) } ?? .object(fields.mapValues(\.value))
  }

  var count: Int { elements?.count ?? 0 }

  func set(_ value: JSONValue) { single = value }

  func beginArray() { elements = elements ?? [] }

  /// The place of the next element.
  func next() -> Place {
    let place = Place()
    beginArray()
    elements?.append(place)
    return place
  }

  /// The place of a key.
  func child(_ key: String) -> Place {
    let place = Place()
    fields[key] = place
    return place
  }
}

private struct ValueEncoder: Encoder {
  let place: Place
  var codingPath: [any CodingKey] { [] }
  var userInfo: [CodingUserInfoKey: Any] { [:] }

  func container<Key: CodingKey>(keyedBy type: Key.Type) -> KeyedEncodingContainer<Key> {
    KeyedEncodingContainer(KeyedEncoding(place: place))
  }

  func unkeyedContainer() -> any UnkeyedEncodingContainer {
    place.beginArray()
    return UnkeyedEncoding(place: place)
  }

  func singleValueContainer() -> any SingleValueEncodingContainer { SingleEncoding(place: place) }
}

private struct SingleEncoding: SingleValueEncodingContainer {
  let place: Place
  var codingPath: [any CodingKey] { [] }

  func encodeNil() { place.set(.null) }
  func encode(_ value: Bool) { place.set(.boolean(value)) }
  func encode(_ value: String) { place.set(.string(value)) }
  func encode(_ value: Double) { place.set(.number(value)) }
  func encode(_ value: Float) { place.set(.number(Double(value))) }
  func encode(_ value: Int) { integer(value) }
  func encode(_ value: Int8) { integer(value) }
  func encode(_ value: Int16) { integer(value) }
  func encode(_ value: Int32) { integer(value) }
  func encode(_ value: Int64) { integer(value) }
  func encode(_ value: UInt) { integer(value) }
  func encode(_ value: UInt8) { integer(value) }
  func encode(_ value: UInt16) { integer(value) }
  func encode(_ value: UInt32) { integer(value) }
  func encode(_ value: UInt64) { integer(value) }
  func encode<T: Encodable>(_ value: T) throws { try value.encode(to: ValueEncoder(place: place)) }

  private func integer(_ value: some BinaryInteger) {
    place.set(value < 0 ? .signed(Int64(value)) : .unsigned(UInt64(value)))
  }
}

private struct KeyedEncoding<Key: CodingKey>: KeyedEncodingContainerProtocol {
  let place: Place
  var codingPath: [any CodingKey] { [] }

  func encodeNil(forKey key: Key) { place.child(key.stringValue).set(.null) }

  func encode<T: Encodable>(_ value: T, forKey key: Key) throws {
    try SingleEncoding(place: place.child(key.stringValue)).encode(value)
  }

  private func encodeOrNil<T: Encodable>(_ value: T?, _ key: Key) throws {
    guard let value else { return encodeNil(forKey: key) }
    try encode(value, forKey: key)
  }

  func encodeIfPresent<T: Encodable>(_ value: T?, forKey key: Key) throws {
    try encodeOrNil(value, key)
  }
  func encodeIfPresent(_ value: Bool?, forKey key: Key) throws { try encodeOrNil(value, key) }
  func encodeIfPresent(_ value: String?, forKey key: Key) throws { try encodeOrNil(value, key) }
  func encodeIfPresent(_ value: Double?, forKey key: Key) throws { try encodeOrNil(value, key) }
  func encodeIfPresent(_ value: Float?, forKey key: Key) throws { try encodeOrNil(value, key) }
  func encodeIfPresent(_ value: Int?, forKey key: Key) throws { try encodeOrNil(value, key) }
  func encodeIfPresent(_ value: Int8?, forKey key: Key) throws { try encodeOrNil(value, key) }
  func encodeIfPresent(_ value: Int16?, forKey key: Key) throws { try encodeOrNil(value, key) }
  func encodeIfPresent(_ value: Int32?, forKey key: Key) throws { try encodeOrNil(value, key) }
  func encodeIfPresent(_ value: Int64?, forKey key: Key) throws { try encodeOrNil(value, key) }
  func encodeIfPresent(_ value: UInt?, forKey key: Key) throws { try encodeOrNil(value, key) }
  func encodeIfPresent(_ value: UInt8?, forKey key: Key) throws { try encodeOrNil(value, key) }
  func encodeIfPresent(_ value: UInt16?, forKey key: Key) throws { try encodeOrNil(value, key) }
  func encodeIfPresent(_ value: UInt32?, forKey key: Key) throws { try encodeOrNil(value, key) }
  func encodeIfPresent(_ value: UInt64?, forKey key: Key) throws { try encodeOrNil(value, key) }

  func nestedContainer<NestedKey: CodingKey>(
    keyedBy type: NestedKey.Type, forKey key: Key
  ) -> KeyedEncodingContainer<NestedKey> {
    KeyedEncodingContainer(KeyedEncoding<NestedKey>(place: place.child(key.stringValue)))
  }
  func nestedUnkeyedContainer(forKey key: Key) -> any UnkeyedEncodingContainer {
    ValueEncoder(place: place.child(key.stringValue)).unkeyedContainer()
  }
  func superEncoder() -> any Encoder { ValueEncoder(place: place.child("super")) }
  func superEncoder(forKey key: Key) -> any Encoder {
    ValueEncoder(place: place.child(key.stringValue))
  }
}

private struct UnkeyedEncoding: UnkeyedEncodingContainer {
  let place: Place
  var codingPath: [any CodingKey] { [] }
  var count: Int { place.count }

  func encodeNil() { place.next().set(.null) }
  func encode<T: Encodable>(_ value: T) throws {
    try SingleEncoding(place: place.next()).encode(value)
  }

  func nestedContainer<NestedKey: CodingKey>(
    keyedBy type: NestedKey.Type
  ) -> KeyedEncodingContainer<NestedKey> {
    KeyedEncodingContainer(KeyedEncoding<NestedKey>(place: place.next()))
  }
  func nestedUnkeyedContainer() -> any UnkeyedEncodingContainer {
    ValueEncoder(place: place.next()).unkeyedContainer()
  }
  func superEncoder() -> any Encoder { ValueEncoder(place: place.next()) }
}
