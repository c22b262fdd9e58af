/// An element of an answer: as much of XML as stores write, and nothing that makes small text
/// large. Attributes, comments and declarations are passed over.
package struct XMLElement {
  private static let depthMax = 16

  /// Without the prefix of a namespace.
  package let name: String
  private var children: [XMLElement] = []
  /// Of the element itself, entities replaced.
  package private(set) var text = ""

  private init(name: String) { self.name = name }

  /// The outermost element; `nil` when the bytes are no such document, or not all of one.
  package init?(_ bytes: [UInt8]) {
    var scanner = XMLScanner(bytes)
    guard let name = scanner.openOutermost(),
      let element = Self.element(name, &scanner, depth: 1), scanner.isAtEnd
    else { return nil }
    self = element
  }

  /// The text of the first child of that name.
  package func text(of name: String) -> String? { children.first { $0.name == name }?.text }

  package func children(named name: String) -> [XMLElement] { children.filter { $0.name == name } }

  /// The rest of an element that has been opened.
  private static func element(
    _ tag: XMLScanner.Tag, _ scanner: inout XMLScanner, depth: Int
  ) -> XMLElement? {
    var element = XMLElement(name: tag.name)
    if tag.isEmpty { return element }
    guard depth < depthMax else { return nil }
    while let part = scanner.next() {
      switch part {
      case .text(let text): element.text += text
      case .open(let tag):
        guard let child = Self.element(tag, &scanner, depth: depth + 1) else { return nil }
        element.children.append(child)
      case .close(let name): return name == tag.name ? element : nil
      }
    }
    return nil
  }
}

/// Takes a document apart.
private struct XMLScanner {
  struct Tag {
    var name: String
    var isEmpty: Bool
  }

  enum Part {
    case text(String)
    case open(Tag)
    case close(String)
  }

  private var rest: ArraySlice<UInt8>

  init(_ bytes: [UInt8]) { rest = bytes[...] }

  /// Whether nothing follows but what may follow the outermost element.
  var isAtEnd: Bool {
    rest.allSatisfy { $0 == 0x20 || $0 == 0x09 || $0 == 0x0A || $0 == 0x0D }
  }

  mutating func openOutermost() -> Tag? {
    while let part = next() {
      switch part {
      case .text(let text): guard text.allSatisfy(\.isWhitespace) else { return nil }
      case .open(let tag): return tag
      case .close: return nil
      }
    }
    return nil
  }

  /// `nil` at the end, and where something else stands than XML.
  mutating func next() -> Part? {
    while true {
      guard let byte = rest.first else { return nil }
      guard byte == UInt8(ascii: "<") else {
        let text = rest.prefix { $0 != UInt8(ascii: "<") }
        rest = rest.dropFirst(text.count)
        return Self.decode(text).map(Part.text)
      }
      rest = rest.dropFirst()
      if rest.starts(with: "!--".utf8) {
        guard skip(past: "-->") else { return nil }
      } else if rest.first == UInt8(ascii: "?") {
        guard skip(past: "?>") else { return nil }
      } else if rest.first == UInt8(ascii: "!") {
        return nil
      } else {
        return tag()
      }
    }
  }

  private mutating func skip(past end: String) -> Bool {
    let end = Array(end.utf8)
    while !rest.isEmpty {
      if rest.starts(with: end) {
        rest = rest.dropFirst(end.count)
        return true
      }
      rest = rest.dropFirst()
    }
    return false
  }

  private mutating func tag() -> Part? {
    guard let end = rest.firstIndex(of: UInt8(ascii: ">")) else { return nil }
    var inside = rest[..<end]
    rest = rest[(end + 1)...]
    let isClosing = inside.first == UInt8(ascii: "/")
    if isClosing { inside = inside.dropFirst() }
    let isEmpty = !isClosing && inside.last == UInt8(ascii: "/")
    if isEmpty { inside = inside.dropLast() }
    let whole = inside.prefix { $0 > 0x20 }
    let name = whole.lastIndex(of: UInt8(ascii: ":")).map { whole[($0 + 1)...] } ?? whole
    guard !name.isEmpty, let text = String(validating: name, as: UTF8.self) else { return nil }
    return isClosing ? .close(text) : .open(Tag(name: text, isEmpty: isEmpty))
  }

  private static func decode(_ bytes: ArraySlice<UInt8>) -> String? {
    guard bytes.contains(UInt8(ascii: "&")) else { return String(validating: bytes, as: UTF8.self) }
    var text = ""
    var rest = bytes
    while !rest.isEmpty {
      let plain = rest.prefix { $0 != UInt8(ascii: "&") }
      guard let piece = String(validating: plain, as: UTF8.self) else { return nil }
      text += piece
      rest = rest.dropFirst(plain.count)
      guard !rest.isEmpty else { break }
      let entity = rest.prefix(12).prefix { $0 != UInt8(ascii: ";") }
      guard entity.count < 12, entity.count < rest.count, let scalar = scalar(entity.dropFirst())
      else { return nil }
      text.unicodeScalars.append(scalar)
      rest = rest.dropFirst(entity.count + 1)
    }
    return text
  }

  /// What the name of an entity, or a number, stands for.
  private static func scalar(_ name: ArraySlice<UInt8>) -> Unicode.Scalar? {
    let name = String(decoding: name, as: UTF8.self)
    switch name {
    case "amp": return "&"
    case "lt": return "<"
    case "gt": return ">"
    case "quot": return "\""
    case "apos": return "'"
    default:
      guard name.hasPrefix("#") else { return nil }
      let digits = name.dropFirst()
      let number =
        digits.hasPrefix("x") ? UInt32(digits.dropFirst(), radix: 16) : UInt32(digits)
      return number.flatMap(Unicode.Scalar.init)
    }
  }
}
