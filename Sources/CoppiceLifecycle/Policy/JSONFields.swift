internal import CoppiceErrors

/// The fields of an object, each looked at under its key. A key that the object may not have is
/// refused at once.
struct JSONFields<Key: CaseIterable & RawRepresentable<String>> {
  /// Where the object stands in its document; empty for the document itself.
  let path: String
  private let values: [String: JSONDocument]

  /// Throws `invalid` for anything but an object, and for unknown keys.
  init(_ document: JSONDocument, at path: String, keys: Key.Type = Key.self) throws(StoreError) {
    guard case .object(let fields) = document else {
      throw StoreError(
        .invalid, "there is \(document.kind) where an object must be", object: path,
        remedy: Self.allowed)
    }
    for field in fields where Key(rawValue: field.key) == nil {
      throw StoreError(
        .invalid, "there is no such key", object: Self.joined(path, field.key),
        remedy: Self.allowed)
    }
    self.path = path
    values = Dictionary(uniqueKeysWithValues: fields.map { ($0.key, $0.value) })
  }

  private static var allowed: Remedy {
    "the keys are \(Key.allCases.map(\.rawValue).joined(separator: ", "))"
  }

  private static func joined(_ path: String, _ key: String) -> String {
    path.isEmpty ? key : "\(path).\(key)"
  }

  subscript(key: Key) -> JSONDocument? { values[key.rawValue] }

  /// The path of one of the keys.
  func path(_ key: Key) -> String { Self.joined(path, key.rawValue) }

  /// What `read` makes of the text under a key; `nil` without the key.
  func text<Value>(
    _ key: Key, _ form: String, read: (String) -> Value?
  ) throws(StoreError) -> Value? {
    guard let value = self[key] else { return nil }
    guard case .text(let text) = value else { throw failure(key, value, form) }
    guard let result = read(text) else { throw failure(key, value, form) }
    return result
  }

  /// A length of time, of `minimum` at least.
  func span(_ key: Key, minimum: TimeSpan? = nil) throws(StoreError) -> TimeSpan? {
    let span = try text(key, TimeSpan.form, read: TimeSpan.init)
    if let span, let minimum, span < minimum {
      throw StoreError(
        .invalid, "\(span) is too short", object: path(key), remedy: "\(minimum) is the shortest")
    }
    return span
  }

  /// A whole number in a range.
  func integer(_ key: Key, in range: ClosedRange<Int>) throws(StoreError) -> Int? {
    guard let value = self[key] else { return nil }
    guard case .number(let text) = value, let number = Int(text), range.contains(number) else {
      throw failure(key, value, "a whole number from \(range.lowerBound) to \(range.upperBound)")
    }
    return number
  }

  /// `true` or `false`.
  func flag(_ key: Key) throws(StoreError) -> Bool? {
    guard let value = self[key] else { return nil }
    guard case .boolean(let flag) = value else { throw failure(key, value, "true or false") }
    return flag
  }

  /// A list of words that a set of them has, each once.
  func words<Word: Hashable>(
    _ key: Key, of words: [(name: String, value: Word)]
  ) throws(StoreError) -> [Word]? {
    guard let value = self[key] else { return nil }
    let form = "a list of \(words.map(\.name).joined(separator: ", ")), each once at most"
    guard case .list(let elements) = value else { throw failure(key, value, form) }
    var result: [Word] = []
    for element in elements {
      guard case .text(let text) = element, let word = words.first(where: { $0.name == text }),
        !result.contains(word.value)
      else { throw failure(key, element, form) }
      result.append(word.value)
    }
    return result
  }

  private func failure(_ key: Key, _ value: JSONDocument, _ form: String) -> StoreError {
    let shown =
      switch value {
      case .text(let text): "'\(text)'"
      case .number(let text): text
      case .null, .boolean, .list, .object: value.kind
      }
    return StoreError(
      .invalid, "\(shown) is not what it must be", object: path(key), remedy: "write \(form)")
  }
}
