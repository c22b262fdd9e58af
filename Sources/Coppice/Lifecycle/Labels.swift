internal import CoppiceFormat
internal import CoppicePlatform

/// What is said of an entry: texts, each under a key. Keys and values are told apart by their
/// bytes, as names are, and keys come in the order of theirs.
public struct Labels: Sendable {
  public typealias Label = (key: String, value: String)

  /// Keys ascending, each once.
  private var labels: [Label] = []

  /// Of labels with the same key the last.
  public init(_ labels: some Sequence<Label>) {
    for label in labels { self[label.key] = label.value }
  }

  /// The value under a key; `nil` without the key, and takes it away.
  public subscript(key: String) -> String? {
    get { index(of: key).map { labels[$0].value } }
    set {
      let known = index(of: key)
      switch (known, newValue) {
      case (let known?, let value?): labels[known].value = value
      case (let known?, nil): labels.remove(at: known)
      case (nil, let value?):
        let place = labels.firstIndex { key.precedes($0.key) } ?? labels.endIndex
        labels.insert((key, value), at: place)
      case (nil, nil): break
      }
    }
  }

  /// Takes others in, in the place of those with the same keys.
  public mutating func merge(_ others: Labels) {
    for (key, value) in others { self[key] = value }
  }

  /// Whether each of those is among them, with its value.
  public func contains(_ others: Labels) -> Bool {
    others.allSatisfy { self[$0.key]?.hasBytes(of: $0.value) ?? false }
  }

  private func index(of key: String) -> Int? {
    labels.firstIndex { $0.key.hasBytes(of: key) }
  }
}

extension Labels: RandomAccessCollection {
  public var startIndex: Int { labels.startIndex }
  public var endIndex: Int { labels.endIndex }
  public subscript(position: Int) -> Label { labels[position] }
}

extension Labels: Hashable {
  public static func == (a: Labels, b: Labels) -> Bool {
    a.count == b.count
      && zip(a, b).allSatisfy { $0.key.hasBytes(of: $1.key) && $0.value.hasBytes(of: $1.value) }
  }

  public func hash(into hasher: inout Hasher) {
    for (key, value) in labels {
      hasher.combine(key.nameKey)
      hasher.combine(value.nameKey)
    }
  }
}

extension Labels: ExpressibleByDictionaryLiteral {
  public init(dictionaryLiteral elements: (String, String)...) {
    self.init(elements.map { (key: $0.0, value: $0.1) })
  }
}

/// As an object.
extension Labels: Codable {
  public init(from decoder: any Decoder) throws {
    let values = try [String: String](from: decoder)
    self.init(values.map { (key: $0.key, value: $0.value) })
  }

  public func encode(to encoder: any Encoder) throws {
    let values = labels.map { ($0.key, $0.value) }
    try Dictionary(values, uniquingKeysWith: { $1 }).encode(to: encoder)
  }
}

// MARK: Rules

extension Labels {
  public static let countMax = 32
  public static let keyByteCountMax = 63
  /// Of a value, of an owner, and of the reason of a protection.
  public static let valueByteCountMax = 255

  /// Throws `invalid` for a label that breaks the rules.
  public static func validate(
    key: String, value: String, of object: String
  ) throws(StoreError) {
    guard (1...keyByteCountMax).contains(key.utf8.count) else {
      throw StoreError(
        .invalid, "a label's key has 1 to \(keyByteCountMax) bytes, '\(key)' \(key.utf8.count)",
        object: object, remedy: "use a shorter one")
    }
    try check(key, "a label's key", object)
    guard !key.utf8.contains(UInt8(ascii: "=")) else {
      throw StoreError(
        .invalid, "a label's key has no '='", object: object, remedy: "write KEY=VALUE")
    }
    guard value.utf8.count <= valueByteCountMax else {
      throw StoreError(
        .invalid,
        "a label's value has at most \(valueByteCountMax) bytes, that of '\(key)' "
          + "\(value.utf8.count)", object: object, remedy: "use a shorter one")
    }
    try check(value, "a label's value", object)
  }

  /// Throws `invalid` for labels that break the rules, and for two whose keys are one text in
  /// different bytes, which readers of JSON take for one key.
  public func validate(of object: String) throws(StoreError) {
    guard count <= Self.countMax else {
      throw StoreError(
        .invalid, "has at most \(Self.countMax) labels, not \(count)", object: object,
        remedy: "leave some out, or remove others first")
    }
    var known: Set<String> = []
    for (key, value) in labels {
      try Self.validate(key: key, value: value, of: object)
      guard known.insert(key).inserted else {
        throw StoreError(
          .invalid, "two labels have the key '\(key)', in different bytes", object: object,
          remedy: "leave one out, or remove it first")
      }
    }
  }

  func value(_ object: String) throws(StoreError) -> [UInt8] {
    try validate(of: object)
    return EntryField.value(ofLabels: labels)
  }

  /// Of an owner, and of a reason.
  static func value(
    ofText text: String, _ what: String, _ object: String
  ) throws(StoreError) -> [UInt8] {
    guard (1...valueByteCountMax).contains(text.utf8.count) else {
      throw StoreError(
        .invalid, "\(what) has 1 to \(valueByteCountMax) bytes, this one \(text.utf8.count)",
        object: object, remedy: "write a shorter one, or leave it out")
    }
    try check(text, what, object)
    return Array(text.utf8)
  }

  private static func check(
    _ text: String, _ what: String, _ object: String
  ) throws(StoreError) {
    guard ByteText.bytes(text) == Array(text.utf8),
      text.unicodeScalars.allSatisfy({ $0.properties.generalCategory != .control })
    else {
      throw StoreError(
        .invalid, "\(what) is UTF-8 without control characters", object: object,
        remedy: "use letters, digits and the like")
    }
  }
}
