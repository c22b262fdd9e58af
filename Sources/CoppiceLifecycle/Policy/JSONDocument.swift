internal import CoppiceErrors
internal import CoppicePlatform

/// A JSON document as it was written: the order of its keys stands, and each key stands once.
///
/// Of its own, because a document that decides what is deleted is read strictly: decoders pass over
/// doubled and unknown keys.
indirect enum JSONDocument: Hashable, Sendable {
  case null
  case boolean(Bool)
  /// As it was written.
  case number(String)
  case text(String)
  case list([JSONDocument])
  case object([Field])

  struct Field: Hashable, Sendable {
    var key: String
    var value: JSONDocument
  }

  /// What it is, for messages.
  var kind: String {
    switch self {
    case .null: "null"
    case .boolean: "true or false"
    case .number: "a number"
    case .text: "text"
    case .list: "a list"
    case .object: "an object"
    }
  }
}

extension JSONDocument {
  /// Reads RFC 8259. Throws `invalid`, with the line and column, or with the path of a key that is
  /// there twice.
  init(parsing bytes: [UInt8]) throws(StoreError) {
    // Lone surrogates and other bytes that are no UTF-8 would become replacement characters.
    guard String(validating: bytes, as: UTF8.self) != nil else {
      throw StoreError(.invalid, "the document is not UTF-8", remedy: "save it as UTF-8")
    }
    var parser = JSONParser(bytes: bytes)
    self = try parser.document()
  }
}

/// Goes through the bytes once.
private struct JSONParser {
  let bytes: [UInt8]
  var index = 0
  /// Where in the document it is: `rules[2].ttlMax`.
  var path = ""

  private static let depthMax = 16

  init(bytes: [UInt8]) { self.bytes = bytes }

  mutating func document() throws(StoreError) -> JSONDocument {
    let value = try self.value(depth: 0)
    skipSpace()
    guard index == bytes.count else { throw failure("the document's end") }
    return value
  }

  private mutating func value(depth: Int) throws(StoreError) -> JSONDocument {
    guard depth < Self.depthMax else { throw failure("fewer than \(Self.depthMax) levels") }
    skipSpace()
    switch next {
    case UInt8(ascii: "{"): return try object(depth: depth)
    case UInt8(ascii: "["): return try list(depth: depth)
    case UInt8(ascii: "\""): return .text(try text())
    case UInt8(ascii: "t"): return try word("true", .boolean(true))
    case UInt8(ascii: "f"): return try word("false", .boolean(false))
    case UInt8(ascii: "n"): return try word("null", .null)
    default: return .number(try number())
    }
  }

  private mutating func object(depth: Int) throws(StoreError) -> JSONDocument {
    index += 1
    var fields: [JSONDocument.Field] = []
    var keys: Set<[UInt8]> = []
    let outside = path
    while !skip("}") {
      if !fields.isEmpty, !skip(",") { throw failure("a comma or }") }
      skipSpace()
      guard next == UInt8(ascii: "\"") else { throw failure("a key in quotation marks") }
      let key = try text()
      path = outside.isEmpty ? key : "\(outside).\(key)"
      guard keys.insert(key.nameKey).inserted else {
        throw StoreError(
          .invalid, "the key is there twice", object: path, remedy: "leave one of the two")
      }
      guard skip(":") else { throw failure("a colon") }
      fields.append(JSONDocument.Field(key: key, value: try value(depth: depth + 1)))
    }
    path = outside
    return .object(fields)
  }

  private mutating func list(depth: Int) throws(StoreError) -> JSONDocument {
    index += 1
    var elements: [JSONDocument] = []
    let outside = path
    while !skip("]") {
      if !elements.isEmpty, !skip(",") { throw failure("a comma or ]") }
      path = "\(outside)[\(elements.count)]"
      elements.append(try value(depth: depth + 1))
    }
    path = outside
    return .list(elements)
  }

  private mutating func text() throws(StoreError) -> String {
    index += 1
    var content: [UInt8] = []
    while let byte = next, byte != UInt8(ascii: "\"") {
      guard byte >= 0x20 else { throw failure("a control character written as \\u00..") }
      index += 1
      if byte == UInt8(ascii: "\\") {
        content += Array(String(try escaped()).utf8)
      } else {
        content.append(byte)
      }
    }
    guard next != nil else { throw failure("a quotation mark") }
    index += 1
    return String(decoding: content, as: UTF8.self)
  }

  /// What a backslash introduces.
  private mutating func escaped() throws(StoreError) -> Unicode.Scalar {
    let simple: [UInt8: Unicode.Scalar] = [
      UInt8(ascii: "\""): "\"", UInt8(ascii: "\\"): "\\", UInt8(ascii: "/"): "/",
      UInt8(ascii: "b"): "\u{8}", UInt8(ascii: "f"): "\u{C}", UInt8(ascii: "n"): "\n",
      UInt8(ascii: "r"): "\r", UInt8(ascii: "t"): "\t",
    ]
    if let byte = next, let scalar = simple[byte] {
      index += 1
      return scalar
    }
    let first = try unit()
    guard (0xD800..<0xDC00).contains(first) else {
      guard let scalar = Unicode.Scalar(first) else { throw failure("a pair of surrogates") }
      return scalar
    }
    guard next == UInt8(ascii: "\\") else { throw failure("a pair of surrogates") }
    index += 1
    let second = try unit()
    guard (0xDC00..<0xE000).contains(second),
      let scalar = Unicode.Scalar(0x10000 + (first - 0xD800) << 10 + (second - 0xDC00))
    else { throw failure("a pair of surrogates") }
    return scalar
  }

  /// The four digits behind `\u`, with the letter.
  private mutating func unit() throws(StoreError) -> UInt32 {
    let digits = bytes[min(index + 1, bytes.count)..<min(index + 5, bytes.count)]
    guard next == UInt8(ascii: "u"), digits.count == 4,
      digits.allSatisfy({ Character(Unicode.Scalar($0)).isHexDigit }),
      let value = UInt32(String(decoding: digits, as: UTF8.self), radix: 16)
    else { throw failure("an escape of JSON's") }
    index += 5
    return value
  }

  private mutating func number() throws(StoreError) -> String {
    let start = index
    if next == UInt8(ascii: "-") { index += 1 }
    let whole = try digits()
    guard whole == 1 || bytes[index - whole] != UInt8(ascii: "0") else {
      throw failure("a number without leading zeros")
    }
    if next == UInt8(ascii: ".") {
      index += 1
      _ = try digits()
    }
    if next == UInt8(ascii: "e") || next == UInt8(ascii: "E") {
      index += 1
      if next == UInt8(ascii: "+") || next == UInt8(ascii: "-") { index += 1 }
      _ = try digits()
    }
    return String(decoding: bytes[start..<index], as: UTF8.self)
  }

  /// Passes over digits, and says how many there were: one at least.
  private mutating func digits() throws(StoreError) -> Int {
    let start = index
    while let byte = next, (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) { index += 1 }
    guard index > start else { throw failure("a value") }
    return index - start
  }

  private mutating func word(_ text: String, _ value: JSONDocument) throws(StoreError)
    -> JSONDocument
  {
    guard bytes[index...].starts(with: text.utf8) else { throw failure("a value") }
    index += text.utf8.count
    return value
  }

  private var next: UInt8? { index < bytes.count ? bytes[index] : nil }

  private mutating func skipSpace() {
    while let byte = next, byte == 0x20 || (0x09...0x0A).contains(byte) || byte == 0x0D {
      index += 1
    }
  }

  /// Whether the next thing is that character, which is passed over then.
  private mutating func skip(_ character: Unicode.Scalar) -> Bool {
    skipSpace()
    guard next == UInt8(ascii: character) else { return false }
    index += 1
    return true
  }

  private func failure(_ expected: String) -> StoreError {
    let before = bytes[..<min(index, bytes.count)]
    let line = before.count { $0 == UInt8(ascii: "\n") } + 1
    let column = before.count - (before.lastIndex(of: UInt8(ascii: "\n")).map { $0 + 1 } ?? 0) + 1
    return StoreError(
      .invalid, "the document is no JSON: line \(line), column \(column) wants \(expected)",
      object: path)
  }
}
